"""Forged and twisted client assertions, against the real verifier.

The cases are those of the ID token: who signs, by what, and how it is read.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
import pytest

from adapters.client_assertions.jwt_client_assertions import JWTClientAssertions
from domain.errors import InvalidAssertionError
from domain.secret import Secret
from domain.service_client import ServiceClient
from tests.support.builders import NOW
from tests.support.service_clients import (
    PrivateKey,
    a_client,
    assertion_claims,
    ec_key,
    ed_key,
    jwk_of,
    pem_of,
    rsa_key,
    signed,
)

US: Final = "https://us.example"
ASSERTIONS: Final = JWTClientAssertions(audiences=[US])


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A registered client and its private key."""

    client: ServiceClient
    key: PrivateKey
    algorithm: str

    def claims(self, **changes: Any) -> dict[str, Any]:
        return assertion_claims(self.client.id, US, **changes)

    def sign(self, *, key: Any = None, algorithm: str | None = None, **headers: Any) -> str:
        assertion = signed(
            self.claims(),
            key or self.key,
            algorithm=algorithm or self.algorithm,
            headers=headers or None,
        )
        return assertion.reveal()


def holder(key: PrivateKey, algorithm: str) -> Holder:
    registered = ASSERTIONS.read_key(jwk_of(key, alg=algorithm, kid="k1"))
    return Holder(client=a_client(key=registered), key=key, algorithm=algorithm)


MAKERS: Final[dict[str, Callable[[], Holder]]] = {
    "RS256": lambda: holder(rsa_key(), "RS256"),
    "PS256": lambda: holder(rsa_key(), "PS256"),
    "ES256": lambda: holder(ec_key(), "ES256"),
    "EdDSA": lambda: holder(ed_key(), "EdDSA"),
}


@pytest.fixture(params=MAKERS)
def somebody(request: pytest.FixtureRequest) -> Holder:
    return MAKERS[request.param]()


def raw(header: str | Mapping[str, Any], payload: str | Mapping[str, Any]) -> str:
    """The signed part of a JWT, of whatever is given."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload)]
    return ".".join(_encoded(text.encode(errors="surrogatepass")) for text in texts)


def sealed(somebody: Holder, header: Mapping[str, Any], payload: str | Mapping[str, Any]) -> str:
    """A JWT of whatever is given, under a signature that holds."""
    part = raw({"alg": somebody.algorithm, **header}, payload)
    algorithm = jwt.get_algorithm_by_name(somebody.algorithm)
    return f"{part}.{_encoded(algorithm.sign(part.encode(), somebody.key))}"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def is_accepted(somebody: Holder, assertion: str) -> bool:
    try:
        ASSERTIONS.verify(Secret(assertion), somebody.client, now=NOW)
    except InvalidAssertionError:
        return False
    return True


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt"])
def test_a_genuine_assertion_is_accepted(somebody: Holder, typ: str) -> None:
    assert is_accepted(somebody, somebody.sign())
    assert is_accepted(somebody, somebody.sign(typ=typ))
    assert is_accepted(somebody, somebody.sign(kid="k1"))


@pytest.mark.case(25)
@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", None])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_an_unsigned_assertion_is_refused(
    somebody: Holder, algorithm: str | None, signature: str
) -> None:
    header = {"typ": "JWT"} | ({} if algorithm is None else {"alg": algorithm})

    assert not is_accepted(somebody, f"{raw(header, somebody.claims())}.{signature}")


@pytest.mark.case(26)
@pytest.mark.parametrize("kept_as", ["pem", "jwk"])
def test_the_public_key_is_no_shared_secret(somebody: Holder, kept_as: str) -> None:
    text = pem_of(somebody.key) if kept_as == "pem" else somebody.client.keys[0].jwk
    part = raw({"alg": "HS256", "typ": "JWT"}, somebody.claims())
    signature = _encoded(hmac.digest(text.encode(), part.encode(), "sha256"))

    assert not is_accepted(somebody, f"{part}.{signature}")


@pytest.mark.case(27)
def test_another_algorithm_than_the_keys_is_refused() -> None:
    for registered, others in (("RS256", ("PS256", "RS512")), ("PS256", ("RS256", "PS512"))):
        somebody = MAKERS[registered]()
        for other in others:
            assert not is_accepted(somebody, somebody.sign(algorithm=other))


@pytest.mark.case(27)
def test_a_key_of_ones_own_is_refused(somebody: Holder) -> None:
    for key, algorithm in ((ec_key(), "ES256"), (ed_key(), "EdDSA"), (rsa_key(2048, 1), "RS256")):
        assert not is_accepted(somebody, somebody.sign(key=key, algorithm=algorithm))
        assert not is_accepted(somebody, somebody.sign(key=key, algorithm=algorithm, kid="k1"))


@pytest.mark.case(28)
def test_whatever_is_altered_is_refused(somebody: Holder) -> None:
    header, payload, signature = somebody.sign().split(".")
    altered = raw({}, somebody.claims()).split(".")[1]
    for parts in (
        (header, altered, signature),
        (header, payload, signature[:-8]),
        (header, payload, signature[:-8] + "AAAAAAAA"),
        (raw({"alg": somebody.algorithm}, {}).split(".")[0], payload, signature),
        (header, payload, ""),
        (header, payload, signature, signature),
        (f"{header}=", payload, signature),
        (header, f" {payload}", signature),
    ):
        assert not is_accepted(somebody, ".".join(parts))


@pytest.mark.case(29)
def test_an_unknown_kid_is_refused(somebody: Holder) -> None:
    assert not is_accepted(somebody, somebody.sign(kid="k2"))
    assert not is_accepted(somebody, sealed(somebody, {"kid": ["k1"]}, somebody.claims()))


@pytest.mark.case(33)
def test_a_key_that_the_assertion_brings_along_is_not_looked_at(
    somebody: Holder,
) -> None:
    own = ec_key()
    for header in (
        {"jwk": json.loads(jwk_of(own))},
        {"jku": "https://elsewhere.example/keys"},
        {"x5u": "https://elsewhere.example/certificate"},
        {"x5c": ["AAAA"]},
    ):
        assert not is_accepted(somebody, somebody.sign(key=own, algorithm="ES256", **header))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "at+jwt"},
        {"typ": "jwt"},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": True},
        {"typ": 1},
        {"typ": []},
    ],
)
def test_a_header_that_makes_it_something_else_is_refused(
    somebody: Holder, header: dict[str, Any]
) -> None:
    assert is_accepted(somebody, sealed(somebody, {"typ": "JWT"}, somebody.claims()))
    assert not is_accepted(somebody, sealed(somebody, header, somebody.claims()))


@pytest.mark.case(42)
def test_a_claim_that_stands_twice_is_refused(somebody: Holder) -> None:
    twice = json.dumps(somebody.claims())[:-1] + ', "jti": "another"}'

    assert not is_accepted(somebody, sealed(somebody, {}, twice))


@pytest.mark.case(43)
@pytest.mark.parametrize(
    "payload",
    [
        "[" * 20_000 + "]" * 20_000,
        '{"exp":' + "[" * 1200 + "]" * 1200 + "}",
        '{"exp": NaN}',
        '{"exp": 1e999}',
        '{"jti": "\\ud800"}',
        "[]",
        "null",
        "",
    ],
)
def test_odd_json_is_refused_and_nothing_breaks(somebody: Holder, payload: str) -> None:
    assert not is_accepted(somebody, sealed(somebody, {}, payload))
