"""Benchmarks of the service. Run them with `make bench`."""
