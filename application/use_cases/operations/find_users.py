"""Use case: an operator looks for users."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final
from uuid import UUID

from application.ports.audit_history import AuditHistory
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.ports.user_records import UserRecords
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter, AuditRecord
from domain.identifiers import SessionId, UserId
from domain.user_record import UserSummary
from domain.user_search import ByEmail, ByICN, ById, ByName, ByReference, UserSearch
from domain.visitor import Visitor

#: Members of an event's data that name a user besides the event's own.
_NAMED_USERS: Final = ("icn_user", "other", "into", "merged")
#: A request has fewer events than this.
_EVENTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FindUsersCommand:
    """What to look for, and the maximum number of users."""

    wanted: UserSearch
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersFound:
    """The matching users.

    Attributes:
        has_more: Whether there are others.
        events: What the audit trail says of a reference, newest first.
    """

    users: tuple[UserSummary, ...]
    has_more: bool
    events: tuple[AuditRecord, ...]


@final
class FindUsers:
    """Records which users are shown to the operator before it shows them."""

    def __init__(
        self,
        *,
        records: UserRecords,
        history: AuditHistory,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._records = records
        self._history = history
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: FindUsersCommand) -> UsersFound:
        """Returns the matching users, after recording that they were found.

        Raises:
            UnavailableError: The store did not answer, so nothing is shown.
        """
        wanted = command.wanted
        events: tuple[AuditRecord, ...] = ()
        if isinstance(wanted, ByReference):
            events = await self._events(AuditFilter(reference=wanted.reference))
            found = await self._records.find_all(_users_in(events))
        else:
            found = await self._records.search(wanted, limit=command.limit + 1)
            if not found and isinstance(wanted, ById):
                # The session may have been purged.
                of_session = AuditFilter(session_id=SessionId(wanted.id))
                found = await self._records.find_all(_users_in(await self._events(of_session)))
        result = UsersFound(
            users=tuple(found[: command.limit]), has_more=len(found) > command.limit, events=events
        )
        await self._record(command.wanted, result)
        return result

    async def _events(self, wanted: AuditFilter) -> tuple[AuditRecord, ...]:
        return tuple(await self._history.list(wanted, after=None, limit=_EVENTS))

    async def _record(self, wanted: UserSearch, result: UsersFound) -> None:
        """Adds an event for each user, so that each one's history and filter has it."""
        shown: Sequence[UserId | None] = [each.user.id for each in result.users] or [None]
        now = self._clock.now()
        async with self._unit_of_work() as work:
            for user_id in shown:
                event = AuditEvent(
                    type=AuditEventType.USER_FOUND,
                    occurred_at=now,
                    user_id=user_id,
                    visitor=Visitor(),
                    data={**_recorded(wanted), "users": len(result.users)},
                )
                await work.audit.append(event)
            await work.commit()


def _recorded(wanted: UserSearch) -> dict[str, str]:
    """What the audit trail may hold of a search: never a name, an e-mail address or an ICN."""
    match wanted:
        case ById(id=id_):
            return {"by": "id", "id": str(id_)}
        case ByReference(reference=reference):
            return {"by": "reference", "reference": reference}
        case ByICN():
            return {"by": "icn"}
        case ByEmail():
            return {"by": "email"}
        case ByName():
            return {"by": "name"}


def _users_in(events: Sequence[AuditRecord]) -> set[UserId]:
    """The users that events concern or name."""
    found = {event.user_id for event in events if event.user_id is not None}
    for event in events:
        for name in _NAMED_USERS:
            try:
                found.add(UserId(UUID(str(event.data.get(name)))))
            except ValueError:
                continue
    return found
