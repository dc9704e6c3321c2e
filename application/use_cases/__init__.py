"""One thing the service does, one file each."""
