"""Clients' public keys: which are accepted, and for what."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from adapters.client_assertions.public_keys import load_key, read_public_key
from domain.errors import InvalidServiceClientError
from domain.service_client import ClientKey, SigningAlgorithm
from tests.support.service_clients import ec_key, ed_key, jwk_of, pem_of, rsa_key


def refusal(document: str) -> str:
    with pytest.raises(InvalidServiceClientError) as refused:
        read_public_key(document)
    return str(refused.value)


def test_the_same_key_is_the_same_in_pem_and_as_a_jwk() -> None:
    for key in (rsa_key(), ec_key(), ed_key()):
        assert read_public_key(pem_of(key)) == read_public_key(jwk_of(key))


def test_a_key_goes_with_one_algorithm() -> None:
    told = [read_public_key(pem_of(key)).algorithm for key in (rsa_key(), ec_key(), ed_key())]

    assert told == [SigningAlgorithm.RS256, SigningAlgorithm.ES256, SigningAlgorithm.EDDSA]
    pss = read_public_key(jwk_of(rsa_key(), alg="PS256"))
    assert pss.algorithm is SigningAlgorithm.PS256


def test_a_key_keeps_the_id_that_it_has_and_gets_its_thumbprint_otherwise() -> None:
    # Source: RFC 7638, section 3.1.
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": n, "e": "AQAB"}

    assert read_public_key(json.dumps(jwk)).id == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert read_public_key(json.dumps(jwk | {"kid": "mine"})).id == "mine"


def test_only_what_makes_up_the_key_is_kept() -> None:
    key = read_public_key(jwk_of(ec_key(), kid="k", x5u="https://elsewhere.example", use="sig"))

    assert set(json.loads(key.jwk)) == {"kty", "crv", "x", "y"}
    assert load_key(key) is not None


def test_a_private_key_is_refused_and_not_repeated() -> None:
    key = ec_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    jwk = jwk_of(key, d="canary-private")

    assert "private" in refusal(pem)
    assert "private" in refusal(jwk)
    assert "canary" not in refusal(jwk)
    assert "private or secret" in refusal(json.dumps({"kty": "oct", "k": "c2VjcmV0"}))


@pytest.mark.case(31)
@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS512"},
        {"alg": "RS256"},
        {"alg": ["ES256"]},
        {"kid": ""},
        {"kid": 7},
        {"kid": "x" * 129},
        {"kid": "a\nb"},
        {"x": "AAAA"},
        {"y": None},
        {"kty": "RSA"},
        {"kty": ["EC"]},
        {"crv": "P-384"},
    ],
)
def test_a_jwk_that_is_for_something_else_is_refused(members: dict[str, object]) -> None:
    assert refusal(jwk_of(ec_key(), **members))


@pytest.mark.case(32)
def test_a_weak_key_is_refused() -> None:
    assert refusal(pem_of(rsa_key(1024)))


def test_a_key_of_another_kind_is_refused() -> None:
    others = (
        dsa.generate_private_key(2048),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed448.Ed448PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
    )
    for key in others:
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert refusal(public.decode())


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "{}",
        "[]",
        "\ud800",
        '{"kty": "EC", "kty": "RSA"}',
        '{"kid": "\\ud800"}',
        '{"kty":' + "[" * 5000 + "]" * 5000 + "}",
        "x" * 20_000,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_key_is_refused(document: str) -> None:
    assert refusal(document)


def test_what_was_stored_and_fits_no_more_verifies_nothing() -> None:
    stored = read_public_key(pem_of(ec_key()))
    for jwk, algorithm in (
        (stored.jwk, SigningAlgorithm.EDDSA),
        (read_public_key(pem_of(rsa_key())).jwk, SigningAlgorithm.ES256),
        ('{"kty": "EC"}', SigningAlgorithm.ES256),
    ):
        assert load_key(ClientKey(id="k", algorithm=algorithm, jwk=jwk)) is None
