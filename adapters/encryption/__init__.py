"""Encryption at rest, and pseudonyms for what is only compared."""
