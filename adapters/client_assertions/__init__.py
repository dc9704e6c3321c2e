"""Clients that prove by a signed JWT who they are."""
