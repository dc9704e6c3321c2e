"""From the start of a sign-in to an open session."""
