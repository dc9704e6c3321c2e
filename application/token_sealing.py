"""Seals and opens a user's tokens with the user's data key."""

import logging
from collections.abc import Awaitable
from typing import Final, TypeVar, final

from application.ports.key_wrapper import KeyWrapper
from application.ports.secret_source import SecretSource
from application.ports.token_cipher import SealBrokenError, TokenCipher
from application.ports.unit_of_work import UnitOfWork
from domain.data_key import DataKey, WrappedDataKey
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import SealedVATokens, TokenField, VATokens

_FIRST_VERSION: Final = 1

_T = TypeVar("_T")

_log = logging.getLogger("vetassist.va_tokens")


async def readable(opening: Awaitable[_T]) -> _T | None:
    """Returns what ``opening`` opens, or None if it doesn't open, which it logs as an error."""
    try:
        return await opening
    except SealBrokenError:
        _log.error("va_tokens_unreadable")
        return None


@final
class TokenSealing:
    """Combines data key, cipher and master key for the use cases."""

    def __init__(self, *, wrapper: KeyWrapper, cipher: TokenCipher, secrets: SecretSource) -> None:
        self._wrapper = wrapper
        self._cipher = cipher
        self._secrets = secrets

    async def key_for(
        self, work: UnitOfWork, user_id: UserId, wrapped: WrappedDataKey | None
    ) -> DataKey:
        """Returns the existing or a new data key, for a user that the unit has locked.

        Raises:
            SealBrokenError: The stored key doesn't open.
            UnavailableError: Storage or the KMS did not answer.
        """
        if wrapped is not None:
            return await self._wrapper.unwrap(wrapped)
        return await self._new_key(work, user_id, _FIRST_VERSION)

    async def replacement_for(self, work: UnitOfWork, wrapped: WrappedDataKey) -> DataKey:
        """Stores and returns a key of the next version, for a user that the unit has locked.

        Raises:
            UnavailableError: Storage or the KMS did not answer.
        """
        return await self._new_key(work, wrapped.user_id, wrapped.version + 1)

    async def _new_key(self, work: UnitOfWork, user_id: UserId, version: int) -> DataKey:
        key = DataKey(user_id=user_id, version=version, key=self._secrets.key())
        await work.data_keys.put(await self._wrapper.wrap(key))
        return key

    def seal(self, tokens: VATokens, key: DataKey) -> SealedVATokens:
        """Seals each token with ``key``, bound to its field."""
        return SealedVATokens(
            user_id=key.user_id,
            access_token=self._cipher.seal(tokens.access_token, key=key, field=TokenField.ACCESS),
            refresh_token=self._sealed(tokens.refresh_token, key, TokenField.REFRESH),
            id_token=self._sealed(tokens.id_token, key, TokenField.ID),
            token_type=tokens.token_type,
            scope=tokens.scope,
            expires_at=tokens.expires_at,
        )

    def open(self, sealed: SealedVATokens, key: DataKey | None) -> VATokens:
        """Opens the tokens.

        Raises:
            SealBrokenError: One of them doesn't open.
        """
        user_id = sealed.user_id
        return VATokens(
            access_token=self._cipher.open(
                sealed.access_token, user_id=user_id, key=key, field=TokenField.ACCESS
            ),
            refresh_token=self._opened(sealed.refresh_token, user_id, key, TokenField.REFRESH),
            id_token=self._opened(sealed.id_token, user_id, key, TokenField.ID),
            token_type=sealed.token_type,
            scope=sealed.scope,
            expires_at=sealed.expires_at,
        )

    async def unsealed(self, sealed: SealedVATokens, wrapped: WrappedDataKey | None) -> VATokens:
        """Like ``open``, but with the wrapped key, or None if the user has none.

        Raises:
            SealBrokenError: The key or one of the tokens doesn't open.
            UnavailableError: The KMS did not answer.
        """
        return self.open(sealed, None if wrapped is None else await self._wrapper.unwrap(wrapped))

    def _sealed(self, token: Secret | None, key: DataKey, field: TokenField) -> bytes | None:
        return None if token is None else self._cipher.seal(token, key=key, field=field)

    def _opened(
        self, sealed: bytes | None, user_id: UserId, key: DataKey | None, field: TokenField
    ) -> Secret | None:
        if sealed is None:
            return None
        return self._cipher.open(sealed, user_id=user_id, key=key, field=field)
