"""What the audit trail tells when it is read."""

from dataclasses import dataclass
from datetime import datetime

from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditMark:
    """A place in the trail; what is older comes after it.

    Attributes:
        occurred_at: Instant (UTC).
        key: Tells apart what happened at the same instant.
    """

    occurred_at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One event, with what is known beside the trail of what it names.

    Attributes:
        mark: Where it stands.
        user_agent: What the device of its session calls itself, while the session's row is there.
        client_name: What the back end is called that it tells of, while that is known.
    """

    mark: AuditMark
    event: AuditEvent
    user_agent: str | None = None
    client_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which events are asked for; None leaves a thing open.

    Attributes:
        types: Of these types.
        since: From this instant (UTC) on.
        until: Before this instant (UTC).
    """

    user_id: UserId | None = None
    types: frozenset[AuditEventType] | None = None
    since: datetime | None = None
    until: datetime | None = None
