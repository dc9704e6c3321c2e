"""Registered back ends and their credentials."""
