"""The machine: its clock and its randomness."""
