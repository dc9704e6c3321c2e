"""Back ends that ask for VA's tokens: their keys, their secrets, and what they sign."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from application.use_cases.clients.add_client import AddClientCommand, ClientAdded
from domain.client_assertion import ClientAssertion
from domain.secret import Secret
from domain.service_client import ClientId, ClientKey, ServiceClient, SigningAlgorithm
from domain.va_token_use import TokenPurpose
from entrypoints.container import Container
from entrypoints.web.token_request import ACCESS_TOKEN, JWT, JWT_BEARER, TOKEN_EXCHANGE
from tests.support.builders import NOW

PATH: Final = "/oauth/token"
SCOPE: Final = "veteran_status.read"
PURPOSE: Final = TokenPurpose.VETERAN_STATUS

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(bits: int = 2048, position: int = 0) -> rsa.RSAPrivateKey:
    """Made once for all tests, as it takes long; ``position`` makes another one."""
    assert position >= 0
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def pem_of(key: PrivateKey) -> str:
    """The public half, as `openssl pkey -pubout` writes it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk_of(key: PrivateKey, **members: object) -> str:
    """The public half as a JWK."""
    algorithms = jwt.algorithms.get_default_algorithms()
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = algorithms["RS256"]
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = algorithms["ES256"]
    else:
        algorithm = algorithms["EdDSA"]
    return json.dumps(algorithm.to_jwk(key.public_key(), as_dict=True) | members)


def assertion_claims(
    client_id: ClientId, audience: object, *, now: datetime = NOW, **changes: Any
) -> dict[str, Any]:
    """What a good assertion says; a change of None leaves a claim out."""
    claims = {
        "iss": str(client_id),
        "sub": str(client_id),
        "aud": audience,
        "jti": secrets.token_urlsafe(16),
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=1)).timestamp()),
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def signed(
    claims: Mapping[str, Any],
    key: Any,
    *,
    algorithm: str = "ES256",
    headers: dict[str, Any] | None = None,
) -> Secret:
    return Secret(jwt.encode(dict(claims), key, algorithm=algorithm, headers=headers))


def a_client(
    *,
    secret: Secret | None = None,
    key: ClientKey | None = None,
    name: str = "Benefits assistant",
    now: datetime = NOW,
) -> ServiceClient:
    """A client with a secret nobody knows, unless a credential is given."""
    return ServiceClient.register(
        client_id=ClientId(uuid4()),
        name=name,
        credential=key or secret or Secret(secrets.token_urlsafe(32)),
        purposes=frozenset({PURPOSE}),
        scopes=frozenset({SCOPE}),
        now=now,
    )


def a_client_key(key_id: str = "k1", *, x: str = "1") -> ClientKey:
    """One in the form in which it is stored; what it says is of no matter to a store."""
    return ClientKey(
        id=key_id, algorithm=SigningAlgorithm.ES256, jwk=json.dumps({"kty": "EC", "x": x})
    )


def an_assertion(
    client_id: ClientId | None = None, *, forget_at: datetime = NOW + timedelta(minutes=2)
) -> ClientAssertion:
    return ClientAssertion(
        client_id=client_id or ClientId(uuid4()),
        id_hash=secrets.token_bytes(32),
        forget_at=forget_at,
    )


async def register(
    container: Container,
    *,
    name: str = "Benefits assistant",
    public_key: str | None = None,
    purposes: frozenset[TokenPurpose] = frozenset({PURPOSE}),
    scopes: frozenset[str] = frozenset({SCOPE}),
) -> ClientAdded:
    """Register a client as an operator does; with a secret unless it has a key."""
    return await container.add_client().execute(
        AddClientCommand(name=name, purposes=purposes, scopes=scopes, public_key=public_key)
    )


@dataclass(frozen=True, kw_only=True)
class SecretClient:
    """A registered back end with a secret."""

    id: str
    secret: str

    @classmethod
    async def registered(cls, container: Container, **registration: Any) -> "SecretClient":
        added = await register(container, **registration)
        assert added.secret is not None
        return cls(id=str(added.client.id), secret=added.secret.reveal())

    @property
    def basic(self) -> tuple[str, str]:
        """For HTTP Basic."""
        return self.id, self.secret

    @property
    def fields(self) -> dict[str, str]:
        """For the form."""
        return {"client_id": self.id, "client_secret": self.secret}


@dataclass(frozen=True, kw_only=True)
class KeyClient:
    """A registered back end with a key."""

    id: ClientId
    key: ec.EllipticCurvePrivateKey
    audience: str

    @classmethod
    async def registered(cls, container: Container, **registration: Any) -> "KeyClient":
        key = ec_key()
        added = await register(container, public_key=pem_of(key), **registration)
        audience = container.settings().public_url + PATH
        return cls(id=added.client.id, key=key, audience=audience)

    def assertion(self, now: datetime, **changes: Any) -> str:
        claims = assertion_claims(self.id, self.audience, now=now, **changes)
        return signed(claims, self.key).reveal()

    def fields(self, now: datetime, **changes: Any) -> dict[str, str]:
        """For the form: a new assertion."""
        return {
            "client_assertion_type": JWT_BEARER,
            "client_assertion": self.assertion(now, **changes),
        }


def exchange_fields(token: str, **changes: str | None) -> dict[str, str]:
    """What a back end asks by; a change of None leaves a field out."""
    fields: dict[str, str | None] = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": token,
        "subject_token_type": JWT,
        "requested_token_type": ACCESS_TOKEN,
        "purpose": PURPOSE.value,
        "scope": SCOPE,
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}
