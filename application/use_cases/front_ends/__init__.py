"""Use cases: operators manage front ends."""
