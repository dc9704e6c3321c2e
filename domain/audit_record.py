"""Audit events as they are read back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.audit_event import AuditEventType
from domain.identifiers import SessionId, UserId
from domain.service_client import ClientId
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditMark:
    """A position in the audit trail. Older events come after it.

    Attributes:
        occurred_at: Instant (UTC). A stored time that Python can't represent becomes the nearest
            one that it can.
        key: Distinguishes events that happened at the same instant.
    """

    occurred_at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One row of the audit trail, with names from other tables.

    This isn't an ``AuditEvent``, because other programs have also written to the table.

    Attributes:
        mark: Its position, which includes when it happened.
        type: The stored type: one of the catalog, one of an earlier phase, or an unknown one.
        data: Empty if the stored data isn't a JSON object.
        user_agent: The user agent of the event's session, while that session is stored.
        client_name: The name of the back end that the event concerns, while it is known.
        front_end_name: The name of the front end that the event concerns, unless it is the one of
            the settings.
    """

    mark: AuditMark
    type: str
    user_id: UserId | None
    visitor: Visitor
    data: Mapping[str, str | int]
    user_agent: str | None = None
    client_name: str | None = None
    front_end_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which events to return. None means no restriction.

    Attributes:
        also_of: Users whose events are included too, if ``user_id`` is given.
        types: Only these types. None also includes types that aren't in the catalog.
        since: Only events at or after this instant (UTC).
        until: Only events before this instant (UTC).
        operator: Only events of commands that this operator ran.
        reference: Only events of the request with this id.
        session_id: Only events that concern this session.
        client_id: Only events that concern this client.
    """

    user_id: UserId | None = None
    also_of: frozenset[UserId] = frozenset()
    types: frozenset[AuditEventType] | None = None
    since: datetime | None = None
    until: datetime | None = None
    operator: str | None = None
    reference: str | None = None
    session_id: SessionId | None = None
    client_id: ClientId | None = None
