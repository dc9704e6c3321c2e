"""What every TokenCipher promises, run against each adapter."""

import secrets
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.encryption.aes_gcm_cipher import AESGCMTokenCipher
from adapters.encryption.key_ring import KeyRing
from adapters.memory.token_cipher import MemorySafe, MemoryTokenCipher
from application.ports.token_cipher import SealBrokenError, TokenCipher
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField
from tests.support.builders import a_user_id

#: Makes a cipher that has the keys of these ids, the newest first.
MakeCipher = Callable[..., TokenCipher]

_KEYS: Final = {key_id: secrets.token_bytes(32) for key_id in ("k1", "k2", "k3")}
#: The same key by another name, as an operator may give it by mistake.
_KEYS["k1-again"] = _KEYS["k1"]
_SAFE: Final = MemorySafe()


def aes_gcm(*key_ids: str) -> TokenCipher:
    return AESGCMTokenCipher(KeyRing({key_id: _KEYS[key_id] for key_id in key_ids}))


def memory(*key_ids: str) -> TokenCipher:
    return MemoryTokenCipher(key_ids, _SAFE)


pytestmark = pytest.mark.parametrize("make_cipher", [aes_gcm, memory])

texts = st.text(st.characters(codec="utf-8"), max_size=300).map(Secret)
fields = st.sampled_from(TokenField)
user_ids = st.uuids().map(UserId)


def assert_broken(
    cipher: TokenCipher, sealed: bytes, user_id: UserId, field: TokenField = TokenField.ACCESS
) -> None:
    with pytest.raises(SealBrokenError) as broken:
        cipher.open(sealed, user_id=user_id, field=field)
    assert str(broken.value) == "", "it tells an attacker something"


@given(token=texts, field=fields, user_id=user_ids)
def test_what_was_sealed_opens_as_the_same_field_of_the_same_user(
    make_cipher: MakeCipher, token: Secret, field: TokenField, user_id: UserId
) -> None:
    cipher = make_cipher("k1")
    sealed = cipher.seal(token, user_id=user_id, field=field)

    assert cipher.open(sealed, user_id=user_id, field=field) == token


def test_a_sealed_token_is_ascii_and_does_not_show_what_it_holds(make_cipher: MakeCipher) -> None:
    token = Secret("a-token-that-nobody-may-see")
    sealed = make_cipher("k1").seal(token, user_id=a_user_id(), field=TokenField.ACCESS)

    assert sealed.isascii()
    assert token.reveal().encode() not in sealed


def test_sealing_never_gives_the_same_twice(make_cipher: MakeCipher) -> None:
    cipher, user_id = make_cipher("k1"), a_user_id()
    sealed = {
        cipher.seal(Secret("the same"), user_id=user_id, field=TokenField.ACCESS)
        for _ in range(2000)
    }

    assert len(sealed) == 2000


def test_case_92_a_token_does_not_open_as_another_users(make_cipher: MakeCipher) -> None:
    cipher, user_id = make_cipher("k1"), a_user_id()
    sealed = cipher.seal(Secret("token"), user_id=user_id, field=TokenField.ACCESS)

    assert_broken(cipher, sealed, a_user_id())


@given(sealed_as=fields, opened_as=fields)
def test_case_92_a_token_does_not_open_as_another_field(
    make_cipher: MakeCipher, sealed_as: TokenField, opened_as: TokenField
) -> None:
    cipher, user_id = make_cipher("k1"), a_user_id()
    sealed = cipher.seal(Secret("token"), user_id=user_id, field=sealed_as)

    if sealed_as is opened_as:
        assert cipher.open(sealed, user_id=user_id, field=opened_as) == Secret("token")
    else:
        assert_broken(cipher, sealed, user_id, opened_as)


def test_case_92_a_token_with_any_bit_flipped_does_not_open(make_cipher: MakeCipher) -> None:
    cipher, user_id = make_cipher("k1", "k2", "k3"), a_user_id()
    sealed = cipher.seal(Secret("a token of VA's"), user_id=user_id, field=TokenField.ACCESS)

    for position in range(len(sealed)):
        for bit in range(8):
            altered = bytearray(sealed)
            altered[position] ^= 1 << bit
            assert_broken(cipher, bytes(altered), user_id)


def test_case_92_a_token_that_was_cut_or_added_to_does_not_open(make_cipher: MakeCipher) -> None:
    cipher, user_id = make_cipher("k1"), a_user_id()
    sealed = cipher.seal(Secret("a token of VA's"), user_id=user_id, field=TokenField.ACCESS)

    for length in range(len(sealed)):
        assert_broken(cipher, sealed[:length], user_id)
        assert_broken(cipher, sealed[len(sealed) - length :], user_id)
    for extra in (b"=", b"A", b".", b"\n", b"\0"):
        assert_broken(cipher, sealed + extra, user_id)
        assert_broken(cipher, extra + sealed, user_id)


@given(junk=st.binary(max_size=200))
def test_junk_does_not_open(make_cipher: MakeCipher, junk: bytes) -> None:
    assert_broken(make_cipher("k1"), junk, a_user_id())


@pytest.mark.parametrize("label", ["k2", "k1-again"])
def test_case_92_a_token_that_is_relabelled_with_another_key_does_not_open(
    make_cipher: MakeCipher, label: str
) -> None:
    cipher, user_id = make_cipher("k1", label), a_user_id()
    sealed = cipher.seal(Secret("token"), user_id=user_id, field=TokenField.ACCESS)
    relabelled = sealed.replace(b".k1.", f".{label}.".encode())

    assert relabelled != sealed
    assert_broken(cipher, relabelled, user_id)


def test_case_99_the_newest_key_seals_and_every_key_opens(make_cipher: MakeCipher) -> None:
    user_id, field = a_user_id(), TokenField.REFRESH
    before = make_cipher("k1").seal(Secret("old"), user_id=user_id, field=field)
    rotating = make_cipher("k2", "k1")
    after = rotating.seal(Secret("new"), user_id=user_id, field=field)

    assert rotating.open(before, user_id=user_id, field=field) == Secret("old")
    assert rotating.open(after, user_id=user_id, field=field) == Secret("new")
    # What is sealed during the change needs the new key alone.
    assert make_cipher("k2").open(after, user_id=user_id, field=field) == Secret("new")
    assert_broken(make_cipher("k1"), after, user_id, field)


def test_case_92_a_token_of_a_key_that_is_not_here_does_not_open(make_cipher: MakeCipher) -> None:
    user_id = a_user_id()
    sealed = make_cipher("k1").seal(Secret("token"), user_id=user_id, field=TokenField.ACCESS)

    assert_broken(make_cipher("k2", "k3"), sealed, user_id)


def test_the_key_id_travels_with_the_token(make_cipher: MakeCipher) -> None:
    sealed = make_cipher("k3", "k1").seal(
        Secret("token"), user_id=a_user_id(), field=TokenField.ACCESS
    )

    assert sealed.split(b".")[1] == b"k3"
