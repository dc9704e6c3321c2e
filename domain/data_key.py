"""The key of one user's tokens, in the open and wrapped."""

from dataclasses import dataclass, field
from typing import Final

from domain.identifiers import UserId

DATA_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """What seals the tokens of one user, and of nobody else.

    Attributes:
        version: Sealed tokens name it, so that a key can be followed by another beside it. After
            one that was destroyed, with all it had sealed, the count begins anew.
        key: 32 random bytes.
    """

    user_id: UserId
    version: int
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedDataKey:
    """The same, encrypted under a master key; the only form that is stored.

    Attributes:
        master_key_id: Which master key opens it.
    """

    user_id: UserId
    version: int
    master_key_id: str
    box: bytes = field(repr=False)
