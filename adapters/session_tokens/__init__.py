"""VetAssist's own tokens as JWTs."""
