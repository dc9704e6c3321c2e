"""What every SessionTokens promises, run against each adapter."""

import secrets
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.session_tokens import MemorySessionTokens
from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens, JWTSettings
from application.errors import UnauthenticatedError
from application.ports.session_tokens import SessionTokens
from domain.identifiers import ICN
from domain.secret import Secret
from domain.session import Session
from domain.session_claims import SessionClaims
from tests.support.builders import NOW, a_session, a_token_id, an_icn

#: Makes tokens of a key of their own.
MakeTokens = Callable[[bool], SessionTokens]

END = NOW + timedelta(minutes=30)
TOKEN_CHARACTERS = string.ascii_letters + string.digits + "-_"


def jwt_tokens(include_icn: bool) -> SessionTokens:  # noqa: FBT001 - one switch, named where it is called
    settings = JWTSettings(
        secret=secrets.token_bytes(32),
        issuer="vetassist.ganuda.us",
        audience="vetassist-frontend",
        include_icn=include_icn,
    )
    return JWTSessionTokens(settings)


def memory_tokens(include_icn: bool) -> SessionTokens:  # noqa: FBT001 - as above
    return MemorySessionTokens(include_icn=include_icn)


make_tokens = pytest.mark.parametrize("make", [jwt_tokens, memory_tokens])


@pytest.fixture(params=[jwt_tokens, memory_tokens])
def tokens(request: pytest.FixtureRequest) -> SessionTokens:
    make: MakeTokens = request.param
    return make(True)


def issue(
    tokens: SessionTokens,
    session: Session | None = None,
    *,
    icn: ICN | None = None,
    expires_at: datetime = END,
) -> Secret:
    return tokens.issue(session or a_session(), icn, expires_at=expires_at)


def assert_refused(tokens: SessionTokens, token: str, *, now: datetime = NOW) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.verify(token, now=now)


@pytest.mark.parametrize("icn", [an_icn(), None])
def test_a_token_says_whose_session_it_is_and_until_when(
    tokens: SessionTokens, icn: ICN | None
) -> None:
    session = a_session(now=NOW + timedelta(microseconds=999_999))
    token = issue(tokens, session, icn=icn)

    assert tokens.verify(token.reveal(), now=NOW) == SessionClaims(
        user_id=session.user_id,
        session_id=session.id,
        valid_from=NOW,
        expires_at=END,
    )


@make_tokens
def test_the_icn_can_be_left_out(make: MakeTokens) -> None:
    tokens, session = make(False), a_session()

    assert issue(tokens, session, icn=an_icn()) == issue(tokens, session)


@make_tokens
def test_the_same_arguments_give_the_same_token_and_others_another(make: MakeTokens) -> None:
    tokens, session, icn = make(True), a_session(), an_icn()
    token = issue(tokens, session, icn=icn)

    assert issue(tokens, session, icn=icn) == token
    others = {
        issue(tokens, a_session(session.user_id), icn=icn),
        issue(tokens, replace(session, token_id=a_token_id()), icn=icn),
        issue(tokens, session, icn=None),
        issue(tokens, session, icn=icn, expires_at=END - timedelta(seconds=1)),
    }
    assert len(others | {token}) == 5


@pytest.mark.case(65)
def test_a_token_holds_until_its_last_instant(tokens: SessionTokens) -> None:
    token = issue(tokens).reveal()

    for before in (timedelta(seconds=1), timedelta(microseconds=1)):
        assert tokens.verify(token, now=END - before).expires_at == END
    for after in (timedelta(), timedelta(seconds=1), timedelta(days=365)):
        assert_refused(tokens, token, now=END + after)


def test_a_token_can_be_read_whatever_the_time(tokens: SessionTokens) -> None:
    session = a_session()
    past, future = NOW - timedelta(days=400), NOW + timedelta(days=400)
    for at in (past, NOW, future):
        issued = replace(session, renewed_at=at)
        token = issue(tokens, issued, expires_at=at + timedelta(minutes=5)).reveal()
        claims = tokens.read(token)
        assert (claims.user_id, claims.session_id) == (session.user_id, session.id)
        assert claims.expires_at == at + timedelta(minutes=5)


def test_only_a_genuine_token_can_be_read(tokens: SessionTokens) -> None:
    token = issue(tokens, icn=an_icn()).reveal()

    for spoilt in ("", "x", token[:-1], f"{token}=", f" {token}", token[::-1], token + token):
        with pytest.raises(UnauthenticatedError):
            tokens.read(spoilt)
    for make in (jwt_tokens, memory_tokens):
        with pytest.raises(UnauthenticatedError):
            make(True).read(token)


def test_a_token_does_not_hold_long_before_it_was_issued(tokens: SessionTokens) -> None:
    assert_refused(tokens, issue(tokens).reveal(), now=NOW - timedelta(minutes=5))


@pytest.mark.case(60)
def test_a_token_with_any_character_changed_is_refused(tokens: SessionTokens) -> None:
    token = issue(tokens, icn=an_icn()).reveal()

    for position, character in enumerate(token):
        for other in {secrets.choice(TOKEN_CHARACTERS), ".", "="} - {character}:
            assert_refused(tokens, token[:position] + other + token[position + 1 :])


@pytest.mark.case(60)
def test_a_token_that_was_cut_or_added_to_is_refused(tokens: SessionTokens) -> None:
    token = issue(tokens).reveal()

    for length in range(len(token)):
        assert_refused(tokens, token[:length])
    for extra in ("=", ".", "A", " ", "\n"):
        assert_refused(tokens, token + extra)
        assert_refused(tokens, extra + token)


@given(junk=st.text(max_size=200))
@make_tokens
def test_junk_is_refused(make: MakeTokens, junk: str) -> None:
    assert_refused(make(True), junk)


@make_tokens
def test_a_token_of_somebody_elses_making_is_refused(make: MakeTokens) -> None:
    assert_refused(make(True), issue(make(True)).reveal())


def test_a_token_does_not_show_itself(tokens: SessionTokens) -> None:
    token = issue(tokens)

    assert token.reveal() not in f"{token!r} {token} {tokens!r}"
