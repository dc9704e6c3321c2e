"""Random values from the operating system."""

import secrets
from typing import final
from uuid import UUID, uuid4

from application.ports.secret_source import SecretSource
from domain.secret import Secret

_BYTES = 32


@final
class SystemSecretSource(SecretSource):
    """Uses the operating system's random number generator."""

    def token(self) -> Secret:
        return Secret(secrets.token_urlsafe(_BYTES))

    def key(self) -> bytes:
        return secrets.token_bytes(_BYTES)

    def uuid(self) -> UUID:
        return uuid4()
