"""The ports in memory: for tests, and as the plainest statement of what a port means."""
