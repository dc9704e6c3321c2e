"""Use case: show Veterans what happened to their accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, final

from application.ports.audit_history import AuditHistory
from application.ports.user_directory import UserDirectory
from domain.audit_event import AuditEventType
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.identifiers import UserId

PAGE_SIZE: Final = 25
_SESSION_ID: Final = "session_id"
# Users of other people are for operators, too.
_OTHERS: Final = frozenset({"icn_user", "other"})
# Operators give a reason for these. It is for other operators, so the Veteran doesn't see it.
_OPERATORS_ACTS: Final = frozenset(
    {
        AuditEventType.USER_DISABLED,
        AuditEventType.USER_ENABLED,
        AuditEventType.LOGOUT_BY_OPERATOR,
        AuditEventType.SESSION_ENDED_BY_OPERATOR,
        AuditEventType.VA_UNLINKED_BY_OPERATOR,
        AuditEventType.ICN_CHANGED,
        AuditEventType.USER_MERGED,
        AuditEventType.CLIENT_DISABLED,
        AuditEventType.FRONT_END_CHANGED,
        AuditEventType.FRONT_END_DISABLED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHistoryCommand:
    """Whose events to return.

    Attributes:
        after: Where the page starts, or None for the newest event.
        page_size: Maximum number of events.
    """

    user_id: UserId
    after: AuditMark | None = None
    page_size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """What a Veteran may see of an event.

    Attributes:
        occurred_at: Instant (UTC).
        session_id: The session that the event concerns, as recorded, or None.
        user_agent: The user agent of that session, while the session is stored.
        client_name: The name of the back end that the event concerns, while it is known.
        front_end_name: The name of the front end that the event concerns, unless it is the one of
            the settings.
        reference: The request id that an error page showed, or None.
        details: The rest of the recorded data, without what is meant for operators.
    """

    occurred_at: datetime
    type: AuditEventType
    session_id: str | int | None
    user_agent: str | None
    client_name: str | None
    front_end_name: str | None
    reference: str | None
    details: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """One page of a history, newest first.

    Attributes:
        next: Where the next page starts, or None if this is the last one.
    """

    events: Sequence[HistoryEvent]
    next: AuditMark | None


@final
class ReadHistory:
    """Reads the audit trail, so a history is complete for as long as the trail is kept.

    Events of types that aren't in the catalog are left out: an earlier phase recorded them.
    """

    def __init__(self, *, history: AuditHistory, users: UserDirectory) -> None:
        self._history = history
        self._users = users

    async def execute(self, command: ReadHistoryCommand) -> HistoryPage:
        """Returns one page of the events of the user and of accounts that were merged into it.

        Raises:
            UnavailableError: The store did not answer.
        """
        wanted = AuditFilter(
            user_id=command.user_id,
            also_of=await self._users.merged_into(command.user_id),
            types=frozenset(AuditEventType),
        )
        size = command.page_size
        found = await self._history.list(wanted, after=command.after, limit=size + 1)
        page = found[:size]
        return HistoryPage(
            events=[_seen(record) for record in page],
            next=page[-1].mark if len(found) > size else None,
        )


def _seen(record: AuditRecord) -> HistoryEvent:
    type_ = AuditEventType(record.type)
    hidden = {_SESSION_ID, *_OTHERS, *(["reason"] if type_ in _OPERATORS_ACTS else [])}
    return HistoryEvent(
        occurred_at=record.mark.occurred_at,
        type=type_,
        session_id=record.data.get(_SESSION_ID),
        user_agent=record.user_agent,
        client_name=record.client_name,
        front_end_name=record.front_end_name,
        reference=record.visitor.request_id,
        details={name: value for name, value in record.data.items() if name not in hidden},
    )
