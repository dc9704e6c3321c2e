"""What every SecretSource promises, run against each adapter."""

import re
from base64 import urlsafe_b64decode
from uuid import RFC_4122

import pytest

from adapters.memory.secret_source import MemorySecretSource
from adapters.system.secret_source import SystemSecretSource
from application.ports.secret_source import SecretSource


@pytest.fixture(params=[MemorySecretSource, SystemSecretSource])
def source(request: pytest.FixtureRequest) -> SecretSource:
    made: SecretSource = request.param()
    return made


def test_a_token_is_256_bits_as_base64url_without_padding(source: SecretSource) -> None:
    text = source.token().reveal()

    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", text)
    assert len(urlsafe_b64decode(text + "=")) == 32


def test_every_bit_of_a_token_varies(source: SecretSource) -> None:
    drawn = [int.from_bytes(urlsafe_b64decode(source.token().reveal() + "=")) for _ in range(200)]

    ones, zeros = 0, 0
    for number in drawn:
        ones, zeros = ones | number, zeros | ~number
    assert ones == 2**256 - 1
    assert zeros & (2**256 - 1) == 2**256 - 1


def test_no_token_comes_twice(source: SecretSource) -> None:
    assert len({source.token() for _ in range(20_000)}) == 20_000


def test_a_token_does_not_show_itself(source: SecretSource) -> None:
    token = source.token()

    assert token.reveal() not in f"{token!r} {token} {source!r}"


def test_an_identifier_is_a_random_uuid_and_never_comes_twice(source: SecretSource) -> None:
    drawn = {source.uuid() for _ in range(5_000)}

    assert len(drawn) == 5_000
    assert {(uuid.version, uuid.variant) for uuid in drawn} == {(4, RFC_4122)}


def test_what_repeats_for_tests_repeats_for_the_same_seed_alone() -> None:
    one, same, other = MemorySecretSource("seed"), MemorySecretSource("seed"), MemorySecretSource()

    assert (one.token(), one.uuid()) == (same.token(), same.uuid())
    assert one.token() != other.token()


def test_a_key_is_256_bits_and_no_two_are_the_same(source: SecretSource) -> None:
    drawn = {source.key() for _ in range(2000)}

    assert len(drawn) == 2000
    assert {len(key) for key in drawn} == {32}
