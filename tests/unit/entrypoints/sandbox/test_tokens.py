"""The token endpoint, and what becomes of tokens."""

from typing import Any

import httpx
import jwt
import pytest

from entrypoints.sandbox.signing import SigningKey
from entrypoints.sandbox.veterans import find_veteran
from tests.unit.entrypoints.sandbox.sandbox_client import (
    BASE,
    SETTINGS,
    STATUS,
    VERIFIER,
    SandboxClient,
    segment,
)


async def test_a_code_buys_every_token_that_was_asked_for(va: SandboxClient) -> None:
    response = await va.exchange(await va.obtain_code())

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    tokens = response.json()
    assert tokens.keys() == {
        *("access_token", "token_type", "expires_in", "scope"),
        *("refresh_token", "id_token", "state"),
    }
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert tokens["state"] == "the-state"
    assert tokens["scope"] == "openid profile offline_access veteran_status.read"


@pytest.mark.parametrize(
    ("scope", "present", "absent"),
    [
        ("veteran_status.read", set(), {"id_token", "refresh_token", "patient"}),
        ("openid", {"id_token"}, {"refresh_token", "patient"}),
        ("openid offline_access", {"id_token", "refresh_token"}, {"patient"}),
        ("openid launch/patient", {"id_token", "patient"}, {"refresh_token"}),
    ],
)
async def test_scopes_decide_what_a_token_response_holds(
    va: SandboxClient, scope: str, present: set[str], absent: set[str]
) -> None:
    tokens = await va.sign_in(scope=scope)

    assert present <= tokens.keys()
    assert not absent & tokens.keys()


async def test_patient_is_the_icn(va: SandboxClient) -> None:
    assert (await va.sign_in(scope="openid launch/patient"))["patient"] == "1012667145V762142"


async def test_the_id_token_is_what_the_published_key_signed(
    va: SandboxClient, signing_key: SigningKey
) -> None:
    tokens = await va.sign_in()
    (key,) = (await va.http.get(f"{BASE}/keys")).json()["keys"]

    id_token = jwt.decode_complete(
        tokens["id_token"],
        jwt.PyJWK(key),
        algorithms=["RS256"],
        audience=SETTINGS.client_id,
        issuer=SETTINGS.issuer,
        # The world's clock stands still, and not at this day.
        options={"verify_exp": False, "verify_iat": False},
    )

    assert id_token["header"]["kid"] == key["kid"] == signing_key.kid
    claims = id_token["payload"]
    assert claims["nonce"] == "the-nonce"
    assert claims["iat"] == claims["auth_time"] == va.clock.now
    assert claims["exp"] == va.clock.now + 3600
    assert claims["name"] == "Tamara E Ellis"
    at_hash = jwt.PyJWS().get_algorithm_by_name("RS256")
    digest: bytes = at_hash.compute_hash_digest(tokens["access_token"].encode())
    assert claims["at_hash"] == jwt.utils.base64url_encode(digest[:16]).decode()


async def test_the_subject_is_an_account_that_stays_and_not_the_icn(va: SandboxClient) -> None:
    first, second, other = [
        segment((await va.sign_in(veteran))["id_token"], 1)
        for veteran in ("tamara-ellis", "tamara-ellis", "janet-moore")
    ]

    assert first["sub"] == second["sub"] != other["sub"]
    assert first["sub"].startswith("00u")
    assert first["jti"] != second["jti"]


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": VERIFIER[::-1]},
        {"code_verifier": None},
        {"redirect_uri": "http://localhost:8000/elsewhere"},
        {"redirect_uri": None},
        {"code": "never-issued"},
    ],
)
async def test_a_code_is_worth_nothing_outside_its_own_exchange(
    va: SandboxClient, changes: dict[str, str | None]
) -> None:
    response = await va.exchange(await va.obtain_code(), **changes)

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_grant"


async def test_a_verifier_without_a_challenge_is_refused(va: SandboxClient) -> None:
    code = await va.obtain_code(code_challenge=None, code_challenge_method=None)

    assert (await va.exchange(code)).json()["error"] == "invalid_grant"


async def test_a_confidential_client_may_do_without_pkce(va: SandboxClient) -> None:
    code = await va.obtain_code(code_challenge=None, code_challenge_method=None)

    assert (await va.exchange(code, code_verifier=None)).status_code == 200


async def test_a_code_works_once_and_its_reuse_ends_what_it_bought(va: SandboxClient) -> None:
    code = await va.obtain_code()
    tokens = (await va.exchange(code)).json()

    reuse = await va.exchange(code)

    assert reuse.status_code == 400
    assert reuse.json() == {
        "error": "invalid_grant",
        "error_description": "The authorization code is invalid or has expired.",
    }
    assert (await va.status(tokens["access_token"])).status_code == 401
    assert (await va.refresh(tokens["refresh_token"])).status_code == 400


@pytest.mark.parametrize(("age", "status"), [(59, 200), (60, 400)])
async def test_a_code_lasts_a_minute(va: SandboxClient, age: int, status: int) -> None:
    code = await va.obtain_code()
    va.clock.now += age

    assert (await va.exchange(code)).status_code == status


@pytest.mark.parametrize(
    ("credentials", "description"),
    [
        (httpx.Auth(), "Client authentication failed"),
        (httpx.BasicAuth("nobody", "a-secret"), "Invalid value for 'client_id' parameter."),
        (
            httpx.BasicAuth("vetassist", "wrong"),
            "The client secret supplied for a confidential client is invalid.",
        ),
    ],
)
async def test_only_the_registered_client_gets_tokens(
    va: SandboxClient, credentials: httpx.Auth, description: str
) -> None:
    response = await va.http.post(
        f"{BASE}/token",
        data={"grant_type": "authorization_code", "code": await va.obtain_code()},
        auth=credentials,
    )

    assert response.status_code == 401
    assert response.json() == {"error": "invalid_client", "error_description": description}


async def test_the_client_secret_may_stand_in_the_form(va: SandboxClient) -> None:
    tokens = await va.sign_in()

    response = await va.http.post(
        f"{BASE}/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            "client_id": SETTINGS.client_id,
            "client_secret": SETTINGS.client_secret,
        },
    )

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"code": "a-code"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "client_secret": "a-secret"}, "invalid_request"),
    ],
)
async def test_a_malformed_token_request_is_refused(
    va: SandboxClient, form: dict[str, str], error: str
) -> None:
    response = await va.post("/token", **form)

    assert response.status_code == 400
    assert response.json()["error"] == error


@pytest.mark.parametrize("body", [b"grant_type=a&grant_type=b", b"code=%ff", b"x=" + b"y" * 70_000])
async def test_an_unreadable_form_is_refused(va: SandboxClient, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    response = await va.http.post(f"{BASE}/token", content=body, headers=headers)

    assert response.status_code in {400, 413}
    assert response.json()["error"] == "invalid_request"


async def test_a_refresh_keeps_the_refresh_token_and_the_account(va: SandboxClient) -> None:
    before = await va.sign_in()

    after = (await va.refresh(before["refresh_token"])).json()

    assert after["refresh_token"] == before["refresh_token"]
    assert after["access_token"] != before["access_token"]
    old, new = segment(before["id_token"], 1), segment(after["id_token"], 1)
    assert [new[name] for name in ("iss", "sub", "aud", "auth_time")] == [
        old[name] for name in ("iss", "sub", "aud", "auth_time")
    ]
    assert "nonce" not in new
    assert (await va.counters())["refreshes"] == 1


async def test_a_rotated_refresh_token_works_and_the_one_before_fails(va: SandboxClient) -> None:
    first = (await va.sign_in())["refresh_token"]
    await va.set_faults(rotate_refresh_tokens={})

    second = (await va.refresh(first)).json()["refresh_token"]

    assert second != first
    refused = await va.refresh(first)
    assert refused.status_code == 400
    assert refused.json()["error_description"] == (
        "The provided authorization grant or refresh token is expired or otherwise invalid."
    )
    assert (await va.refresh(second)).status_code == 200


async def test_a_refresh_can_ask_for_less_but_not_for_more(va: SandboxClient) -> None:
    token = (await va.sign_in())["refresh_token"]

    less = await va.refresh(token, scope="openid")
    more = await va.refresh(token, scope="openid flashes.read")

    assert less.json()["scope"] == "openid"
    assert (await va.status(less.json()["access_token"])).status_code == 403
    assert more.json()["error"] == "invalid_scope"


@pytest.mark.parametrize(("unused_days", "status"), [(6, 200), (7, 400)])
async def test_a_refresh_token_lapses_after_seven_unused_days(
    va: SandboxClient, unused_days: int, status: int
) -> None:
    token = (await va.sign_in())["refresh_token"]
    va.clock.now += 6 * 86_400
    assert (await va.refresh(token)).status_code == 200
    va.clock.now += unused_days * 86_400

    assert (await va.refresh(token)).status_code == status


async def test_revoking_the_refresh_token_ends_the_access_token_too(va: SandboxClient) -> None:
    tokens = await va.sign_in()

    response = await va.post("/revoke", token=tokens["refresh_token"])

    assert (response.status_code, response.content) == (200, b"")
    assert (await va.refresh(tokens["refresh_token"])).status_code == 400
    assert (await va.userinfo(tokens["access_token"])).status_code == 401
    assert (await va.counters())["revocations"] == 1


async def test_revoking_the_access_token_leaves_the_refresh_token(va: SandboxClient) -> None:
    tokens = await va.sign_in()

    await va.post("/revoke", token=tokens["access_token"])

    assert (await va.status(tokens["access_token"])).status_code == 401
    assert (await va.refresh(tokens["refresh_token"])).status_code == 200


async def test_revoking_an_unknown_token_succeeds_and_counts_for_nothing(
    va: SandboxClient,
) -> None:
    assert (await va.post("/revoke", token="never-issued")).status_code == 200
    assert (await va.counters())["revocations"] == 0


async def test_a_stranger_revokes_nothing(va: SandboxClient) -> None:
    tokens = await va.sign_in()

    response = await va.http.post(f"{BASE}/revoke", data={"token": tokens["refresh_token"]})

    assert response.status_code == 401
    assert (await va.refresh(tokens["refresh_token"])).status_code == 200


async def test_introspection_tells_a_live_token_from_a_dead_one(va: SandboxClient) -> None:
    tokens = await va.sign_in()
    live = (await va.post("/introspect", token=tokens["access_token"])).json()
    refreshing = (await va.post("/introspect", token=tokens["refresh_token"])).json()
    va.clock.now += 3600

    dead = (await va.post("/introspect", token=tokens["access_token"])).json()

    assert live["active"] is refreshing["active"] is True
    assert live["client_id"] == SETTINGS.client_id
    assert live["exp"] == va.clock.now
    assert dead == {"active": False}


async def test_userinfo_holds_the_names_and_the_mail_address(va: SandboxClient) -> None:
    tokens = await va.sign_in()

    claims = (await va.userinfo(tokens["access_token"])).json()

    assert claims["sub"] == segment(tokens["id_token"], 1)["sub"]
    assert claims["given_name"] == "Tamara"
    assert claims["middle_name"] == "E"
    assert claims["family_name"] == "Ellis"
    assert claims["email"] == "va.api.user+idme.001@gmail.com"


async def test_userinfo_without_profile_is_the_subject_alone(va: SandboxClient) -> None:
    tokens = await va.sign_in(scope="openid")

    assert (await va.userinfo(tokens["access_token"])).json().keys() == {"sub"}


@pytest.mark.parametrize(
    ("veteran", "expected"),
    [
        (
            "tamara-ellis",
            {"id": "1012667145V762142", "attributes": {"veteran_status": "confirmed"}},
        ),
        (
            "greg-anderson",
            {
                "id": "1012666182V203559",
                "attributes": {
                    "veteran_status": "not confirmed",
                    "not_confirmed_reason": "NOT_TITLE_38",
                },
            },
        ),
        (
            "no-icn",
            {
                "id": None,
                "attributes": {
                    "veteran_status": "not confirmed",
                    "not_confirmed_reason": "PERSON_NOT_FOUND",
                },
            },
        ),
        (
            "synthetic-1234567",
            {"id": "0001234567V234567", "attributes": {"veteran_status": "confirmed"}},
        ),
    ],
)
async def test_the_status_api_answers_in_vas_words(
    va: SandboxClient, veteran: str, expected: dict[str, Any]
) -> None:
    tokens = await va.sign_in(veteran)

    response = await va.status(tokens["access_token"])

    assert response.status_code == 200
    assert response.headers["ratelimit-limit"] == "120"
    assert response.json() == {"data": {"type": "veteran_status_confirmations", **expected}}


async def test_the_status_api_refuses_in_vas_words(va: SandboxClient) -> None:
    unknown = await va.http.get(STATUS)
    narrow = await va.status((await va.sign_in(scope="openid"))["access_token"])

    assert unknown.status_code == 401
    assert unknown.json() == {"status": 401, "error": "Invalid token."}
    assert narrow.status_code == 403
    assert narrow.json() == {
        "status": "403",
        "error": "Token not granted requested scope.",
        "path": "/veteran_verification/v2/status",
    }


async def test_an_access_token_lasts_an_hour(va: SandboxClient) -> None:
    access_token = (await va.sign_in())["access_token"]
    va.clock.now += 3599
    assert (await va.status(access_token)).status_code == 200
    va.clock.now += 1

    assert (await va.status(access_token)).status_code == 401


def test_synthetic_identities_differ_in_everything_that_identifies() -> None:
    people = [find_veteran(f"synthetic-{number}") for number in (0, 1, 1_000_000, 9_999_999_999)]

    assert len({person.icn for person in people if person}) == 4
    assert len({person.okta_id for person in people if person}) == 4
    assert len({person.email for person in people if person}) == 4


async def test_discovery_names_an_issuer_that_is_not_the_host(va: SandboxClient) -> None:
    metadata = (await va.http.get(f"{BASE}/.well-known/openid-configuration")).json()

    assert metadata["issuer"] == "https://deptva-eval.okta.com/oauth2/aus7y0sefudDrg2HI2p7"
    assert metadata["token_endpoint"] == f"http://localhost:8001{BASE}/token"
    assert metadata["jwks_uri"] == f"http://localhost:8001{BASE}/keys"
    assert metadata["code_challenge_methods_supported"] == ["S256"]


async def test_a_rotated_key_signs_and_the_one_before_stays_published(va: SandboxClient) -> None:
    old_kid = segment((await va.sign_in())["id_token"], 0)["kid"]

    new_kid = (await va.http.post("/sandbox/rotate-keys")).json()["kid"]

    assert segment((await va.sign_in())["id_token"], 0)["kid"] == new_kid != old_kid
    published = (await va.http.get(f"{BASE}/keys")).json()["keys"]
    assert [key["kid"] for key in published] == [new_kid, old_kid]
