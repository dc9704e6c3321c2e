"""The database, for code that checks or prepares it and doesn't need the container.

The container imports everything. `serve` checks the schema first, and starts in half the time
without it. To swap the storage, replace this module together with the storage of the container.
"""

import logging
from collections.abc import Sequence
from functools import partial

from adapters.postgres import command_connection, migrations
from adapters.postgres.command_connection import (
    DatabaseFaultError,
    EncodingError,
    PoolerError,
    PrivilegeError,
)
from adapters.postgres.connection_url import connection_url_fault, parameter_of, url_with
from adapters.postgres.driver_errors import described_errors
from adapters.postgres.migrations import Migration, SchemaError
from adapters.system.clock import SystemClock
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor

__all__ = [
    "DatabaseFaultError",
    "EncodingError",
    "Migration",
    "PoolerError",
    "PrivilegeError",
    "SchemaError",
    "connection_faults",
    "connection_url_fault",
    "described_errors",
    "migrate",
    "parameter_of",
    "pending_migrations",
    "quiet_logs",
    "url_with",
]


def migrate(
    database_url: str,
    *,
    application_role: str | None = None,
    operator: str | None = None,
    prepared_statements: bool = True,
) -> Sequence[Migration]:
    """Apply the missing migrations, and record that in the audit trail.

    Args:
        database_url: A connection URL for the owner of the tables.
        application_role: The role that `serve` uses; None: the roles of earlier runs.
        operator: The name of the operator; None: no name, as in the demo.
        prepared_statements: Whether connections keep prepared statements.

    Raises:
        SchemaError: The schema can't be migrated.
        DatabaseFaultError: The database is unreachable, refuses, or is unusable.
        UnavailableError: The database didn't answer in time.
    """
    with described_errors():
        return migrations.migrate(
            database_url,
            application_role=application_role,
            note=partial(_event, Visitor(operator=operator)),
            prepared_statements=prepared_statements,
        )


def pending_migrations(database_url: str, *, prepared_statements: bool) -> Sequence[Migration]:
    """The migrations that the schema lacks, in order.

    Raises:
        SchemaError: The schema isn't one that this version can work with.
        DatabaseFaultError: The database is unreachable, refuses, or is unusable.
        UnavailableError: The database didn't answer in time.
    """
    with described_errors():
        return migrations.pending_migrations(database_url, prepared_statements=prepared_statements)


def connection_faults(database_url: str, *, prepared_statements: bool) -> Sequence[str]:
    """Parameters whose values the service can't work with, each with the statement to set it.

    Raises:
        PoolerError: A pooler doesn't keep prepared statements.
        DatabaseFaultError: The database is unreachable, refuses, or is unusable.
        UnavailableError: The database didn't answer in time.
    """
    with described_errors():
        return command_connection.connection_faults(
            database_url, prepared_statements=prepared_statements
        )


def quiet_logs() -> None:
    """Log nothing below ERROR from the driver and the pool. The command reports an outage once."""
    for name in ("psycopg", "vetassist.database"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _event(visitor: Visitor, steps: Sequence[Migration], role: str | None) -> AuditEvent:
    data = {} if role is None else {"application_role": role}
    return AuditEvent.of_service(
        AuditEventType.SCHEMA_MIGRATED,
        visitor=visitor,
        now=SystemClock().now(),
        steps=" ".join(str(step.version) for step in steps),
        **data,
    )
