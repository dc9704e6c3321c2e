"""The keys that seal VA's tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, final

_KEY_BYTES: Final = 32


@final
@dataclass(frozen=True, slots=True)
class KeyRing:
    """AES-256 keys by id, newest first: the first seals, every one opens.

    Raises:
        ValueError: No key, or a key that is not 32 bytes long.
    """

    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("a key ring needs a key")
        if any(len(key) != _KEY_BYTES for key in self.keys.values()):
            raise ValueError("an AES-256 key is 32 bytes long")
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))

    @property
    def newest_id(self) -> str:
        """The id of the key that seals."""
        return next(iter(self.keys))
