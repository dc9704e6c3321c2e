"""In-memory adapters, for tests. They also show each port's behavior in its simplest form."""
