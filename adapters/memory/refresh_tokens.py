"""Opaque refresh tokens, in memory."""

import secrets
from typing import Final, final

from application.errors import UnauthenticatedError
from application.ports.refresh_tokens import RefreshTokens
from domain.refresh_token import RefreshToken
from domain.secret import Secret

_TOKEN_BYTES: Final = 32


@final
class MemoryRefreshTokens(RefreshTokens):
    """Writes random texts and remembers the token of each one."""

    def __init__(self) -> None:
        self._texts: dict[RefreshToken, str] = {}

    def write(self, token: RefreshToken) -> Secret:
        return Secret(self._texts.setdefault(token, secrets.token_urlsafe(_TOKEN_BYTES)))

    def read(self, text: str) -> RefreshToken:
        for token, written in self._texts.items():
            if written == text:
                return token
        raise UnauthenticatedError
