"""What operators and background jobs do."""
