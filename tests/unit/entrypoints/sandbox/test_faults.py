"""Faults: what they change, how long they last, and how they are set."""

import gzip
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import httpx
import jwt
import pytest

from entrypoints.sandbox.app import create_sandbox
from entrypoints.sandbox.fault_answers import gzip_bomb
from entrypoints.sandbox.signing import SigningKey
from entrypoints.sandbox.world import World
from tests.unit.entrypoints.sandbox.sandbox_client import (
    BASE,
    SETTINGS,
    STATUS,
    Clock,
    SandboxClient,
    query_of,
    segment,
)

KEYS = f"{BASE}/keys"


@pytest.mark.parametrize(
    ("fault", "claim", "expected"),
    [
        ("wrong_nonce", "nonce", "a-nonce-that-nobody-sent"),
        ("missing_nonce", "nonce", None),
        ("wrong_iss", "iss", "https://issuer.example/oauth2/another"),
        ("wrong_aud", "aud", "another-client"),
        ("missing_sub", "sub", None),
        ("expired_id_token", "exp", 1_800_000_000 - 86_400 + 3600),
        ("future_iat", "iat", 1_800_000_000 + 86_400),
    ],
)
async def test_a_claim_fault_alters_that_claim_under_a_good_signature(
    va: SandboxClient, signing_key: SigningKey, fault: str, claim: str, expected: object
) -> None:
    await va.set_faults(**{fault: {}})

    id_token = (await va.sign_in())["id_token"]

    jwt.api_jws.decode(id_token, signing_key.public_pem, algorithms=["RS256"])
    assert segment(id_token, 1).get(claim) == expected


async def test_a_bad_signature_carries_the_good_keys_id(
    va: SandboxClient, signing_key: SigningKey
) -> None:
    await va.set_faults(bad_signature={})

    id_token = (await va.sign_in())["id_token"]

    assert segment(id_token, 0)["kid"] == signing_key.kid
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.api_jws.decode(id_token, signing_key.public_pem, algorithms=["RS256"])


async def test_an_unsigned_token_says_so_and_has_no_signature(va: SandboxClient) -> None:
    await va.set_faults(alg_none={})

    id_token = (await va.sign_in())["id_token"]

    assert segment(id_token, 0)["alg"] == "none"
    assert id_token.endswith(".")


async def test_algorithm_confusion_is_signed_with_the_published_key_as_secret(
    va: SandboxClient, signing_key: SigningKey
) -> None:
    await va.set_faults(hs256_with_public_key={})

    id_token = (await va.sign_in())["id_token"]

    assert segment(id_token, 0)["alg"] == "HS256"
    signed, _, signature = id_token.rpartition(".")
    expected = hmac.digest(signing_key.public_pem, signed.encode(), hashlib.sha256)
    assert signature == urlsafe_b64encode(expected).rstrip(b"=").decode()


async def test_header_faults_alter_the_header_only(va: SandboxClient) -> None:
    await va.set_faults(no_kid={"times": 1})
    without = (await va.sign_in())["id_token"]
    await va.set_faults(unknown_kid={"times": 1})
    unknown = (await va.sign_in())["id_token"]
    await va.set_faults(id_token_header_overrides={"value": {"jku": "https://evil.example"}})
    foreign = (await va.sign_in())["id_token"]

    assert segment(without, 0) == {"alg": "RS256"}
    assert segment(unknown, 0)["kid"] == "a-key-nobody-published"
    assert segment(foreign, 0)["jku"] == "https://evil.example"


async def test_overrides_set_and_remove_fields(va: SandboxClient) -> None:
    await va.set_faults(
        token_overrides={"value": {"token_type": "mac", "expires_in": None}},
        id_token_overrides={"value": {"azp": "another", "at_hash": None}},
        userinfo_overrides={"value": {"email": None, "icn": "1012667145V762142"}},
        status_overrides={"value": {"type": "other"}},
    )

    tokens = await va.sign_in()
    userinfo = (await va.userinfo(tokens["access_token"])).json()
    status = (await va.status(tokens["access_token"])).json()

    assert tokens["token_type"] == "mac"
    assert "expires_in" not in tokens
    claims = segment(tokens["id_token"], 1)
    assert claims["azp"] == "another"
    assert "at_hash" not in claims
    assert "email" not in userinfo
    assert userinfo["icn"] == "1012667145V762142"
    assert status["data"]["type"] == "other"


@pytest.mark.parametrize(
    ("fault", "field"), [("omit_refresh_token", "refresh_token"), ("omit_expires_in", "expires_in")]
)
async def test_an_omitted_field_is_gone(va: SandboxClient, fault: str, field: str) -> None:
    await va.set_faults(**{fault: {}})

    assert field not in await va.sign_in()


async def test_userinfo_can_speak_of_somebody_else(va: SandboxClient) -> None:
    await va.set_faults(userinfo_sub_mismatch={})
    tokens = await va.sign_in()

    claims = (await va.userinfo(tokens["access_token"])).json()

    assert claims["sub"] != segment(tokens["id_token"], 1)["sub"]


async def test_userinfo_and_status_can_contradict_each_other_about_the_icn(
    va: SandboxClient,
) -> None:
    await va.set_faults(icn_mismatch={})
    token = (await va.sign_in())["access_token"]

    claimed = (await va.userinfo(token)).json()["icn"]

    assert claimed != (await va.status(token)).json()["data"]["id"]


async def test_a_status_error_arrives_with_a_200_and_the_icn(va: SandboxClient) -> None:
    await va.set_faults(status_error={})

    response = await va.status((await va.sign_in())["access_token"])

    assert response.status_code == 200
    data = response.json()["data"]
    assert data["id"] == "1012667145V762142"
    assert data["attributes"]["not_confirmed_reason"] == "ERROR"


async def test_a_malformed_icn_is_not_an_icn(va: SandboxClient) -> None:
    await va.set_faults(malformed_icn={})

    response = await va.status((await va.sign_in())["access_token"])

    assert response.json()["data"]["id"] == "1012667145-762142"


async def test_a_lost_refresh_response_leaves_the_old_token_spent(va: SandboxClient) -> None:
    token = (await va.sign_in())["refresh_token"]
    await va.set_faults(rotate_refresh_tokens={}, drop_token_response_after_processing={"times": 1})

    lost = await va.refresh(token)

    assert lost.content == b""
    assert int(lost.headers["content-length"]) > 0
    assert (await va.refresh(token)).status_code == 400
    assert (await va.counters())["refreshes"] == 1


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        ("keys", KEYS),
        ("discovery", f"{BASE}/.well-known/openid-configuration"),
        ("userinfo", f"{BASE}/userinfo"),
        ("status", STATUS),
    ],
)
async def test_an_endpoint_can_be_down_while_the_others_answer(
    va: SandboxClient, endpoint: str, path: str
) -> None:
    await va.set_faults(**{endpoint: {"answer": 503}})

    response = await va.http.get(path)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "300"
    assert (await va.authorize()).status_code == 200


@pytest.mark.parametrize(
    ("endpoint", "status", "body"),
    [
        ("token", 500, {"error": "server_error"}),
        ("token", 503, {"error": "temporarily_unavailable"}),
        ("token", 429, {"message": "API rate limit exceeded"}),
        ("revoke", 500, {"error": "server_error"}),
    ],
)
async def test_an_oauth_endpoint_fails_in_vas_words(
    va: SandboxClient, endpoint: str, status: int, body: dict[str, str]
) -> None:
    await va.set_faults(**{endpoint: {"answer": status}})

    response = await va.post(f"/{endpoint}", grant_type="refresh_token")

    assert response.status_code == status
    assert response.json() == body


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"message": "API rate limit exceeded"}),
        (504, {"message": "The server took too long to respond"}),
        (
            502,
            {
                "errors": [
                    {
                        "title": "Bad Gateway",
                        "detail": "Bad Gateway",
                        "code": "502",
                        "status": "502",
                    }
                ]
            },
        ),
    ],
)
async def test_the_status_api_fails_in_vas_words(
    va: SandboxClient, status: int, body: dict[str, Any]
) -> None:
    await va.set_faults(status={"answer": status})

    response = await va.http.get(STATUS)

    assert response.status_code == status
    assert response.json() == body


async def test_a_numbered_answer_can_carry_any_body_and_retry_after(va: SandboxClient) -> None:
    await va.set_faults(keys={"answer": 429, "body": '{"keys":[],"keys":1}', "retry_after": "7"})

    response = await va.http.get(KEYS)

    assert response.text == '{"keys":[],"keys":1}'
    assert response.headers["retry-after"] == "7"


async def test_a_delay_comes_before_the_true_answer(va: SandboxClient, naps: list[float]) -> None:
    await va.set_faults(keys={"delay_seconds": 2.5})

    response = await va.http.get(KEYS)

    assert naps == [2.5]
    assert len(response.json()["keys"]) == 1


async def test_a_redirect_leads_to_a_place_that_counts_its_visitors(va: SandboxClient) -> None:
    await va.set_faults(keys={"answer": "redirect"})
    response = await va.http.get(KEYS)
    assert response.status_code == 302
    assert (await va.counters())["redirects_followed"] == 0

    await va.http.get(response.headers["location"])

    assert (await va.counters())["redirects_followed"] == 1


async def test_html_is_served_as_a_success(va: SandboxClient) -> None:
    await va.set_faults(keys={"answer": "html"})

    response = await va.http.get(KEYS)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")


async def test_a_truncated_answer_promises_more_than_it_holds(va: SandboxClient) -> None:
    await va.set_faults(keys={"answer": "truncated"})

    response = await va.http.get(KEYS)

    assert int(response.headers["content-length"]) > len(response.content)


async def test_a_huge_answer_is_fifty_megabytes(va: SandboxClient) -> None:
    await va.set_faults(keys={"answer": "huge"})

    assert len((await va.http.get(KEYS)).content) > 50_000_000


async def test_a_slow_drip_waits_after_every_byte(va: SandboxClient, naps: list[float]) -> None:
    await va.set_faults(keys={"answer": "slow_drip", "interval_seconds": 0.25})

    response = await va.http.get(KEYS)

    assert response.json() == {}
    assert set(naps) == {0.25}
    assert len(naps) == len(response.content) - 2


async def test_a_gzip_bomb_unpacks_to_a_thousand_times_its_size() -> None:
    sent = b"".join([chunk async for chunk in gzip_bomb(10)])

    assert len(gzip.decompress(sent)) == 10 * 1024 * 1024
    assert len(sent) * 500 < 10 * 1024 * 1024


async def test_a_fault_with_a_count_clears_itself(va: SandboxClient) -> None:
    await va.set_faults(keys={"answer": 500, "times": 2}, status_error={})

    statuses = [(await va.http.get(KEYS)).status_code for _ in range(3)]

    assert statuses == [500, 500, 200]
    assert (await va.http.get("/sandbox/faults")).json() == {"status_error": {}}


async def test_a_plan_replaces_the_one_before_and_can_be_read_back(va: SandboxClient) -> None:
    await va.set_faults(wrong_nonce={})
    plan: dict[str, dict[str, object]] = {
        "token": {"answer": "html", "times": 3},
        "token_overrides": {"value": {"state": None}},
    }

    await va.set_faults(**plan)

    assert (await va.http.get("/sandbox/faults")).json() == plan


async def test_clearing_restores_good_behaviour(va: SandboxClient) -> None:
    await va.set_faults(keys={"answer": 500})

    assert (await va.http.delete("/sandbox/faults")).status_code == 204
    assert (await va.http.get(KEYS)).status_code == 200


@pytest.mark.parametrize(
    "plan",
    [
        {"no_such_fault": {}},
        {"wrong_nonce": {"answer": 500}},
        {"keys": {"answer": "no-such-answer"}},
        {"keys": {"answer": 42}},
        {"keys": {"times": 0}},
        {"token_overrides": {}},
        {"wrong_nonce": True},
        {"keys": {"charset": "no-such-charset"}},
        {"keys": {"charset": "zip"}},
        {"keys": {"content_encoding": "br"}},
        {"keys": {"status": 404}},
        {"callback_error": {}},
        [],
    ],
)
async def test_a_plan_that_makes_no_sense_changes_nothing(va: SandboxClient, plan: object) -> None:
    await va.set_faults(wrong_nonce={})

    response = await va.http.put("/sandbox/faults", content=json.dumps(plan))

    assert response.status_code == 400
    assert (await va.http.get("/sandbox/faults")).json() == {"wrong_nonce": {}}


async def test_every_request_is_counted_even_a_faulted_one(va: SandboxClient) -> None:
    await va.sign_in()
    await va.set_faults(keys={"answer": 500})
    await va.http.get(KEYS)

    counters = await va.counters()

    assert counters["requests"] == {"authorization": 2, "token": 1, "keys": 1}
    assert counters["sign_ins"] == 1


async def test_beyond_its_capacity_the_oldest_token_is_forgotten(signing_key: SigningKey) -> None:
    settings = replace(SETTINGS, capacity=2)
    world = World(settings, signing_key=signing_key)
    app: Any = create_sandbox(settings, world=world)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=settings.public_url
    ) as http:
        va = SandboxClient(http=http, world=world, clock=Clock())
        tokens = [(await va.sign_in(f"synthetic-{number}"))["access_token"] for number in range(3)]

        statuses = [(await va.status(token)).status_code for token in tokens]

    assert statuses == [401, 200, 200]


# What an honest provider may send --------------------------------------------------------------


async def test_claims_can_be_null_under_a_good_signature(
    va: SandboxClient, signing_key: SigningKey
) -> None:
    await va.set_faults(null_claims={})

    id_token = (await va.sign_in())["id_token"]

    jwt.api_jws.decode(id_token, signing_key.public_pem, algorithms=["RS256"])
    claims = segment(id_token, 1)
    assert {name for name, claim in claims.items() if claim is None} == {
        *("at_hash", "nbf", "azp", "acr", "auth_time", "amr"),
    }


async def test_a_refresh_token_can_be_empty_and_a_lifetime_a_text(va: SandboxClient) -> None:
    await va.set_faults(empty_refresh_token={}, expires_in_as_text={})

    tokens = await va.sign_in()

    assert (tokens["refresh_token"], tokens["expires_in"]) == ("", "3600")


@pytest.mark.parametrize(
    ("fault", "claim", "expected"),
    [
        ("null_names", "given_name", None),
        ("unusual_spaces", "given_name", "Mary\u00a0Ann"),
        ("unusual_spaces", "family_name", "\u5c71\u7530\u3000\u592a\u90ce"),
        ("half_a_character", "nickname", "\ud83d"),
        ("icn_in_userinfo", "icn", "1012667145V762142"),
    ],
)
async def test_userinfo_can_say_what_is_hard_to_read(
    va: SandboxClient, fault: str, claim: str, expected: object
) -> None:
    await va.set_faults(**{fault: {}})

    claims = (await va.userinfo((await va.sign_in())["access_token"])).json()

    assert claims[claim] == expected


async def test_an_email_can_be_longer_than_any_mailbox(va: SandboxClient) -> None:
    await va.set_faults(long_email={})

    claims = (await va.userinfo((await va.sign_in())["access_token"])).json()

    assert len(claims["email"]) == 261


async def test_userinfo_can_be_signed(va: SandboxClient, signing_key: SigningKey) -> None:
    await va.set_faults(signed_userinfo={})
    tokens = await va.sign_in()

    answer = await va.userinfo(tokens["access_token"])

    assert answer.headers["content-type"] == "application/jwt"
    jwt.api_jws.decode(answer.text, signing_key.public_pem, algorithms=["RS256"])
    claims = segment(answer.text, 1)
    assert claims["sub"] == segment(tokens["id_token"], 1)["sub"]
    assert (claims["iss"], claims["aud"]) == (SETTINGS.issuer, SETTINGS.client_id)


async def test_keys_and_metadata_can_be_changed(va: SandboxClient) -> None:
    await va.set_faults(
        empty_key_limits={"times": 1},
        discovery_overrides={"value": {"revocation_endpoint": ""}},
    )

    (key,) = (await va.http.get(KEYS)).json()["keys"]
    metadata = (await va.http.get(f"{BASE}/.well-known/openid-configuration")).json()

    assert (key["use"], key["alg"], key["key_ops"]) == (None, None, [])
    assert metadata["revocation_endpoint"] == ""
    await va.set_faults(keys_overrides={"value": {"kid": None}})
    (key,) = (await va.http.get(KEYS)).json()["keys"]
    assert "kid" not in key


async def test_an_answer_can_be_in_another_charset_and_compressed(va: SandboxClient) -> None:
    token = (await va.sign_in())["access_token"]
    await va.set_faults(
        userinfo={"charset": "iso-8859-1", "content_encoding": "gzip"},
        userinfo_overrides={"value": {"given_name": "Jos\u00e9"}},
    )

    answer = await va.userinfo(token)

    assert answer.headers["content-type"] == "application/json; charset=iso-8859-1"
    assert answer.headers["content-encoding"] == "gzip"
    assert b'"Jos\xe9"' in answer.content


async def test_a_success_can_have_another_status_and_is_one_all_the_same(
    va: SandboxClient,
) -> None:
    token = (await va.sign_in())["access_token"]
    await va.set_faults(revoke={"status": 204})

    answer = await va.post("/revoke", token=token)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await va.status(token)).status_code == 401


async def test_a_numbered_204_has_no_body(va: SandboxClient) -> None:
    await va.set_faults(revoke={"answer": 204})

    answer = await va.post("/revoke", token="x")

    assert (answer.status_code, answer.content) == (204, b"")


async def test_the_veteran_can_come_back_with_any_error(va: SandboxClient) -> None:
    await va.set_faults(callback_error={"error": "invalid_scope", "times": 1})

    answer = query_of(await va.decide({"veteran": "tamara-ellis"}))

    assert (answer["error"], answer["state"]) == ("invalid_scope", "the-state")
    assert "code" not in answer
    assert await va.obtain_code()
