"""The schema, for the commands that look after it and need nothing else of the service.

Apart from the container, which imports everything: `serve` looks at the schema first and is up
in half the time.
"""

from collections.abc import Sequence
from functools import partial

from adapters.postgres import migrations
from adapters.postgres.migrations import Migration, SchemaError, pending_migrations
from adapters.system.clock import SystemClock
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor

__all__ = ["SchemaError", "migrate", "pending_migrations"]


def migrate(
    database_url: str, *, application_role: str | None = None, operator: str | None = None
) -> Sequence[Migration]:
    """Bring the schema up to date, on record. As ``migrations.migrate``.

    Args:
        database_url: Of the owner of the tables.
        application_role: The name of a role; None: only those named before.
        operator: Who does it; None: nobody in particular, as in the demo.
    """
    note = partial(_note, Visitor(operator=operator))
    return migrations.migrate(database_url, application_role=application_role, note=note)


def _note(visitor: Visitor, steps: Sequence[Migration], role: str | None) -> AuditEvent:
    data = {} if role is None else {"application_role": role}
    return AuditEvent.of_service(
        AuditEventType.SCHEMA_MIGRATED,
        visitor=visitor,
        now=SystemClock().now(),
        steps=" ".join(str(step.version) for step in steps),
        **data,
    )
