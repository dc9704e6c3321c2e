"""Use case: an operator gives a user the ICN that VA has for them now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn, final

from application.decision_errors import (
    AccountsDifferError,
    DecisionNeededError,
    ICNOfAnotherUserError,
    MergedAwayError,
    MergeTargetError,
)
from application.errors import ConflictError
from application.outbox_entries import OutboxEntries
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.ports.user_records import UserRecords
from application.refused_commands import refuse_unknown
from application.unlinking import end_link
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import ICN, UserId
from domain.revocation import Revocation, RevokedBy
from domain.user import User
from domain.visitor import Visitor

_COMMAND: Final = "user_change_icn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeICNCommand:
    """The user and the new ICN.

    Attributes:
        reason: The operator's own code, kept in the audit trail.
        merge_into: Which user stays, if another user has the ICN. The other one's accounts at VA
            move to it. None if no users may be merged.
        is_dry_run: Only find out what would change.
    """

    user_id: UserId
    icn: ICN
    reason: str
    merge_into: UserId | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ICNChanged:
    """What changed, or would.

    Attributes:
        user_id: The user who has the ICN afterwards.
        is_changed: False if everything was so already.
        merged: The user that was merged into it, or None.
        sessions: How many sessions of the merged user ended.
    """

    user_id: UserId
    is_changed: bool
    merged: UserId | None = None
    sessions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locked:
    """The users concerned, locked until the unit ends.

    Attributes:
        user: The user of the command.
        holder: The user who has the new ICN, or None.
        keep: The user who is to stay, or None if no users may be merged.
    """

    user: User
    holder: User | None
    keep: User | None


class _RefusedError(Exception):
    """Carries a refusal out of the unit of work that recorded it."""

    def __init__(self, kind: type[DecisionNeededError], user_ids: set[UserId]) -> None:
        super().__init__()
        self.kind = kind
        self.user_ids = user_ids


@final
class ChangeICN:
    """Moves a user to another ICN. Two users who are one person are merged, if it is told to.

    A merged user keeps its events, and nobody can sign in to it. Its sessions end, and its VA
    tokens are revoked: the next sign-in brings new ones.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        records: UserRecords,
        outbox_entries: OutboxEntries,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._records = records
        self._outbox_entries = outbox_entries
        self._clock = clock

    async def execute(self, command: ChangeICNCommand) -> ICNChanged:
        """Changes everything in one transaction, with an event for each user concerned.

        A repetition changes nothing. The audit trail records repetitions and refusals, too.

        Raises:
            DecisionNeededError: Nothing was changed. The error has the users concerned, so the
                audit trail records it even for a dry run.
            NotFoundError: There is no such user. The audit trail records the attempt.
            ConflictError: Somebody else changed the same users at the same time, twice.
            UnavailableError: Storage or the KMS did not answer. Nothing was acknowledged.
        """
        try:
            return await self._change(command)
        except ConflictError:
            # A sign-in has created a user with the ICN a moment ago.
            return await self._change(command)

    async def _change(self, command: ChangeICNCommand) -> ICNChanged:
        now = self._clock.now()
        try:
            async with self._unit_of_work() as work:
                changed = await self._change_in(work, command, now)
                if not command.is_dry_run:
                    await work.commit()
        except _RefusedError as refused:
            raise refused.kind(await self._records.find_all(refused.user_ids)) from None
        return changed

    async def _change_in(
        self, work: UnitOfWork, command: ChangeICNCommand, now: datetime
    ) -> ICNChanged:
        found = await _lock(work, command, now)
        user, holder, keep = found.user, found.holder, found.keep
        if user.merged_into is not None:
            if keep is None or holder != keep or user.merged_into != keep.id:
                await _refuse(work, command, MergedAwayError, user.merged_into, now)
            return await _unchanged(work, command, keep, now)
        if user == holder and keep in {None, user}:
            return await _unchanged(work, command, user, now)
        if keep is not None and (holder in {None, user} or keep not in {user, holder}):
            await _refuse(work, command, MergeTargetError, keep.id, now)
        if holder is None:
            await work.users.change_icn(user.id, command.icn, now=now)
            await _record(work, AuditEventType.ICN_CHANGED, user, now, reason=command.reason)
            return ICNChanged(user_id=user.id, is_changed=True)
        if keep is None:
            await _refuse(work, command, ICNOfAnotherUserError, holder.id, now)
        if user.is_active != holder.is_active:
            await _refuse(work, command, AccountsDifferError, holder.id, now)
        merged = holder if keep == user else user
        return await self._merge(work, command, merged, keep, now)

    async def _merge(
        self, work: UnitOfWork, command: ChangeICNCommand, merged: User, into: User, now: datetime
    ) -> ICNChanged:
        revocation = Revocation(at=now, by=RevokedBy.OPERATOR, reason=command.reason)
        ended = await end_link(work, self._outbox_entries, merged.id, revocation)
        # An ICN has one user at any moment.
        await work.users.change_icn(merged.id, None, now=now)
        if into.icn != command.icn:
            await work.users.change_icn(into.id, command.icn, now=now)
            await _record(work, AuditEventType.ICN_CHANGED, into, now, reason=command.reason)
        await work.users.merge(merged.id, into=into.id, now=now)
        await _record(
            work,
            AuditEventType.USER_MERGED,
            merged,
            now,
            reason=command.reason,
            into=str(into.id),
            sessions=len(ended),
        )
        await _record(
            work,
            AuditEventType.USER_MERGED,
            into,
            now,
            reason=command.reason,
            merged=str(merged.id),
        )
        return ICNChanged(user_id=into.id, is_changed=True, merged=merged.id, sessions=len(ended))


async def _lock(work: UnitOfWork, command: ChangeICNCommand, now: datetime) -> _Locked:
    """Locks everybody concerned.

    Raises:
        ConflictError: The ICN changed hands before the locks.
        NotFoundError: A named user doesn't exist. The audit trail records it.
    """
    holder_id = await work.users.find_by_icn(command.icn)
    named = [each for each in (command.user_id, command.merge_into) if each is not None]
    ids = {*named, *([] if holder_id is None else [holder_id])}
    locked = {each.id: each for each in await work.users.lock_all(ids)}
    for user_id in named:
        if user_id not in locked:
            await refuse_unknown(
                work, _COMMAND, now=now, user_id=user_id, is_dry_run=command.is_dry_run
            )
    holder = None if holder_id is None else locked.get(holder_id)
    if holder_id is not None and (holder is None or holder.icn != command.icn):
        raise ConflictError
    return _Locked(
        user=locked[command.user_id],
        holder=holder,
        keep=None if command.merge_into is None else locked[command.merge_into],
    )


async def _record(
    work: UnitOfWork, type_: AuditEventType, user: User, now: datetime, **data: str | int
) -> None:
    event = AuditEvent.of_user(type_, user.id, visitor=Visitor(), now=now, **data)
    await work.audit.append(event)


async def _unchanged(
    work: UnitOfWork, command: ChangeICNCommand, holder: User, now: datetime
) -> ICNChanged:
    event = AuditEvent.command_refused(
        _COMMAND, reason="unchanged", now=now, user_id=command.user_id
    )
    await work.audit.append(event)
    return ICNChanged(user_id=holder.id, is_changed=False)


async def _refuse(
    work: UnitOfWork,
    command: ChangeICNCommand,
    kind: type[DecisionNeededError],
    other: UserId,
    now: datetime,
) -> NoReturn:
    """Records the refusal for each user who is shown to the operator because of it."""
    user = command.user_id
    for user_id, other_id in sorted({(user, other), (other, user)}):
        event = AuditEvent.command_refused(
            _COMMAND,
            reason=kind.code,
            now=now,
            user_id=user_id,
            **({"other": str(other_id)} if other_id != user_id else {}),
        )
        await work.audit.append(event)
    await work.commit()
    raise _RefusedError(kind, {user, other})
