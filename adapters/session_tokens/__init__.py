"""VetAssist's own tokens: JWTs and refresh tokens."""
