"""The rotating secret that keeps a session alive."""

import hashlib
import hmac
from base64 import urlsafe_b64decode
from dataclasses import replace

from domain.refresh_token import Rotation
from domain.secret import Secret
from tests.support.builders import (
    a_refresh_token,
    a_session,
    a_session_id,
    a_user_id,
    some_login_secrets,
)


def a_salt() -> Secret:
    return some_login_secrets().state


def test_the_store_knows_a_token_by_the_hash_of_its_secret() -> None:
    token = a_refresh_token(a_session())

    assert token.hash == hashlib.sha256(token.secret.reveal().encode()).digest()
    moved = replace(token, user_id=a_user_id(), session_id=a_session_id())
    assert moved.hash == token.hash


def test_a_successor_is_as_long_and_as_random_as_the_first() -> None:
    token = a_refresh_token(a_session())
    secrets = set()
    for _ in range(200):
        token = token.successor(a_salt())
        secrets.add(token.secret)

    assert len(secrets) == 200
    assert {len(urlsafe_b64decode(each.reveal() + "=")) for each in secrets} == {32}


def test_a_successor_takes_both_the_token_and_the_salt() -> None:
    session = a_session()
    token, other = a_refresh_token(session), a_refresh_token(session)
    salt, other_salt = a_salt(), a_salt()

    assert token.successor(salt) == token.successor(salt)
    made = {each.successor(with_) for each in (token, other) for with_ in (salt, other_salt)}
    assert len(made) == 4
    assert len({each.hash for each in made} | {token.hash, other.hash}) == 6


def test_a_successor_belongs_to_the_same_session() -> None:
    token = a_refresh_token(a_session())
    successor = token.successor(a_salt())

    assert (successor.user_id, successor.session_id) == (token.user_id, token.session_id)


def test_neither_a_token_nor_a_rotation_shows_what_it_holds() -> None:
    token, salt = a_refresh_token(a_session()), a_salt()
    rotation = Rotation(current=token.hash, previous=token.hash, salt=salt)
    shown = f"{token} {token!r} {rotation} {rotation!r}"

    for hidden in (token.secret.reveal(), salt.reveal(), repr(token.hash), token.hash.hex()):
        assert hidden not in shown


def test_a_successor_never_changes_or_every_session_would_end_at_an_update() -> None:
    token = replace(a_refresh_token(a_session()), secret=Secret("the token"))
    expected = hmac.digest(b"the token", b"vetassist/refresh\0the salt", "sha256")

    successor = token.successor(Secret("the salt")).secret.reveal()
    assert len(successor) == 43
    assert urlsafe_b64decode(f"{successor}=") == expected
