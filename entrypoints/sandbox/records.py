"""The records that the simulated VA keeps."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, final

from entrypoints.sandbox.veterans import Veteran

TOKEN_LIFETIME_SECONDS: Final = 3600
_UNUSED_REFRESH_LIFETIME_SECONDS: Final = 7 * 24 * 60 * 60

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What the client requested when it redirected the browser to the sandbox.

    Attributes:
        expires_at: Unix time from which the sign-in page is refused.
    """

    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    nonce: str | None
    code_challenge: str | None
    expires_at: float


@dataclass(slots=True, kw_only=True)
class Grant:
    """A Veteran's consent. Every token belongs to a grant and is revoked with it."""

    request: AuthorizationRequest
    veteran: Veteran
    auth_time: int
    is_revoked: bool = False


@dataclass(slots=True, kw_only=True)
class Code:
    """An authorization code. A spent code is kept so that a second use is recognized."""

    grant: Grant
    expires_at: float
    is_spent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """The record of an access token."""

    grant: Grant
    scopes: tuple[str, ...]
    issued_at: int

    @property
    def expires_at(self) -> int:
        """First Unix second at which the token is refused."""
        return self.issued_at + TOKEN_LIFETIME_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """The record of a refresh token. It expires if it isn't used."""

    grant: Grant
    used_at: int

    @property
    def expires_at(self) -> int:
        """First Unix second at which the token is refused, unless it is used before then."""
        return self.used_at + _UNUSED_REFRESH_LIFETIME_SECONDS


@final
class BoundedStore(Generic[Record]):
    """Records by key. When the store is full, the oldest record is dropped."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._records: OrderedDict[str, Record] = OrderedDict()

    def put(self, key: str, record: Record) -> None:
        """Stores a record as the newest."""
        self._records[key] = record
        self._records.move_to_end(key)
        if len(self._records) > self._capacity:
            self._records.popitem(last=False)

    def get(self, key: str) -> Record | None:
        """Returns the record, or None."""
        return self._records.get(key)

    def pop(self, key: str) -> Record | None:
        """Removes and returns the record, or returns None."""
        return self._records.pop(key, None)
