"""Use case: shred the tokens of users who have not signed in for a long time."""

from datetime import timedelta
from typing import Final, final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.visitor import Visitor

_BATCH: Final = 100


@final
class ShredUnusedTokens:
    """Deletes the tokens and their data key. VA's refresh tokens have expired by then."""

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, clock: Clock, retention: timedelta
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._retention = retention

    async def count(self) -> int:
        """Returns how many users have tokens to shred.

        Raises:
            UnavailableError: Storage did not answer.
        """
        oldest = self._clock.now() - self._retention
        async with self._unit_of_work() as work:
            return await work.va_tokens.count_unused(since=oldest)

    async def execute(self) -> int:
        """Shreds the tokens, and returns how many users had some.

        Raises:
            UnavailableError: Storage did not answer. What was shredded before stays shredded.
        """
        shredded = 0
        oldest = self._clock.now() - self._retention
        while True:
            async with self._unit_of_work() as work:
                batch = await work.va_tokens.list_unused(since=oldest, limit=_BATCH)
            if not batch:
                return shredded
            for user_id in batch:
                shredded += await self._shred(user_id)

    async def _shred(self, user_id: UserId) -> bool:
        now = self._clock.now()
        async with self._unit_of_work() as work:
            # A sign-in locks the same row, so the tokens that it stores are kept.
            user = await work.users.lock(user_id)
            last = None if user is None else user.last_login_at
            if last is None or last > now - self._retention:
                return False
            if await work.va_tokens.find(user_id) is None:
                # Another process shredded them first.
                return False
            await work.va_tokens.destroy(user_id)
            await work.data_keys.destroy(user_id)
            event = AuditEvent.of_user(
                AuditEventType.VA_TOKENS_SHREDDED,
                user_id,
                visitor=Visitor(),
                now=now,
                unused_days=self._retention.days,
            )
            await work.audit.append(event)
            await work.commit()
        return True
