"""Use case: an operator looks at everything that is stored about a user."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, final

from application.front_end_roster import FrontEndRoster
from application.ports.audit_history import AuditHistory
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.ports.user_records import UserRecords
from application.ports.visitor_pseudonyms import VisitorPseudonyms
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter, AuditRecord
from domain.front_end import FrontEndId
from domain.identifiers import UserId
from domain.user_record import UserRecord
from domain.va_identity import VAAccount
from domain.visitor import Visitor

#: How many sessions and events are shown.
SESSIONS: Final = 50
EVENTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UserShown:
    """A user's record and newest events.

    Attributes:
        now: When it was read (UTC).
        pseudonyms: How the audit trail names each account at the provider.
        front_ends: The names of the front ends of the sessions.
        events: Newest first.
        has_more_events: Whether there are older ones.
    """

    record: UserRecord
    now: datetime
    pseudonyms: Mapping[VAAccount, str]
    front_ends: Mapping[FrontEndId, str]
    events: tuple[AuditRecord, ...]
    has_more_events: bool


@final
class ShowUser:
    """Records that the operator looks at the user before it shows anything."""

    def __init__(
        self,
        *,
        records: UserRecords,
        history: AuditHistory,
        pseudonyms: VisitorPseudonyms,
        front_ends: FrontEndRoster,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._records = records
        self._history = history
        self._pseudonyms = pseudonyms
        self._front_ends = front_ends
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, user_id: UserId) -> UserShown:
        """Returns the record, after recording that it was shown.

        Raises:
            NotFoundError: There is no such user. The audit trail records the attempt.
            UnavailableError: The store did not answer, so nothing is shown.
        """
        now = self._clock.now()
        record = await self._records.find(user_id, now=now, max_sessions=SESSIONS)
        wanted = AuditFilter(user_id=user_id)
        events = await self._history.list(wanted, after=None, limit=EVENTS + 1)
        async with self._unit_of_work() as work:
            if record is None:
                await refuse_unknown(work, "user_show", now=now, user_id=user_id)
            event = AuditEvent.of_user(
                AuditEventType.USER_SHOWN, user_id, visitor=Visitor(), now=now
            )
            await work.audit.append(event)
            await work.commit()
        return UserShown(
            record=record,
            now=now,
            pseudonyms={
                each.account: self._pseudonyms.of_account(each.account) for each in record.accounts
            },
            front_ends=await self._front_ends.names({each.front_end for each in record.sessions}),
            events=tuple(events[:EVENTS]),
            has_more_events=len(events) > EVENTS,
        )
