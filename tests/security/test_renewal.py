"""Keeping a session alive through the API, and where that ends."""

import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import anyio
import httpx
import jwt
import pytest
from pytest_mock import MockerFixture

from adapters.memory.unit_of_work import MemoryUnitOfWork
from adapters.postgres.pool import Pool
from application.errors import UnavailableError
from domain.audit_event import AuditEventType
from domain.revocation import RevokedBy
from entrypoints.web.token_endpoint import REFUSALS_A_MINUTE
from tests.security.cookies import (
    OUR_PAGE,
    REDEEM,
    RENEW,
    cookies_of,
    signed_in_by_cookie,
    value_in,
)
from tests.support.builders import LIMITS, NOW
from tests.support.product import Browser, Product, running_product

REFRESH_COOKIE: Final = "vetassist_refresh"
SESSION_COOKIE: Final = "vetassist_session"
SECOND: Final = timedelta(seconds=1)
MINUTES_29: Final = timedelta(minutes=29)
OUTLOOK: Final = {"idle_expires_at", "absolute_expires_at", "can_extend", "warn_at"}


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


async def a_refresh_token(product: Product) -> str:
    return value_in((await product.sign_in()).browser, REFRESH_COOKIE)


async def renew(product: Product, refresh: str) -> httpx.Response:
    """As an API client, which has the token at hand."""
    return await product.browser().post(RENEW, json={"refresh_token": refresh})


async def renewed(product: Product, refresh: str) -> dict[str, Any]:
    answer = await renew(product, refresh)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def refused(product: Product, refresh: str, code: str) -> None:
    answer = await renew(product, refresh)
    assert answer.status_code == 401
    assert answer.json()["code"] == code
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "set-cookie" not in answer.headers


async def refused_on_record(product: Product, refresh: str) -> None:
    """As a token of a session that has ended is, of which nothing else changes."""
    before = product.store.committed.copy()
    await refused(product, refresh, "session_ended")
    event = product.store.committed.audit[-1]
    assert event.type is AuditEventType.SESSION_RENEW_REFUSED
    assert event.data["reason"] == "session_ended"
    before.audit.append(event)
    assert product.store.committed == before


async def show(product: Product, token: str) -> httpx.Response:
    return await product.browser().get(
        "/api/v1/session", headers={"Authorization": f"Bearer {token}"}
    )


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def told(product: Product, type_: AuditEventType) -> list[dict[str, Any]]:
    return [dict(event.data) for event in product.audit if event.type is type_]


# What a renewal gives.


async def test_an_api_client_gets_both_tokens_in_the_body_and_no_cookie(product: Product) -> None:
    refresh = await a_refresh_token(product)
    (session,) = product.sessions
    product.clock.advance(MINUTES_29)
    answer = await renew(product, refresh)
    body = answer.json()

    assert set(body) == {"session_id", "expires_at", "token", "refresh_token"} | OUTLOOK
    assert "set-cookie" not in answer.headers
    assert body["session_id"] == str(session.id)
    assert body["expires_at"] == body["idle_expires_at"] == "2026-01-20T18:29:00Z"
    assert body["absolute_expires_at"] == "2026-01-21T05:30:00Z"
    assert body["warn_at"] == "2026-01-20T18:27:00Z"
    assert body["can_extend"] is True
    assert (await show(product, body["token"])).json()["expires_at"] == body["expires_at"]


async def test_a_page_gets_the_jwt_in_the_body_and_the_refresh_token_in_its_cookie(
    product: Product,
) -> None:
    browser = (await product.sign_in()).browser
    for _ in range(5):
        before = value_in(browser, REFRESH_COOKIE)
        product.clock.advance(MINUTES_29)
        answer = await browser.post(RENEW, headers=OUR_PAGE)

        assert set(answer.json()) == {"session_id", "expires_at", "token"} | OUTLOOK
        assert set(cookies_of(answer)) == {REFRESH_COOKIE}
        assert value_in(browser, REFRESH_COOKIE) != before
        assert (await show(product, answer.json()["token"])).status_code == 200


async def test_where_sessions_ride_in_cookies_no_token_is_in_the_body() -> None:
    async with running_product(session_delivery="cookie") as product:
        browser = await signed_in_by_cookie(product)
        for _ in range(5):
            product.clock.advance(MINUTES_29)
            answer = await browser.post(RENEW, headers=OUR_PAGE)
            assert set(answer.json()) == {"session_id", "expires_at"} | OUTLOOK
            assert set(cookies_of(answer)) == {REFRESH_COOKIE, SESSION_COOKIE}
            assert (await browser.get("/api/v1/session")).status_code == 200

        # An API client of the same service asks for both in the body.
        body = await renewed(product, value_in(browser, REFRESH_COOKIE))
        assert {"token", "refresh_token"} <= set(body)


async def test_a_refresh_token_in_the_body_outranks_a_cookie(product: Product) -> None:
    mine, other = (await product.sign_in()).browser, (await product.sign_in("janet-moore")).browser
    kept = value_in(mine, REFRESH_COOKIE)
    in_body = {"refresh_token": value_in(other, REFRESH_COOKIE)}
    answer = await mine.post(RENEW, json=in_body, headers=OUR_PAGE)

    assert "set-cookie" not in answer.headers
    assert value_in(mine, REFRESH_COOKIE) == kept
    janets = claims_of(answer.json()["token"])["sub"]
    assert janets != claims_of((await mine.post(RENEW, headers=OUR_PAGE)).json()["token"])["sub"]


async def test_the_session_stays_the_same_and_the_token_is_a_new_one(product: Product) -> None:
    signed_in = await product.sign_in()
    product.clock.advance(MINUTES_29)
    body = await renewed(product, value_in(signed_in.browser, REFRESH_COOKIE))

    old, new = claims_of(signed_in.token), claims_of(body["token"])
    assert new["jti"] != old["jti"]
    assert new["iat"] == old["iat"] + 29 * 60
    assert {**new, "jti": "", "iat": 0, "exp": 0} == {**old, "jti": "", "iat": 0, "exp": 0}
    assert product.sessions[0].token_id == new["jti"]
    assert len(product.sessions) == 1
    assert len(told(product, AuditEventType.LOGIN)) == 1


async def test_validation_never_moves_the_idle_limit_and_renewal_does(product: Product) -> None:
    signed_in = await product.sign_in()
    for _ in range(29):
        product.clock.advance(timedelta(minutes=1))
        shown = (await show(product, signed_in.token)).json()
        verified = await signed_in.browser.get("/api/v1/verify", headers=signed_in.headers)
        assert verified.status_code == 200
        assert shown["idle_expires_at"] == "2026-01-20T18:00:00Z"
    body = await renewed(product, value_in(signed_in.browser, REFRESH_COOKIE))

    assert body["idle_expires_at"] == "2026-01-20T18:29:00Z"
    assert (await show(product, body["token"])).json()["renewed_at"] == "2026-01-20T17:59:00Z"


# The two limits, a second to each side.


async def test_an_idle_session_ends_after_thirty_minutes_to_the_second(product: Product) -> None:
    signed_in = await product.sign_in()
    refresh = value_in(signed_in.browser, REFRESH_COOKIE)
    product.clock.advance(LIMITS.idle - SECOND)
    assert (await show(product, signed_in.token)).status_code == 200
    product.clock.advance(SECOND)

    assert (await show(product, signed_in.token)).status_code == 401
    await refused(product, refresh, "session_ended")
    assert told(product, AuditEventType.SESSION_ENDED)[0]["reason"] == "idle"
    product.clock.advance(SECOND)
    await refused_on_record(product, refresh)


async def test_an_idle_session_is_renewed_in_the_last_second(product: Product) -> None:
    refresh = await a_refresh_token(product)
    product.clock.advance(LIMITS.idle - SECOND)

    token = (await renewed(product, refresh))["token"]
    product.clock.advance(2 * SECOND)
    assert (await show(product, token)).status_code == 200


async def test_a_session_that_is_always_renewed_ends_after_twelve_hours_to_the_second(
    product: Product,
) -> None:
    refresh, end = await a_refresh_token(product), NOW + LIMITS.absolute
    while product.clock.now() + MINUTES_29 < end:
        product.clock.advance(MINUTES_29)
        body = await renewed(product, refresh)
        refresh = body["refresh_token"]
        assert datetime.fromisoformat(body["expires_at"]) <= end
    product.clock.set(end - SECOND)
    body = await renewed(product, refresh)

    assert body["expires_at"] == body["idle_expires_at"] == body["absolute_expires_at"]
    assert datetime.fromisoformat(body["expires_at"]) == end
    assert body["can_extend"] is False
    assert claims_of(body["token"])["exp"] == int(end.timestamp())
    assert (await show(product, body["token"])).status_code == 200
    product.clock.advance(SECOND)
    assert (await show(product, body["token"])).status_code == 401
    await refused(product, body["refresh_token"], "session_ended")
    assert told(product, AuditEventType.SESSION_ENDED)[0]["reason"] == "absolute"
    revocation = product.sessions[0].revocation
    assert revocation is not None
    assert revocation.by is RevokedBy.LIMIT


async def test_the_limits_are_the_operators_to_set() -> None:
    async with running_product(session_idle_minutes=5, session_absolute_minutes=7) as product:
        signed_in = await product.sign_in()
        refresh = value_in(signed_in.browser, REFRESH_COOKIE)
        product.clock.advance(timedelta(minutes=5) - SECOND)
        body = await renewed(product, refresh)

        assert datetime.fromisoformat(body["idle_expires_at"]) == NOW + timedelta(minutes=7)
        assert body["can_extend"] is False
        product.clock.set(NOW + timedelta(minutes=7) - SECOND)
        assert (await show(product, body["token"])).status_code == 200
        product.clock.advance(SECOND)
        assert (await show(product, body["token"])).status_code == 401


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"session_idle_minutes": 1},
        {"jwt_expiry_minutes": 1},
        {"session_idle_minutes": 1, "session_warning_seconds": 20},
        {"session_idle_minutes": 1, "session_warning_seconds": 59},
        {"session_absolute_minutes": 30, "session_idle_minutes": 30},
        {"jwt_expiry_minutes": 24 * 60},
    ],
)
async def test_whoever_is_signed_in_is_warned_twenty_seconds_before_the_end_at_the_least(
    settings: dict[str, Any],
) -> None:
    """WCAG 2.2, success criterion 2.2.1."""
    async with running_product(**settings) as product:
        signed_in = await product.sign_in()
        shown = (await show(product, signed_in.token)).json()
        body = await renewed(product, value_in(signed_in.browser, REFRESH_COOKIE))
        for answer in (shown, body):
            ends = {
                name: datetime.fromisoformat(answer[name])
                for name in ("expires_at", "idle_expires_at", "absolute_expires_at", "warn_at")
            }
            assert NOW < ends["warn_at"] <= ends["expires_at"] - timedelta(seconds=20)
            # No JWT outlives its session, and no session its absolute limit.
            assert ends["expires_at"] <= ends["idle_expires_at"] <= ends["absolute_expires_at"]
            assert answer["can_extend"] is (ends["idle_expires_at"] < ends["absolute_expires_at"])
        for token in (signed_in.token, body["token"]):
            said = datetime.fromisoformat(shown["expires_at"]).timestamp()
            assert claims_of(token)["exp"] == said


# A lost answer, and a stolen token.


async def test_a_lost_answer_is_given_again_any_number_of_times_in_thirty_seconds(
    product: Product,
) -> None:
    refresh = await a_refresh_token(product)
    product.clock.advance(MINUTES_29)
    first = await renewed(product, refresh)
    stored = product.store.committed.copy()
    for _ in range(29):
        product.clock.advance(SECOND)
        assert await renewed(product, refresh) == first

    # None of the answers moved the window, or anything else but the trail.
    repeats = product.store.committed.audit[len(stored.audit) :]
    assert [each.type for each in repeats] == [AuditEventType.SESSION_RENEW_REPEATED] * 29
    stored.audit.extend(repeats)
    assert product.store.committed == stored
    product.clock.advance(SECOND)
    await refused(product, refresh, "token_reused")


async def test_a_page_whose_answer_was_lost_goes_on_with_the_same_cookie() -> None:
    async with running_product(session_delivery="cookie") as product:
        browser = await signed_in_by_cookie(product)
        before = {"Cookie": browser.cookie_header, **OUR_PAGE}
        lost = cookies_of(await browser.post(RENEW, headers=before))
        product.clock.advance(29 * SECOND)
        again = cookies_of(await browser.post(RENEW, headers=before))

        assert {name: cookie.value for name, cookie in again.items()} == {
            name: cookie.value for name, cookie in lost.items()
        }
        assert (await browser.post(RENEW, headers=OUR_PAGE)).status_code == 200


@pytest.mark.parametrize("after", [30 * SECOND, 31 * SECOND, MINUTES_29])
async def test_a_replaced_token_is_stolen_after_thirty_seconds_and_ends_the_session(
    product: Product, after: timedelta
) -> None:
    refresh = await a_refresh_token(product)
    body = await renewed(product, refresh)
    (session,) = product.sessions
    product.clock.advance(after)
    await refused(product, refresh, "token_reused")

    assert told(product, AuditEventType.SESSION_THEFT) == [
        {"session_id": str(session.id), "reason": "refresh_token_reused"}
    ]
    revocation = product.sessions[0].revocation
    assert revocation is not None
    assert (revocation.by, revocation.reason) == (RevokedBy.THEFT, "refresh_token_reused")
    # Thief and owner alike are out, and it is told once.
    assert (await show(product, body["token"])).status_code == 401
    for token in (refresh, body["refresh_token"]):
        await refused_on_record(product, token)


async def test_an_older_token_is_stolen_at_once(product: Product) -> None:
    tokens = [await a_refresh_token(product)]
    for _ in range(2):
        tokens.append((await renewed(product, tokens[-1]))["refresh_token"])
    await refused(product, tokens[0], "token_reused")

    for token in tokens:
        await refused_on_record(product, token)
    assert len(told(product, AuditEventType.SESSION_THEFT)) == 1


async def test_a_token_from_before_the_redemption_cannot_be_made_use_of() -> None:
    async with running_product(session_delivery="code") as product:
        browser = product.browser()
        code = (await browser.sign_in()).parameters["code"]
        stored = product.sessions[0].rotation.current
        answer = await browser.post(
            REDEEM, json={"code": code, "refresh": "body"}, headers=OUR_PAGE
        )

        assert product.sessions[0].rotation.current != stored
        await renewed(product, answer.json()["refresh_token"])


async def test_a_token_that_was_logged_out_is_told_apart_from_a_stolen_one(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    first = value_in(signed_in.browser, REFRESH_COOKIE)
    second = (await renewed(product, first))["refresh_token"]
    await signed_in.browser.delete("/api/v1/session", headers=signed_in.headers)
    product.clock.advance(MINUTES_29)

    for token in (first, second):
        await refused_on_record(product, token)
    assert told(product, AuditEventType.SESSION_THEFT) == []


async def test_a_forged_token_of_a_known_session_leaves_no_trace_there(product: Product) -> None:
    """Whoever knows a session's id, which is no secret, cannot end it as stolen."""
    ids, secret, proof = (await a_refresh_token(product)).split(".")
    other = secrets.token_urlsafe(32)
    for forged in (
        f"{ids}.{other}.{proof}",
        f"{ids}.{secret}.{other}",
        f"{ids}.{other}.{other}",
        f"{ids}.{proof}.{secret}",
        f"{ids}.{secret}.{'A' * 43}",
        f"{ids}.{secret}",
        f"{ids}.{secret}.{proof}.",
        f"{ids}.{secret}.{proof}\n",
        f" {ids}.{secret}.{proof}",
    ):
        before = product.store.committed.copy()
        answer = await renew(product, forged)
        assert answer.status_code in {400, 401}, forged
        told_of = product.store.committed.audit[len(before.audit) :]
        assert all(each.user_id is None for each in told_of)
        before.audit.extend(told_of)
        assert product.store.committed == before
    await renewed(product, f"{ids}.{secret}.{proof}")


async def test_made_up_tokens_are_on_record_and_cannot_fill_the_trail(product: Product) -> None:
    refresh = await a_refresh_token(product)
    for _ in range(REFUSALS_A_MINUTE + 5):
        await refused(product, secrets.token_urlsafe(32), "invalid_token")
    strangers = told(product, AuditEventType.SESSION_RENEW_REFUSED)
    assert strangers == [{"reason": "no_such_session"}] * REFUSALS_A_MINUTE

    # Nor does that stand in anybody's way.
    await renewed(product, refresh)
    product.clock.advance(timedelta(minutes=1))
    await refused(product, "made up", "invalid_token")
    assert len(told(product, AuditEventType.SESSION_RENEW_REFUSED)) == REFUSALS_A_MINUTE + 1


async def test_of_32_renewals_at_once_all_get_the_one_successor(product: Product) -> None:
    refresh = await a_refresh_token(product)
    bodies: list[dict[str, Any]] = []

    async def race() -> None:
        bodies.append(await renewed(product, refresh))

    async with anyio.create_task_group() as tasks:
        for _ in range(32):
            tasks.start_soon(race)

    assert bodies == [bodies[0]] * 32
    assert len(told(product, AuditEventType.SESSION_RENEWED)) == 1


async def test_the_grace_is_the_operators_to_set() -> None:
    for seconds in (0, 300):
        async with running_product(session_renew_grace_seconds=seconds) as product:
            refresh = await a_refresh_token(product)
            await renewed(product, refresh)
            if seconds:
                product.clock.advance(timedelta(seconds=seconds) - SECOND)
                await renewed(product, refresh)
                product.clock.advance(SECOND)
            await refused(product, refresh, "token_reused")


# Outages and key changes.


async def test_an_outage_logs_nobody_out(product: Product, mocker: MockerFixture) -> None:
    browser = (await product.sign_in()).browser
    kept = value_in(browser, REFRESH_COOKIE)
    patched = mocker.patch.object(MemoryUnitOfWork, "__aenter__", side_effect=UnavailableError)
    answer = await browser.post(RENEW, headers=OUR_PAGE)
    mocker.stop(patched)

    assert answer.status_code == 503
    assert answer.headers["retry-after"].isdigit()
    assert "set-cookie" not in answer.headers
    assert value_in(browser, REFRESH_COOKIE) == kept
    assert (await browser.post(RENEW, headers=OUR_PAGE)).status_code == 200


def shown_by(browser: Browser) -> dict[str, str]:
    """What the browser sends, whichever service it asks."""
    return {"Cookie": f"{REFRESH_COOKIE}={value_in(browser, REFRESH_COOKIE)}", **OUR_PAGE}


@pytest.mark.case(66)
@pytest.mark.postgres
async def test_a_session_is_renewed_across_a_key_change_until_the_old_key_is_retired(
    pool: Pool,
) -> None:
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    async with running_product(pool=pool, jwt_secret=old) as before:
        kept = shown_by((await before.sign_in()).browser)
        left_behind = shown_by((await before.sign_in()).browser)

    async with running_product(pool=pool, jwt_secret=new, jwt_previous_secret=old) as overlap:
        client = overlap.browser()
        first = await client.post(RENEW, headers=kept)
        # The lost answer is the same token, if under another proof.
        again = await client.post(RENEW, headers=kept)
        assert (first.status_code, again.status_code) == (200, 200)
        assert value_of(first) == value_of(again) != kept["Cookie"].partition("=")[2]
        assert jwt.PyJWS().decode(first.json()["token"], new, algorithms=["HS256"])

    async with running_product(pool=pool, jwt_secret=new) as after:
        client = after.browser()
        good = {"Cookie": f"{REFRESH_COOKIE}={value_of(first)}", **OUR_PAGE}
        assert (await client.post(RENEW, headers=good)).status_code == 200
        late = await client.post(RENEW, headers=left_behind)
        assert (late.status_code, late.json()["code"]) == (401, "invalid_token")


def value_of(answer: httpx.Response) -> str:
    return cookies_of(answer)[REFRESH_COOKIE].value
