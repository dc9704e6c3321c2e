"""The schema, for the commands that look after it and need nothing else of the service.

Apart from the container, which imports everything: `serve` looks at the schema first and is up
in half the time.
"""

from adapters.postgres.migrations import SchemaError, migrate, pending_migrations

__all__ = ["SchemaError", "migrate", "pending_migrations"]
