"""Use case: an operator unlinks a user from VA."""

from dataclasses import dataclass
from typing import final

from application.outbox_entries import OutboxEntries
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from application.unlinking import end_link
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.revocation import Revocation, RevokedBy
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlinkUserCommand:
    """The user to unlink.

    Attributes:
        reason: The operator's own code, kept in the audit trail.
        is_dry_run: Only count the sessions that would end.
    """

    user_id: UserId
    reason: str
    is_dry_run: bool = False


@final
class UnlinkUser:
    """Does for the Veteran what they can do themselves, without a recent sign-in.

    The user and the ICN stay, so the Veteran's next sign-in finds the same account.
    """

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, outbox_entries: OutboxEntries, clock: Clock
    ) -> None:
        self._unit_of_work = unit_of_work
        self._outbox_entries = outbox_entries
        self._clock = clock

    async def execute(self, command: UnlinkUserCommand) -> int:
        """Unlinks the user and returns how many sessions ended. Audited in the transaction.

        Raises:
            NotFoundError: There is no such user. The audit trail records the attempt.
            UnavailableError: Storage or the KMS did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        revocation = Revocation(at=now, by=RevokedBy.OPERATOR, reason=command.reason)
        async with self._unit_of_work() as work:
            if await work.users.lock(command.user_id) is None:
                await refuse_unknown(
                    work,
                    "user_unlink",
                    now=now,
                    user_id=command.user_id,
                    is_dry_run=command.is_dry_run,
                )
            ended = await end_link(work, self._outbox_entries, command.user_id, revocation)
            await work.users.forget_aliases(command.user_id)
            event = AuditEvent.of_user(
                AuditEventType.VA_UNLINKED_BY_OPERATOR,
                command.user_id,
                visitor=Visitor(),
                now=now,
                reason=command.reason,
                sessions=len(ended),
            )
            await work.audit.append(event)
            if not command.is_dry_run:
                await work.commit()
        return len(ended)
