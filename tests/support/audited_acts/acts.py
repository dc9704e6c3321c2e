"""An act that the audit trail records, and the scene that makes it happen."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from application.errors import (
    ApplicationError,
)
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.visitor import Visitor
from tests.support.service import Service

NOBODY: Final = Visitor()
#: Done by whoever comes first for all who wait, so they are no single request's.
WITHOUT_A_VISITOR: Final = frozenset(
    {AuditEventType.VA_TOKENS_REFRESHED, AuditEventType.VA_REFRESH_REFUSED}
)
#: About rows of many users, so they are no single user's.
OF_NO_USER: Final = frozenset({AuditEventType.PURGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is about to happen.

    Attributes:
        happen: Makes it happen; returns the user whom that made known, if it did.
        user_id: Whom it concerns; None when nobody is known before.
        other_id: Another one whom it concerns, or None.
        visitor: Who asks for it; nobody when the service or an operator does it.
        ends_in: How it is refused, or None.
    """

    happen: Callable[[], Awaitable[object]]
    user_id: UserId | None = None
    other_id: UserId | None = None
    visitor: Visitor = NOBODY
    ends_in: type[ApplicationError] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One outcome of one use case, and what the trail has to say of it.

    Attributes:
        use_case: Its module.
        tells: The types of the events, in order.
        reason: The `reason` of the last one; None when it has none.
        uses_up: Columns, by table, of what is used up before, and stays so if the trail fails.
        by_owner: Whether it takes the owner of the tables.
    """

    use_case: str
    tells: tuple[AuditEventType, ...]
    reason: str | None
    uses_up: Mapping[str, set[str]]
    by_owner: bool
    set_up: Callable[[Service], Awaitable[Scene]]


#: Every act by name.
ACTS: Final[dict[str, Act]] = {}

#: Use cases that leave no row, and why that is right.
TELLS_NOTHING: Final = {
    "list_clients": "it changes nothing",
    "list_front_ends": "it changes nothing",
    "list_disclosures": "it changes nothing",
    "list_sessions": "it changes nothing",
    "make_audit_partitions": "it makes room for what is to be told, and tells nothing itself",
    "read_history": "it shows people their own",
    "seal_audit": "each seal is a row of its own, chained to the one before, and told outside",
    "show_board": "it changes nothing, and shows numbers that are nobody's in particular",
    "validate_session": "it changes nothing, thousands of times a second; metrics count it",
    "verify_audit": "it changes nothing, and works for an auditor who may read and no more",
    "view_user": "it changes nothing",
}

#: Events that no use case tells, but a command that works without the container.
TOLD_BY_COMMANDS: Final = {AuditEventType.SCHEMA_MIGRATED}

_SetUp = Callable[[Service], Awaitable[Scene]]


def act(
    use_case: str,
    *tells: AuditEventType,
    reason: str | None = None,
    uses_up: Mapping[str, set[str]] | None = None,
    by_owner: bool = False,
) -> Callable[[_SetUp], _SetUp]:
    """Put a scene among the acts, under its own name."""

    def add(set_up: _SetUp) -> _SetUp:
        name = set_up.__name__
        assert name not in ACTS
        ACTS[name] = Act(
            use_case=use_case,
            tells=tells,
            reason=reason,
            uses_up=uses_up or {},
            by_owner=by_owner,
            set_up=set_up,
        )
        return set_up

    return add
