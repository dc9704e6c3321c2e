"""Use case: unlink a Veteran's account from VA."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import final

from application.errors import FreshSignInNeededError
from application.outbox_entries import OutboxEntries
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.unlinking import end_link
from domain.audit_event import AuditEvent, AuditEventType
from domain.revocation import Revocation, RevokedBy
from domain.session_standing import SessionStanding
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlinkVAIdentityCommand:
    """The session that requests it, whose user is unlinked."""

    session: SessionStanding
    visitor: Visitor


@final
class UnlinkVAIdentity:
    """Destroys the user's data key and tokens, ends every session, and revokes the tokens at VA.

    The user and the ICN stay, so the Veteran's next sign-in finds the same account.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        outbox_entries: OutboxEntries,
        clock: Clock,
        fresh_for: timedelta,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._outbox_entries = outbox_entries
        self._clock = clock
        self._fresh_for = fresh_for

    async def execute(self, command: UnlinkVAIdentityCommand) -> None:
        """Unlinks in one transaction with its audit event, even if VA is down.

        Raises:
            FreshSignInNeededError: The session's sign-in was too long ago. The audit trail
                records the attempt.
            UnavailableError: Storage did not answer.
        """
        now = self._clock.now()
        user_id = command.session.user_id
        if now >= command.session.issued_at + self._fresh_for:
            await self._record_refusal(command, now)
            raise FreshSignInNeededError
        async with self._unit_of_work() as work:
            await work.users.lock(user_id)
            revocation = Revocation(at=now, by=RevokedBy.UNLINK, reason="va_unlinked")
            ended = await end_link(work, self._outbox_entries, user_id, revocation)
            await work.users.forget_aliases(user_id)
            event = AuditEvent.of_user(
                AuditEventType.VA_UNLINKED,
                user_id,
                visitor=command.visitor,
                now=now,
                sessions=len(ended),
            )
            await work.audit.append(event)
            await work.commit()

    async def _record_refusal(self, command: UnlinkVAIdentityCommand, now: datetime) -> None:
        event = AuditEvent.of_session(
            AuditEventType.VA_UNLINK_REFUSED,
            command.session.user_id,
            command.session.session_id,
            visitor=command.visitor,
            now=now,
            reason=FreshSignInNeededError.code,
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
