"""The audit trail: seal, verify, export, and retire."""
