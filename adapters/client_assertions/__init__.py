"""Client authentication with signed JWTs (RFC 7523)."""
