"""What every RefreshTokens promises, run against each adapter."""

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.refresh_tokens import MemoryRefreshTokens
from adapters.session_tokens.signed_refresh_tokens import SignedRefreshTokens
from application.errors import UnauthenticatedError
from application.ports.refresh_tokens import RefreshTokens
from tests.support.builders import a_refresh_token, a_session, a_session_id, a_user_id

#: Makes refresh tokens of a key of their own.
MakeTokens = Callable[[], RefreshTokens]


def signed_tokens() -> RefreshTokens:
    return SignedRefreshTokens(secret=secrets.token_bytes(32), previous_secret=None)


make_tokens = pytest.mark.parametrize("make", [signed_tokens, MemoryRefreshTokens])


def assert_refused(tokens: RefreshTokens, text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.read(text)


@make_tokens
def test_what_was_written_reads_back(make: MakeTokens) -> None:
    tokens = make()
    several = [a_refresh_token(a_session()) for _ in range(3)]

    assert [tokens.read(tokens.write(token).reveal()) for token in several] == several


@make_tokens
def test_the_same_token_is_written_the_same_and_no_other_is(make: MakeTokens) -> None:
    tokens, token = make(), a_refresh_token(a_session())
    others = [
        replace(token, user_id=a_user_id()),
        replace(token, session_id=a_session_id()),
        replace(token, secret=a_refresh_token(a_session()).secret),
    ]

    assert tokens.write(token) == tokens.write(token)
    assert len({tokens.write(each) for each in [token, *others]}) == 4


@make_tokens
def test_a_token_with_any_character_changed_is_refused(make: MakeTokens) -> None:
    tokens = make()
    text = tokens.write(a_refresh_token(a_session())).reveal()

    for position, character in enumerate(text):
        for other in {"A", "b", "-", ".", "="} - {character}:
            assert_refused(tokens, text[:position] + other + text[position + 1 :])


@make_tokens
def test_a_token_that_was_cut_or_added_to_is_refused(make: MakeTokens) -> None:
    tokens = make()
    text = tokens.write(a_refresh_token(a_session())).reveal()

    for length in range(len(text)):
        assert_refused(tokens, text[:length])
    for extra in ("=", ".", "A", " ", "\n"):
        assert_refused(tokens, text + extra)
        assert_refused(tokens, extra + text)


@given(junk=st.text(max_size=200))
@make_tokens
def test_junk_is_refused(make: MakeTokens, junk: str) -> None:
    assert_refused(make(), junk)


@make_tokens
def test_a_token_of_somebody_elses_making_is_refused(make: MakeTokens) -> None:
    assert_refused(make(), make().write(a_refresh_token(a_session())).reveal())
