"""Values that must not appear in logs or messages."""

import hashlib
from typing import Generic, TypeVar, final

_T = TypeVar("_T", str, bytes)


class _Hidden(Generic[_T]):
    """Holds a value that repr, str and format never show."""

    __slots__ = ("_value",)

    def __init__(self, value: _T) -> None:
        self._value: _T = value

    def reveal(self) -> _T:
        """Returns the value. Call it where the value is used, not earlier."""
        return self._value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


@final
class Secret(_Hidden[str]):
    """A secret string."""

    __slots__ = ()


@final
class SecretBytes(_Hidden[bytes]):
    """A secret key."""

    __slots__ = ()


def hash_of(secret: Secret) -> bytes:
    """Returns the SHA-256 of a secret that has 256 random bits, to be stored in its place.

    So many random bits need no salt and no slow hash. A secret that a caller sent can contain
    any characters, including lone surrogates.
    """
    return hashlib.sha256(secret.reveal().encode(errors="surrogatepass")).digest()
