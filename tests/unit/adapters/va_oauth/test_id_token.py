"""The claims of a signed userinfo. Those of ID tokens: tests/security/test_id_token.py."""

from typing import Any, cast

import pytest

from adapters.va_oauth.documents import Document
from adapters.va_oauth.id_token import LEEWAY_SECONDS, ClaimsVerifier
from adapters.va_oauth.signatures import SignatureVerifier
from application.errors import UpstreamRejectedError
from tests.support.builders import ISSUER, NOW
from tests.support.frozen_clock import frozen_clock

CLIENT_ID = "vetassist"
TOKEN = "signed.user.info"
AT = int(NOW.timestamp())


class Signatures:
    """Everything is signed, and says this."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members

    async def claims(self, token: str, *, source: str) -> Document:
        assert (token, source) == (TOKEN, "userinfo")
        return Document(self._members, reason="userinfo_{}", is_signed=True)


async def userinfo(**members: Any) -> Document:
    verifier = ClaimsVerifier(
        signatures=cast("SignatureVerifier", Signatures(members)),
        issuer=ISSUER,
        client_id=CLIENT_ID,
        clock=frozen_clock(),
    )
    return await verifier.userinfo(TOKEN)


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
async def test_what_is_said_of_it_is_right_or_left_out(members: dict[str, Any]) -> None:
    assert (await userinfo(sub="them", **members)).text("sub") == "them"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"iss": f"{ISSUER}/"}, "userinfo_iss"),
        ({"iss": 7}, "userinfo_iss"),
        ({"aud": "another"}, "userinfo_aud"),
        ({"aud": ["another", "third"]}, "userinfo_aud"),
        ({"exp": AT - LEEWAY_SECONDS}, "userinfo_expired"),
        ({"exp": "soon"}, "userinfo_exp"),
        ({"iat": AT + LEEWAY_SECONDS + 1}, "userinfo_from_the_future"),
        ({"nbf": AT + LEEWAY_SECONDS + 1}, "userinfo_from_the_future"),
    ],
)
async def test_what_is_said_and_wrong_is_refused(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(UpstreamRejectedError) as rejected:
        await userinfo(sub="them", **members)
    assert rejected.value.reason == reason
