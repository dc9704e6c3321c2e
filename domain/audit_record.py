"""What the audit trail tells when it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditMark:
    """A place in the trail; what is older comes after it.

    Attributes:
        occurred_at: Instant (UTC); the nearest there is, of a stored time that Python cannot tell.
        key: Tells apart what happened at the same instant.
    """

    occurred_at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One row, with what is known beside the trail of what it names.

    No ``AuditEvent``: that is what this service writes, and others have written there, too.

    Attributes:
        mark: Where it stands, and so when it happened.
        type: As it is stored: one of the catalogue, or of an earlier phase, or made up.
        data: Empty when what is stored is no JSON object.
        user_agent: What the device of its session calls itself, while the session's row is there.
        client_name: What the back end is called that it tells of, while that is known.
    """

    mark: AuditMark
    type: str
    user_id: UserId | None
    visitor: Visitor
    data: Mapping[str, str | int]
    user_agent: str | None = None
    client_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which events are asked for; None leaves a thing open.

    Attributes:
        types: Of these types; None: of any, those that are not in the catalogue included.
        since: From this instant (UTC) on.
        until: Before this instant (UTC).
    """

    user_id: UserId | None = None
    types: frozenset[AuditEventType] | None = None
    since: datetime | None = None
    until: datetime | None = None
