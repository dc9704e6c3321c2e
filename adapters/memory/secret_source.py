"""Reproducible secrets for tests."""

import hashlib
from base64 import urlsafe_b64encode
from itertools import count
from typing import final
from uuid import UUID

from application.ports.secret_source import SecretSource
from domain.secret import Secret

_UUID_BYTES = 16
_UUID_VERSION = 4


@final
class MemorySecretSource(SecretSource):
    """Returns a sequence of different values that depends only on the seed.

    Only for tests: the seed reveals every secret.
    """

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._numbers = count()

    def token(self) -> Secret:
        return Secret(urlsafe_b64encode(self._draw()).rstrip(b"=").decode())

    def key(self) -> bytes:
        return self._draw()

    def uuid(self) -> UUID:
        return UUID(bytes=self._draw()[:_UUID_BYTES], version=_UUID_VERSION)

    def _draw(self) -> bytes:
        return hashlib.sha256(f"{self._seed}\0{next(self._numbers)}".encode()).digest()
