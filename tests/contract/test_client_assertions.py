"""What every ClientAssertions promises, run against each adapter."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol, final
from uuid import uuid4

import pytest

from adapters.client_assertions.jwt_client_assertions import JWTClientAssertions
from adapters.memory.client_assertions import MemoryClientAssertions
from application.ports.client_assertions import ClientAssertions
from domain.client_assertion import CLOCK_SKEW
from domain.errors import InvalidAssertionError, InvalidServiceClientError
from domain.secret import Secret
from domain.service_client import ClientId, ServiceClient
from tests.support.builders import NOW
from tests.support.service_clients import a_client, assertion_claims, ec_key, pem_of, signed

AUDIENCES = ("https://us.example", "https://us.example/oauth/token")


class Signer(Protocol):
    """A back end's side of an adapter."""

    assertions: ClientAssertions

    @property
    def public_key(self) -> str: ...

    def sign(self, claims: Mapping[str, Any]) -> Secret: ...


@final
class JWTSigner(Signer):
    def __init__(self) -> None:
        self.assertions = JWTClientAssertions(audiences=AUDIENCES)
        self._key = ec_key()

    @property
    def public_key(self) -> str:
        return pem_of(self._key)

    def sign(self, claims: Mapping[str, Any]) -> Secret:
        return signed(claims, self._key)


@final
class MemorySigner(Signer):
    def __init__(self) -> None:
        self.assertions = MemoryClientAssertions(audiences=AUDIENCES)
        self._key = secrets.token_urlsafe(32)

    @property
    def public_key(self) -> str:
        return MemoryClientAssertions.public_key(self._key)

    def sign(self, claims: Mapping[str, Any]) -> Secret:
        return MemoryClientAssertions.sign(claims, self._key)


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A client with a key, and the back end that has the other half."""

    client: ServiceClient
    signer: Signer

    def assertion(self, audience: object = AUDIENCES[0], **changes: Any) -> Secret:
        return self.signer.sign(assertion_claims(self.client.id, audience, **changes))


@pytest.fixture(params=[JWTSigner, MemorySigner])
def make(request: pytest.FixtureRequest) -> type[Signer]:
    kind: type[Signer] = request.param
    return kind


@pytest.fixture
def registered(make: type[Signer]) -> Registered:
    signer = make()
    key = signer.assertions.read_key(signer.public_key)
    return Registered(client=a_client(key=key), signer=signer)


def refusal(registered: Registered, assertion: Secret, client: ServiceClient | None = None) -> str:
    with pytest.raises(InvalidAssertionError) as refused:
        registered.signer.assertions.verify(assertion, client or registered.client, now=NOW)
    return refused.value.reason


@pytest.mark.parametrize("audience", [*AUDIENCES, [AUDIENCES[0]]])
def test_a_good_assertion_is_accepted(registered: Registered, audience: object) -> None:
    assertion = registered.assertion(audience)
    assertions = registered.signer.assertions

    accepted = assertions.verify(assertion, registered.client, now=NOW)

    assert assertions.claimed_client(assertion) == accepted.client_id == registered.client.id
    assert accepted.forget_at == NOW + timedelta(minutes=1) + CLOCK_SKEW


def test_the_same_assertion_is_known_again_and_another_is_another(registered: Registered) -> None:
    one, other = registered.assertion(), registered.assertion()

    def id_of(assertion: Secret) -> bytes:
        accepted = registered.signer.assertions.verify(assertion, registered.client, now=NOW)
        return accepted.id_hash

    assert id_of(one) == id_of(one) != id_of(other)


def test_another_keys_signature_is_refused(registered: Registered, make: type[Signer]) -> None:
    thief = make()
    claims = assertion_claims(registered.client.id, AUDIENCES[0])

    assert refusal(registered, thief.sign(claims)) == "assertion_signature"


def test_a_client_without_a_key_has_no_assertions(registered: Registered) -> None:
    client = replace(a_client(), id=registered.client.id)

    assert refusal(registered, registered.assertion(), client) == "assertion_signature"


def test_each_of_two_keys_signs(registered: Registered, make: type[Signer]) -> None:
    second = make()
    both = replace(
        registered.client,
        keys=(second.assertions.read_key(second.public_key), *registered.client.keys),
    )
    for signer in (registered.signer, second):
        assertion = signer.sign(assertion_claims(both.id, AUDIENCES[0]))
        assert registered.signer.assertions.verify(assertion, both, now=NOW).client_id == both.id


def test_an_assertion_of_somebody_else_is_refused(registered: Registered) -> None:
    other = ClientId(uuid4())
    assertion = registered.signer.sign(assertion_claims(other, AUDIENCES[0]))

    assert refusal(registered, assertion) == "assertion_client"


@pytest.mark.parametrize("text", ["", ".", "a.b.c", "nobody", "[]", "{}", "\ud800", "x" * 5000])
def test_what_is_no_assertion_is_refused(registered: Registered, text: str) -> None:
    with pytest.raises(InvalidAssertionError):
        registered.signer.assertions.claimed_client(Secret(text))
    with pytest.raises(InvalidAssertionError):
        registered.signer.assertions.verify(Secret(text), registered.client, now=NOW)


@pytest.mark.parametrize("document", ["", "nonsense", "-----BEGIN PUBLIC KEY-----"])
def test_what_is_no_public_key_is_refused(make: type[Signer], document: str) -> None:
    with pytest.raises(InvalidServiceClientError):
        make().assertions.read_key(document)


def test_a_key_reads_the_same_each_time(make: type[Signer]) -> None:
    signer = make()
    document = signer.public_key

    assert signer.assertions.read_key(document) == signer.assertions.read_key(f"\n{document}\n")
