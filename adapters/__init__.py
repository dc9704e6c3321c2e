"""What keeps the promises of the ports."""
