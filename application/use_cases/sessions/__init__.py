"""The life of a session: validate, renew, list, revoke."""
