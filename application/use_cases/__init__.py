"""Use cases: one file for each thing that the service does, grouped by capability."""
