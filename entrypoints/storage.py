"""The database, for the commands that look after it and need nothing else of the service.

Apart from the container, which imports everything: `serve` looks at the schema first and is up
in half the time.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import psycopg

from adapters.postgres import migrations
from adapters.postgres.command_connection import (
    DatabaseFaultError,
    EncodingError,
    PoolerError,
    connection_faults,
)
from adapters.postgres.migrations import Migration, SchemaError, pending_migrations
from adapters.system.clock import SystemClock
from application.errors import UnavailableError
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor

__all__ = [
    "DATABASE_ERRORS",
    "DatabaseFaultError",
    "EncodingError",
    "Migration",
    "PoolerError",
    "SchemaError",
    "connection_faults",
    "migrate",
    "pending_migrations",
]

#: What is raised where the database cannot be reached, refuses, or cannot be used as it is.
DATABASE_ERRORS: Final = (psycopg.Error, UnavailableError, DatabaseFaultError)


def migrate(
    database_url: str,
    *,
    application_role: str | None = None,
    operator: str | None = None,
    prepared_statements: bool = True,
) -> Sequence[Migration]:
    """Bring the schema up to date, on record. As ``migrations.migrate``.

    Args:
        database_url: Of the owner of the tables.
        application_role: The name of a role; None: only those named before.
        operator: Who does it; None: nobody in particular, as in the demo.
        prepared_statements: Whether the way to the database keeps them.
    """
    note = partial(_note, Visitor(operator=operator))
    return migrations.migrate(
        database_url,
        application_role=application_role,
        note=note,
        prepared_statements=prepared_statements,
    )


def _note(visitor: Visitor, steps: Sequence[Migration], role: str | None) -> AuditEvent:
    data = {} if role is None else {"application_role": role}
    return AuditEvent.of_service(
        AuditEventType.SCHEMA_MIGRATED,
        visitor=visitor,
        now=SystemClock().now(),
        steps=" ".join(str(step.version) for step in steps),
        **data,
    )
