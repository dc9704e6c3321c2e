"""The commands of `vetassist`, one module for each group."""
