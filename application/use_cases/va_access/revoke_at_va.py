"""Use case: revoke the tokens in the outbox at VA."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, final

from application.errors import UnavailableError, UpstreamRejectedError
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.key_wrapper import KeyWrapper
from application.ports.token_cipher import SealBrokenError, TokenCipher
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.va_revocation import VARevocation
from domain.va_tokens import TokenField
from domain.visitor import Visitor

_BATCH: Final = 20
# Longer than a batch takes if every request to VA times out. If this process dies in the meantime,
# another one continues after that.
_BUSY_FOR: Final = timedelta(minutes=5)


class _Outcome(StrEnum):
    """How an entry ended. The values are stored in the audit trail."""

    REVOKED = "revoked"
    REFUSED = "refused"
    NOT_OFFERED = "not_offered"
    UNREADABLE = "unreadable"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedAtVA:
    """How many entries were completed, and how many were put off."""

    done: int
    put_off: int


@final
class RevokeAtVA:
    """Calls VA while it holds no connection. An entry stays until VA has answered."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        provider: IdentityProvider,
        wrapper: KeyWrapper,
        cipher: TokenCipher,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._wrapper = wrapper
        self._cipher = cipher
        self._clock = clock

    async def execute(self) -> RevokedAtVA:
        """Tries each due entry once.

        Raises:
            UnavailableError: Storage did not answer. Unfinished entries stay due.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            entries = await work.va_revocations.claim(
                now=now, busy_until=now + _BUSY_FOR, limit=_BATCH
            )
            await work.commit()
        done = 0
        for entry in entries:
            outcome = await self._try(entry)
            done += outcome is not None
            await self._settle(entry, outcome)
        return RevokedAtVA(done=done, put_off=len(entries) - done)

    async def _try(self, entry: VARevocation) -> _Outcome | None:
        """Returns how the entry ended, or None to try again later."""
        field = TokenField.REFRESH if entry.is_refresh_token else TokenField.ACCESS
        try:
            key = await self._wrapper.unwrap(entry.key)
            token = self._cipher.open(entry.token, user_id=entry.user_id, key=key, field=field)
        except SealBrokenError:
            return _Outcome.UNREADABLE
        try:
            was_asked = await self._provider.revoke(token, is_refresh_token=entry.is_refresh_token)
        except UpstreamRejectedError:
            return _Outcome.REFUSED
        except UnavailableError:
            return _Outcome.GIVEN_UP if entry.is_hopeless(self._clock.now()) else None
        return _Outcome.REVOKED if was_asked else _Outcome.NOT_OFFERED

    async def _settle(self, entry: VARevocation, outcome: _Outcome | None) -> None:
        now = self._clock.now()
        async with self._unit_of_work() as work:
            if outcome is None:
                await work.va_revocations.put_off(entry.id, until=now + entry.pause())
            else:
                await work.va_revocations.remove(entry.id)
                event = AuditEvent.of_user(
                    AuditEventType.VA_TOKENS_REVOKED,
                    entry.user_id,
                    visitor=Visitor(),
                    now=now,
                    outcome=outcome.value,
                    attempts=entry.attempts,
                )
                await work.audit.append(event)
            await work.commit()
