"""A simulated VA for development and tests. It keeps state and uses VA's own paths."""
