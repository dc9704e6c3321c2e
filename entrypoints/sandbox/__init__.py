"""A simulated VA for development and tests: a small stateful world behind VA's own paths."""
