"""Data keys, unwrapped and wrapped."""

from dataclasses import dataclass, field
from typing import Final

from domain.identifiers import UserId

DATA_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """The key that seals the tokens of one user.

    Attributes:
        version: Sealed tokens contain it, so that keys of two versions can be in use. It starts
            at 1 again after the key was shredded.
        key: 32 random bytes.
    """

    user_id: UserId
    version: int
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedDataKey:
    """A data key encrypted under a master key. Only this form is stored.

    Attributes:
        master_key_id: Id of the master key that unwraps it.
    """

    user_id: UserId
    version: int
    master_key_id: str
    box: bytes = field(repr=False)
