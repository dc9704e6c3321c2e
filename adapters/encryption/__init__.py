"""Encryption at rest, and pseudonyms for values that are only compared."""
