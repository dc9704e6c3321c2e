"""Clients: back ends that may use VA tokens on behalf of Veterans."""

import hmac
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType, Self
from uuid import UUID

from domain.errors import InvalidServiceClientError
from domain.secret import Secret, hash_of
from domain.va_token_use import TokenPurpose

ClientId = NewType("ClientId", UUID)

#: The newest one, and the one before it during a rotation.
MAX_CREDENTIALS: Final = 2
_MAX_NAME_CHARACTERS: Final = 80
# Source: RFC 6749, appendix A.4.
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}", re.ASCII)


class SigningAlgorithm(StrEnum):
    """The algorithms that a client may sign with (RFC 7518, RFC 8037)."""

    RS256 = "RS256"
    PS256 = "PS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """A client's public key, bound to one algorithm (RFC 8725, section 3.1).

    Attributes:
        id: The `kid`.
        jwk: The key as a JWK (RFC 7517), with public members only.
    """

    id: str
    algorithm: SigningAlgorithm
    jwk: str


class ClientMethod(StrEnum):
    """How a client authenticates."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET = "client_secret"  # noqa: S105 - the method's name


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCredential:
    """The credential of a client that has a secret (RFC 6749, section 2.3.1)."""

    client_id: str
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionCredential:
    """The credential of a client that has a key (RFC 7523, section 2.2).

    Attributes:
        client_id: The `client_id` parameter beside the assertion, or None.
    """

    assertion: Secret
    client_id: str | None


ClientCredential = SecretCredential | AssertionCredential


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceClient:
    """A registered back end. It has either keys or secrets, never both.

    Attributes:
        name: Shown to the Veteran.
        keys: The keys that verify its assertions, newest first.
        secret_hashes: Hashes of its secrets, newest first. A secret has 256 random bits, so a
            plain SHA-256 protects it as well as a slow hash.
        created_at: Instant (UTC).
        disabled_at: Instant (UTC), or None.
    """

    id: ClientId
    name: str
    keys: tuple[ClientKey, ...] = ()
    secret_hashes: tuple[bytes, ...] = field(default=(), repr=False)
    purposes: frozenset[TokenPurpose]
    scopes: frozenset[str]
    created_at: datetime
    disabled_at: datetime | None = None

    @classmethod
    def register(
        cls,
        *,
        client_id: ClientId,
        name: str,
        credential: ClientKey | Secret,
        purposes: frozenset[TokenPurpose],
        scopes: frozenset[str],
        now: datetime,
    ) -> Self:
        """Creates a client with its first key or secret.

        Raises:
            InvalidServiceClientError: The name isn't readable, there is no purpose, or there is
                no valid scope.
        """
        if not name.isprintable() or not 0 < len(name.strip()) <= _MAX_NAME_CHARACTERS:
            raise InvalidServiceClientError("the name must be 1 to 80 printable characters")
        if not purposes:
            raise InvalidServiceClientError("at least one purpose is required")
        if not scopes or not all(_SCOPE.fullmatch(scope) for scope in scopes):
            raise InvalidServiceClientError("at least one scope is required, each a single word")
        keys: tuple[ClientKey, ...] = ()
        hashes: tuple[bytes, ...] = ()
        if isinstance(credential, ClientKey):
            keys = (credential,)
        else:
            hashes = (hash_of(credential),)
        return cls(
            id=client_id,
            name=name.strip(),
            keys=keys,
            secret_hashes=hashes,
            purposes=purposes,
            scopes=scopes,
            created_at=now,
        )

    @property
    def method(self) -> ClientMethod:
        """How the client authenticates."""
        return ClientMethod.PRIVATE_KEY_JWT if self.keys else ClientMethod.CLIENT_SECRET

    def knows(self, secret: Secret) -> bool:
        """Whether the secret is one of the client's."""
        shown = hash_of(secret)
        return any(hmac.compare_digest(shown, known) for known in self.secret_hashes)

    def rotated(self, credential: ClientKey | Secret) -> Self:
        """Returns the client with a new key or secret. The previous one stays valid.

        Raises:
            InvalidServiceClientError: The client is disabled, already has that key, or uses the
                other kind of credential.
        """
        if self.disabled_at is not None:
            raise InvalidServiceClientError("the client is disabled")
        if isinstance(credential, ClientKey):
            if self.method is not ClientMethod.PRIVATE_KEY_JWT:
                raise InvalidServiceClientError("the client has a secret, not a key")
            if any(credential.id == key.id or credential.jwk == key.jwk for key in self.keys):
                raise InvalidServiceClientError("the client already has that key or its kid")
            return replace(self, keys=(credential, *self.keys)[:MAX_CREDENTIALS])
        if self.method is not ClientMethod.CLIENT_SECRET:
            raise InvalidServiceClientError("the client has a key, not a secret")
        hashes = (hash_of(credential), *self.secret_hashes)
        return replace(self, secret_hashes=hashes[:MAX_CREDENTIALS])

    def retired(self) -> Self:
        """Returns the client with only its newest credential."""
        return replace(self, keys=self.keys[:1], secret_hashes=self.secret_hashes[:1])

    def disabled(self, now: datetime) -> Self:
        """Returns the client, disabled."""
        return replace(self, disabled_at=now)


def parse_client_id(text: str) -> ClientId | None:
    """Returns the client id, or None if the text isn't one in canonical spelling."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    # UUID() also accepts other spellings.
    return ClientId(parsed) if str(parsed) == text else None
