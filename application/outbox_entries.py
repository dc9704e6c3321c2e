"""What is put into the outbox when tokens are to be revoked at VA."""

from datetime import datetime
from typing import Final, final

from application.ports.key_wrapper import KeyWrapper
from application.ports.secret_source import SecretSource
from application.ports.token_cipher import SealBrokenError, TokenCipher
from application.ports.unit_of_work import UnitOfWork
from application.token_sealing import TokenSealing
from domain.data_key import DataKey
from domain.identifiers import UserId
from domain.va_revocation import VARevocation
from domain.va_tokens import TokenField, VATokens

_VERSION: Final = 1


@final
class OutboxEntries:
    """Seals a token under a key of its own, as the user's key is about to be destroyed."""

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

    async def for_user(
        self, work: UnitOfWork, user_id: UserId, *, now: datetime
    ) -> VARevocation | None:
        """An entry for the user's stored tokens; None when there is nothing VA could revoke.

        Raises:
            UnavailableError: Storage, or the keeper of the master key, did not answer.
        """
        sealed = await work.va_tokens.find(user_id)
        if sealed is None:
            return None
        wrapped = await work.data_keys.find(user_id)
        try:
            tokens = await self._sealing.unsealed(sealed, wrapped)
        except SealBrokenError:
            # What nobody can open, nobody can revoke, or use.
            return None
        return await self.of(user_id, tokens, now=now)

    async def of(self, user_id: UserId, tokens: VATokens, *, now: datetime) -> VARevocation:
        """An entry for tokens that are stored nowhere.

        Raises:
            UnavailableError: The keeper of the master key did not answer.
        """
        key = DataKey(user_id=user_id, version=_VERSION, key=self._secrets.key())
        # Revoking the refresh token ends the access token as well (RFC 7009, section 2.1).
        token = tokens.refresh_token or tokens.access_token
        field = TokenField.ACCESS if tokens.refresh_token is None else TokenField.REFRESH
        return VARevocation(
            id=self._secrets.uuid(),
            user_id=user_id,
            key=await self._wrapper.wrap(key),
            token=self._cipher.seal(token, key=key, field=field),
            is_refresh_token=field is TokenField.REFRESH,
            created_at=now,
            due_at=now,
        )
