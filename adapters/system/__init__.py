"""The machine: its clock, its randomness and its files."""
