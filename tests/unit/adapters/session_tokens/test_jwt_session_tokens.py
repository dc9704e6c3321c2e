"""What a JWT of ours must say, claim by claim. As sent: tests/security/test_session_jwt.py."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import jwt
import pytest

from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens, JWTSettings
from application.errors import UnauthenticatedError
from domain.identifiers import ICN
from domain.session_claims import SessionClaims
from tests.support.builders import NOW, a_session, an_icn

KEY, PREVIOUS = b"k" * 32, b"p" * 32
SETTINGS = JWTSettings(
    secret=KEY,
    previous_secret=PREVIOUS,
    issuer="https://us.example",
    audience="front-end",
    include_icn=True,
    cache_size=2,
)
ID = UUID(int=7)
AT = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {
    "sub": str(ID),
    "iss": SETTINGS.issuer,
    "aud": SETTINGS.audience,
    "iat": AT,
    "exp": AT + 60,
    "jti": "one",
    "sid": str(ID),
}
MINUTE = timedelta(minutes=1)


def a_token(key: bytes = KEY, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """A signed token with other claims. An ellipsis leaves one out."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    codec = jwt.PyJWS(algorithms=["HS256"])
    return codec.encode(json.dumps(claims).encode(), key, algorithm="HS256", headers=headers)


def of_length(characters: int) -> str:
    """A token of about this length: three characters of a claim take four."""
    spare = characters - len(a_token(x=""))
    return a_token(x="x" * (spare * 3 // 4))


@pytest.fixture
def tokens() -> JWTSessionTokens:
    return JWTSessionTokens(SETTINGS)


def is_accepted(tokens: JWTSessionTokens, token: str) -> tuple[bool, bool]:
    """Whether it is, to use it and to sign out with it."""

    def accepts(read: Callable[[], SessionClaims]) -> bool:
        try:
            claims = read()
        except UnauthenticatedError:
            return False
        assert (claims.user_id, claims.session_id) == (ID, ID)
        return True

    return accepts(lambda: tokens.verify(token, now=NOW)), accepts(lambda: tokens.read(token))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"exp": AT + 1},
        {"iat": AT + 60},
        {"nbf": AT + 60},
        {"nbf": AT - 1, "iat": AT - 1},
        {"va_icn": "1012667145V762142"},
        {"va_icn": None},
        {"key": PREVIOUS},
        {"headers": {"kid": "any"}},
    ],
)
def test_a_token_is_accepted_to_the_limits(
    tokens: JWTSessionTokens, changes: dict[str, Any]
) -> None:
    assert is_accepted(tokens, a_token(**changes)) == (True, True)


@pytest.mark.parametrize(
    "changes", [{"exp": AT}, {"exp": AT - 1}, {"iat": AT + 61}, {"nbf": AT + 61}]
)
def test_a_token_out_of_its_time_still_signs_out(
    tokens: JWTSessionTokens, changes: dict[str, Any]
) -> None:
    assert is_accepted(tokens, a_token(**changes)) == (False, True)


@pytest.mark.parametrize(
    "changes",
    [
        *({name: ...} for name in CLAIMS),
        {"iss": "https://them.example"},
        {"iss": [SETTINGS.issuer]},
        {"aud": "another"},
        {"aud": [SETTINGS.audience]},
        {"sub": str(ID).replace("-", "")},
        {"sub": "nobody"},
        {"sub": 7},
        {"sid": ""},
        {"jti": ""},
        {"jti": 7},
        {"iat": True},
        {"iat": float(AT)},
        {"exp": str(AT + 60)},
        {"exp": 10**18},
        {"exp": 10**12},
        {"nbf": None},
        {"va_icn": "1012667145v762142"},
        {"va_icn": ""},
        {"key": b"x" * 32},
        {"headers": {"typ": "at+jwt"}},
        {"headers": {"typ": None}},
    ],
)
def test_anything_else_is_refused(tokens: JWTSessionTokens, changes: dict[str, Any]) -> None:
    assert is_accepted(tokens, a_token(**changes)) == (False, False)


@pytest.mark.parametrize("token", ["", "a.b.c", "\ud800", "é", "\x00"])
def test_what_has_no_shape_is_refused(tokens: JWTSessionTokens, token: str) -> None:
    assert is_accepted(tokens, token) == (False, False)


def test_a_token_has_at_most_2048_characters(tokens: JWTSessionTokens) -> None:
    lengths = {len(token): token for token in (of_length(2_048 + more) for more in range(-4, 6))}
    accepted = {length for length, token in lengths.items() if all(is_accepted(tokens, token))}
    assert 2_048 in lengths
    assert accepted == {length for length in lengths if length <= 2_048}
    assert accepted != set(lengths)


@pytest.mark.parametrize("icn", [None, an_icn()])
def test_a_token_says_what_is_documented(tokens: JWTSessionTokens, icn: ICN | None) -> None:
    session = a_session()
    token = tokens.issue(session, icn, expires_at=NOW + MINUTE).reveal()
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    assert jwt.decode(token, options={"verify_signature": False}) == {
        "sub": str(session.user_id),
        "iss": SETTINGS.issuer,
        "aud": SETTINGS.audience,
        "iat": AT,
        "exp": AT + 60,
        "jti": session.token_id,
        "sid": str(session.id),
        "va_linked": True,
        **({"va_icn": icn.value} if icn else {}),
    }


def test_a_signature_is_verified_once_while_it_is_remembered(tokens: JWTSessionTokens) -> None:
    verify = jwt.PyJWS.decode_complete
    one, two, three = (a_token(jti=str(number)) for number in range(3))
    with patch.object(jwt.PyJWS, "decode_complete", autospec=True, side_effect=verify) as verified:
        for token in (one, one, two, two, one):
            assert tokens.verify(token, now=NOW).user_id == ID
        assert verified.call_count == 2
        # The third one takes the place of the oldest.
        for token, calls in ((three, 3), (two, 3), (three, 3), (one, 4), (three, 4), (two, 5)):
            assert tokens.verify(token, now=NOW).user_id == ID
            assert verified.call_count == calls

    # What is remembered is still checked.
    with pytest.raises(UnauthenticatedError):
        tokens.verify(two, now=NOW + MINUTE)
