"""VA tokens: their use, refresh, revocation, and keys."""
