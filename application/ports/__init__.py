"""What the use cases need of the outside world, one protocol a file."""
