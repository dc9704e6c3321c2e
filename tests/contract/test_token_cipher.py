"""What every TokenCipher promises, run against each adapter."""

import secrets
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.encryption.aes_gcm_cipher import AESGCMTokenCipher
from adapters.encryption.key_ring import KeyRing
from adapters.encryption.sealed_box import SealedBox
from adapters.memory.token_cipher import MemoryTokenCipher
from application.ports.token_cipher import SealBrokenError, TokenCipher
from domain.data_key import DataKey
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField
from tests.support.builders import a_data_key, a_user_id
from tests.support.early_tokens import sealed_early

_MASTER_KEYS: Final = {key_id: secrets.token_bytes(32) for key_id in ("k1", "k2", "k3")}
#: The same key by another name, as an operator may give it by mistake.
_MASTER_KEYS["k1-again"] = _MASTER_KEYS["k1"]


def aes_gcm(*key_ids: str) -> TokenCipher:
    """A cipher that can open what was sealed under these master keys before data keys were."""
    return AESGCMTokenCipher(KeyRing({key_id: _MASTER_KEYS[key_id] for key_id in key_ids}))


@pytest.fixture(params=["aes_gcm", "memory"], scope="module")
def cipher(request: pytest.FixtureRequest) -> TokenCipher:
    return aes_gcm("k1") if request.param == "aes_gcm" else MemoryTokenCipher()


texts = st.text(st.characters(codec="utf-8"), max_size=300).map(Secret)
fields = st.sampled_from(TokenField)
user_ids = st.uuids().map(UserId)


def open_as(
    cipher: TokenCipher, sealed: bytes, key: DataKey, field: TokenField = TokenField.ACCESS
) -> Secret:
    return cipher.open(sealed, user_id=key.user_id, key=key, field=field)


def assert_broken(
    cipher: TokenCipher,
    sealed: bytes,
    user_id: UserId,
    key: DataKey | None,
    field: TokenField = TokenField.ACCESS,
) -> None:
    with pytest.raises(SealBrokenError) as broken:
        cipher.open(sealed, user_id=user_id, key=key, field=field)
    assert str(broken.value) == "", "it tells an attacker something"


@given(token=texts, field=fields, user_id=user_ids)
def test_what_was_sealed_opens_as_the_same_field_of_the_same_user(
    cipher: TokenCipher, token: Secret, field: TokenField, user_id: UserId
) -> None:
    key = a_data_key(user_id)
    sealed = cipher.seal(token, key=key, field=field)

    assert open_as(cipher, sealed, key, field) == token


def test_a_sealed_token_is_ascii_and_does_not_show_what_it_holds(cipher: TokenCipher) -> None:
    token = Secret("a-token-that-nobody-may-see")
    sealed = cipher.seal(token, key=a_data_key(), field=TokenField.ACCESS)

    assert sealed.isascii()
    assert token.reveal().encode() not in sealed


def test_sealing_never_gives_the_same_twice(cipher: TokenCipher) -> None:
    key = a_data_key()
    sealed = {
        cipher.seal(Secret("the same"), key=key, field=TokenField.ACCESS) for _ in range(2000)
    }

    assert len(sealed) == 2000


@pytest.mark.case(92)
def test_a_token_does_not_open_as_another_users(cipher: TokenCipher) -> None:
    key = a_data_key()
    other = a_user_id()
    sealed = cipher.seal(Secret("token"), key=key, field=TokenField.ACCESS)

    assert_broken(cipher, sealed, other, key)
    assert_broken(cipher, sealed, other, a_data_key(other))
    # Not even if the other user had the very same key.
    assert_broken(cipher, sealed, other, replace(key, user_id=other))


@pytest.mark.case(92)
@given(sealed_as=fields, opened_as=fields)
def test_a_token_does_not_open_as_another_field(
    cipher: TokenCipher, sealed_as: TokenField, opened_as: TokenField
) -> None:
    key = a_data_key()
    sealed = cipher.seal(Secret("token"), key=key, field=sealed_as)

    if sealed_as is opened_as:
        assert open_as(cipher, sealed, key, opened_as) == Secret("token")
    else:
        assert_broken(cipher, sealed, key.user_id, key, opened_as)


@pytest.mark.case(92)
def test_a_token_with_any_bit_flipped_does_not_open(cipher: TokenCipher) -> None:
    key = a_data_key()
    sealed = cipher.seal(Secret("a token of VA's"), key=key, field=TokenField.ACCESS)

    for position in range(len(sealed)):
        for bit in range(8):
            altered = bytearray(sealed)
            altered[position] ^= 1 << bit
            assert_broken(cipher, bytes(altered), key.user_id, key)


@pytest.mark.case(92)
def test_a_token_that_was_cut_or_added_to_does_not_open(cipher: TokenCipher) -> None:
    key = a_data_key()
    sealed = cipher.seal(Secret("a token of VA's"), key=key, field=TokenField.ACCESS)

    for length in range(len(sealed)):
        assert_broken(cipher, sealed[:length], key.user_id, key)
        assert_broken(cipher, sealed[len(sealed) - length :], key.user_id, key)
    for extra in (b"=", b"A", b".", b"\n", b"\0"):
        assert_broken(cipher, sealed + extra, key.user_id, key)
        assert_broken(cipher, extra + sealed, key.user_id, key)


@given(junk=st.binary(max_size=200))
def test_junk_does_not_open(cipher: TokenCipher, junk: bytes) -> None:
    key = a_data_key()
    assert_broken(cipher, junk, key.user_id, key)
    assert_broken(cipher, junk, key.user_id, None)


@pytest.mark.case(92)
def test_a_token_does_not_open_under_another_version_of_the_key(
    cipher: TokenCipher,
) -> None:
    key = a_data_key()
    sealed = cipher.seal(Secret("token"), key=key, field=TokenField.ACCESS)
    relabelled = sealed.replace(b".1.", b".2.", 1)

    assert relabelled != sealed
    assert_broken(cipher, sealed, key.user_id, replace(key, version=2))
    assert_broken(cipher, relabelled, key.user_id, replace(key, version=2))
    assert_broken(cipher, relabelled, key.user_id, key)


@pytest.mark.case(92)
def test_a_token_does_not_open_without_its_key_nor_under_another(
    cipher: TokenCipher,
) -> None:
    key = a_data_key()
    sealed = cipher.seal(Secret("token"), key=key, field=TokenField.ACCESS)

    assert_broken(cipher, sealed, key.user_id, None)
    assert_broken(cipher, sealed, key.user_id, a_data_key(key.user_id))


def test_what_is_sealed_now_is_current(cipher: TokenCipher) -> None:
    assert cipher.is_current(cipher.seal(Secret("t"), key=a_data_key(), field=TokenField.ID))
    assert not cipher.is_current(b"v1.k1.AAAA")
    assert not cipher.is_current(b"")


# What follows is about tokens from before there were data keys, of which a memory has none.


def early(key_id: str, user_id: UserId, field: TokenField = TokenField.ACCESS) -> bytes:
    return sealed_early(
        Secret("early"),
        master_key_id=key_id,
        master_key=_MASTER_KEYS[key_id],
        user_id=user_id,
        field=field,
    )


@pytest.mark.parametrize("has_key", [False, True])
def test_an_early_token_still_opens_whether_or_not_its_user_has_a_key(
    has_key: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    user_id = a_user_id()
    key = a_data_key(user_id) if has_key else None
    sealed = early("k1", user_id)

    opened = aes_gcm("k2", "k1").open(sealed, user_id=user_id, key=key, field=TokenField.ACCESS)
    assert opened == Secret("early")


@pytest.mark.case(92)
@pytest.mark.parametrize("label", ["k2", "k1-again"])
def test_an_early_token_that_is_relabelled_does_not_open(label: str) -> None:
    user_id = a_user_id()
    sealed = early("k1", user_id)

    relabelled = sealed.replace(b".k1.", f".{label}.".encode())
    assert_broken(aes_gcm("k1", label), relabelled, user_id, None)


@pytest.mark.case(92)
def test_an_early_token_of_a_key_that_is_not_here_does_not_open() -> None:
    user_id = a_user_id()
    assert_broken(aes_gcm("k2", "k3"), early("k1", user_id), user_id, None)


@pytest.mark.case(92)
def test_an_early_token_does_not_open_as_another_users_or_field() -> None:
    user_id = a_user_id()
    sealed = early("k1", user_id)

    assert_broken(aes_gcm("k1"), sealed, a_user_id(), None)
    assert_broken(aes_gcm("k1"), sealed, user_id, None, TokenField.REFRESH)


@pytest.mark.case(92)
def test_neither_form_passes_for_the_other() -> None:
    key = DataKey(user_id=a_user_id(), version=1, key=_MASTER_KEYS["k1"])
    cipher = aes_gcm("k1")
    now = cipher.seal(Secret("token"), key=key, field=TokenField.ACCESS)
    box = now.split(b".")[2]

    assert_broken(cipher, b"v1.k1." + box, key.user_id, key)
    assert_broken(cipher, b"v2.1." + early("k1", key.user_id).split(b".")[2], key.user_id, key)


@pytest.mark.case(97)
@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_a_key_of_another_size_than_256_bits_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SealedBox(secrets.token_bytes(size))
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing({"k1": secrets.token_bytes(size)})
