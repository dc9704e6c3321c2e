"""The master keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, final

_KEY_BYTES: Final = 32


@final
@dataclass(frozen=True, slots=True)
class KeyRing:
    """AES-256 keys by id, newest first. The first key seals; every key opens.

    Raises:
        ValueError: There is no key, or a key isn't 32 bytes long.
    """

    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("a key ring needs at least one key")
        if any(len(key) != _KEY_BYTES for key in self.keys.values()):
            raise ValueError("an AES-256 key must be 32 bytes long")
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))

    @property
    def newest_id(self) -> str:
        """The id of the key that seals."""
        return next(iter(self.keys))
