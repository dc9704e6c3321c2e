"""What operators do in the console besides the operations that commands share."""
