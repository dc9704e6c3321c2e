"""What users can see of themselves."""
