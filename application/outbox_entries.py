"""Creates the outbox entries of tokens to revoke at VA."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, final

from application.ports.key_wrapper import KeyWrapper
from application.ports.secret_source import SecretSource
from application.ports.token_cipher import SealBrokenError, TokenCipher
from application.ports.unit_of_work import UnitOfWork
from application.token_sealing import TokenSealing
from domain.audit_event import AuditEvent, AuditEventType
from domain.data_key import DataKey
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_revocation import VARevocation
from domain.va_tokens import TokenField
from domain.visitor import Visitor

_VERSION: Final = 1

_Open = Callable[[], tuple[Secret, TokenField]]

_log = logging.getLogger("vetassist.va_tokens")


@final
class OutboxEntries:
    """Seals each token under its own key, because the user's key is about to be shredded."""

    def __init__(
        self,
        *,
        wrapper: KeyWrapper,
        cipher: TokenCipher,
        sealing: TokenSealing,
        secrets: SecretSource,
    ) -> None:
        self._wrapper = wrapper
        self._cipher = cipher
        self._sealing = sealing
        self._secrets = secrets

    async def revoke_and_destroy(self, work: UnitOfWork, user_id: UserId, *, now: datetime) -> None:
        """Queues the user's tokens to be revoked at VA, deletes them, and shreds their key.

        Tokens that don't open can't be revoked. They are deleted too, and the log and the audit
        trail record it.

        Raises:
            UnavailableError: Storage or the KMS did not answer.
        """
        for opened in await self._opened(work, user_id):
            if opened is None:
                await self._note_unreadable(work, user_id, now)
            else:
                await work.va_revocations.add(await self.of(user_id, *opened, now=now))
        await work.va_tokens.destroy(user_id)
        await work.data_keys.destroy(user_id)

    async def _opened(
        self, work: UnitOfWork, user_id: UserId
    ) -> list[tuple[Secret, TokenField] | None]:
        """Returns one token of each sign-in to revoke, or None for a token that doesn't open."""
        sealed = await work.va_tokens.find(user_id)
        if sealed is None:
            return []
        replaced = await work.va_tokens.list_replaced(user_id)
        wrapped = await work.data_keys.find(user_id)
        try:
            key = None if wrapped is None else await self._wrapper.unwrap(wrapped)
        except SealBrokenError:
            return [None]
        of_each_sign_in: list[_Open] = [
            lambda: self._sealing.open(sealed, key).to_revoke,
            *(partial(self._refresh_token, each, user_id, key) for each in replaced),
        ]
        return [_unless_broken(open_) for open_ in of_each_sign_in]

    def _refresh_token(
        self, sealed: bytes, user_id: UserId, key: DataKey | None
    ) -> tuple[Secret, TokenField]:
        field = TokenField.REFRESH
        return self._cipher.open(sealed, user_id=user_id, key=key, field=field), field

    async def of(
        self, user_id: UserId, token: Secret, field: TokenField, *, now: datetime
    ) -> VARevocation:
        """Creates an entry for a token that isn't stored anywhere else.

        Raises:
            UnavailableError: The KMS did not answer.
        """
        key = DataKey(user_id=user_id, version=_VERSION, key=self._secrets.key())
        return VARevocation(
            id=self._secrets.uuid(),
            user_id=user_id,
            key=await self._wrapper.wrap(key),
            token=self._cipher.seal(token, key=key, field=field),
            is_refresh_token=field is TokenField.REFRESH,
            created_at=now,
            due_at=now,
        )

    async def _note_unreadable(self, work: UnitOfWork, user_id: UserId, now: datetime) -> None:
        _log.error("va_tokens_unreadable")
        event = AuditEvent.of_user(
            AuditEventType.VA_TOKENS_REVOKED,
            user_id,
            visitor=Visitor(),
            now=now,
            outcome="unreadable",
            attempts=0,
        )
        await work.audit.append(event)


def _unless_broken(open_: _Open) -> tuple[Secret, TokenField] | None:
    try:
        return open_()
    except SealBrokenError:
        return None
