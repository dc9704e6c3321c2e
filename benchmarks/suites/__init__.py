"""The benchmark suites, one per file."""
