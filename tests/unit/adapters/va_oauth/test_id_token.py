"""The claims of ID tokens and of a signed userinfo, each at its limits.

What a hostile provider could send over the wire: tests/security/test_id_token.py.
"""

import hashlib
from base64 import urlsafe_b64encode
from typing import Any, cast

import pytest

from adapters.va_oauth.documents import Document
from adapters.va_oauth.id_token import LEEWAY_SECONDS, ClaimsVerifier, VerifiedIDToken
from adapters.va_oauth.signatures import SignatureVerifier
from application.errors import UpstreamRejectedError
from tests.support.builders import ISSUER, NOW
from tests.support.frozen_clock import frozen_clock

CLIENT_ID = "vetassist"
TOKEN = "signed.by.provider"
ACCESS_TOKEN = "an-access-token"
NONCE = "the-nonce"
AT = int(NOW.timestamp())
YEAR_10_000 = 253_402_300_800
AT_HASH = urlsafe_b64encode(hashlib.sha256(ACCESS_TOKEN.encode()).digest()[:16]).decode()[:-2]
#: As much as an ID token has to say.
LEAST: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT_ID,
    "sub": "them",
    "exp": AT + 60,
    "iat": AT,
    "nonce": NONCE,
}


class Signatures:
    """Everything is signed, and says this."""

    def __init__(self, source: str, members: dict[str, Any], token: str = TOKEN) -> None:
        self._expected = token, source
        self._members = {name: value for name, value in members.items() if value is not ...}

    async def claims(self, token: str, *, source: str) -> Document:
        assert (token, source) == self._expected
        return Document(self._members, reason=f"{source}_{{}}", is_signed=True)


def verifier(signatures: Signatures) -> ClaimsVerifier:
    return ClaimsVerifier(
        signatures=cast("SignatureVerifier", signatures),
        issuer=ISSUER,
        client_id=CLIENT_ID,
        clock=frozen_clock(),
    )


async def userinfo(**members: Any) -> Document:
    return await verifier(Signatures("userinfo", members)).userinfo(TOKEN)


async def id_token(sent: str | None = NONCE, /, **members: Any) -> VerifiedIDToken:
    """An ID token with other members. An ellipsis leaves one out."""
    signatures = Signatures("id_token", LEAST | members)
    return await verifier(signatures).id_token(TOKEN, nonce=sent, access_token=ACCESS_TOKEN)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"iss": ISSUER, "aud": CLIENT_ID, "exp": AT + 60, "iat": AT, "nbf": AT},
        {"aud": ["another", CLIENT_ID]},
        {"aud": []},
        {"exp": AT - LEEWAY_SECONDS + 1},
        {"iat": AT + LEEWAY_SECONDS, "nbf": AT + LEEWAY_SECONDS},
    ],
)
async def test_what_userinfo_says_of_itself_is_right_or_left_out(members: dict[str, Any]) -> None:
    assert (await userinfo(sub="them", **members)).text("sub") == "them"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"iss": 7}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another", "third"]}, "aud"),
        ({"exp": AT - LEEWAY_SECONDS}, "expired"),
        ({"exp": "soon"}, "exp"),
        ({"iat": AT + LEEWAY_SECONDS + 1}, "from_the_future"),
        ({"nbf": AT + LEEWAY_SECONDS + 1}, "from_the_future"),
    ],
)
async def test_userinfo_that_says_something_else_is_refused(
    members: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UpstreamRejectedError) as rejected:
        await userinfo(sub="them", **members)
    assert rejected.value.reason == f"userinfo_{reason}"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"aud": [CLIENT_ID], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, CLIENT_ID]},
        {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID},
        {"exp": AT - LEEWAY_SECONDS + 1},
        {"exp": YEAR_10_000 - 1},
        {"iat": AT + LEEWAY_SECONDS, "nbf": AT + LEEWAY_SECONDS},
        {"iat": 0},
        {"at_hash": AT_HASH},
        {"at_hash": ...},
    ],
)
async def test_an_id_token_is_accepted_to_the_limits(members: dict[str, Any]) -> None:
    accepted = await id_token(**members)
    assert accepted.subject == "them"
    assert accepted.claims.text("iss") == ISSUER


@pytest.mark.parametrize("subject", [" ", "~", "a" * 255])
async def test_a_subject_is_printable_ascii(subject: str) -> None:
    assert (await id_token(sub=subject)).subject == subject


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"iss": ...}, "iss"),
        ({"aud": ...}, "aud"),
        ({"aud": "another", "azp": CLIENT_ID}, "aud"),
        ({"aud": [CLIENT_ID, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"exp": ...}, "exp"),
        ({"exp": YEAR_10_000}, "exp"),
        ({"iat": ...}, "iat"),
        ({"iat": YEAR_10_000}, "iat"),
        ({"nbf": "now"}, "nbf"),
        ({"exp": AT - LEEWAY_SECONDS}, "expired"),
        ({"iat": AT + LEEWAY_SECONDS + 1}, "from_the_future"),
        ({"nbf": AT + LEEWAY_SECONDS + 1}, "from_the_future"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": ...}, "nonce"),
        ({"at_hash": AT_HASH[:-1]}, "at_hash"),
        ({"at_hash": f"{AT_HASH}=="}, "at_hash"),
        ({"sub": ...}, "sub"),
        ({"sub": "a" * 256}, "sub"),
        ({"sub": "é"}, "sub"),
        ({"sub": "a\x7f"}, "sub"),
    ],
)
async def test_an_id_token_beyond_them_is_refused_with_its_reason(
    members: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UpstreamRejectedError) as rejected:
        await id_token(**members)
    assert rejected.value.reason == f"id_token_{reason}"


@pytest.mark.parametrize("nonce", [..., "another"])
async def test_an_id_token_of_a_refresh_may_have_any_nonce(nonce: object) -> None:
    assert (await id_token(None, nonce=nonce)).subject == "them"


async def test_an_id_token_that_is_missing_is_one_without_a_shape() -> None:
    signatures = Signatures("id_token", LEAST, token="")
    await verifier(signatures).id_token(None, nonce=NONCE, access_token=ACCESS_TOKEN)
