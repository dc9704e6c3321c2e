"""What every SealKeys promises, run against each adapter."""

import secrets
from collections.abc import Callable

import pytest

from adapters.encryption.audit_keys import AuditKeyRing
from adapters.encryption.seal_keys import HMACSealKeys
from adapters.memory.seal_keys import MemorySealKeys
from application.ports.seal_keys import SealKeys

#: Makes keys of their own.
MakeKeys = Callable[[], SealKeys]


def hmac_keys() -> SealKeys:
    return HMACSealKeys(AuditKeyRing(secrets.token_bytes(32)))


pytestmark = pytest.mark.parametrize("make", [hmac_keys, MemorySealKeys])


def test_what_was_made_for_a_message_is_authentic_for_that_message_alone(make: MakeKeys) -> None:
    keys = make()
    for made, length in ((keys.authenticate(b"message"), 32), (keys.tag(b"message"), 16)):
        assert len(made) == length
        assert keys.is_authentic(b"message", made, key_id=keys.key_id)
        assert not keys.is_authentic(b"another", made, key_id=keys.key_id)
        assert not keys.is_authentic(b"message", made[:-1], key_id=keys.key_id)
        assert not keys.is_authentic(b"message", b"", key_id=keys.key_id)
        spoilt = bytes([made[0] ^ 1]) + made[1:]
        assert not keys.is_authentic(b"message", spoilt, key_id=keys.key_id)


def test_one_message_is_authenticated_in_one_way(make: MakeKeys) -> None:
    keys = make()
    assert keys.authenticate(b"message") == keys.authenticate(b"message")
    assert keys.tag(b"message") == keys.tag(b"message")


def test_other_keys_have_another_id_and_make_nothing_that_counts(make: MakeKeys) -> None:
    keys, others = make(), make()
    assert keys.knows(keys.key_id)
    assert not keys.knows(others.key_id)
    made = others.authenticate(b"message")
    assert not keys.is_authentic(b"message", made, key_id=others.key_id)
    assert not keys.is_authentic(b"message", made, key_id=keys.key_id)
