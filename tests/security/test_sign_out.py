"""`DELETE /api/v1/session`: whoever signs out is signed out, however late they do it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from adapters.memory.session_repository import MemorySessionRepository
from application.errors import UnavailableError
from domain.audit_event import AuditEventType
from tests.security.cookies import (
    OUR_PAGE,
    REDEEM,
    RENEW,
    Names,
    attributes_of,
    cookies_of,
    signed_in_by_cookie,
    value_in,
)
from tests.support.builders import LIMITS
from tests.support.forgery import session_claims, signed
from tests.support.product import FRONT_END_URL, Browser, Product, SignedIn, running_product

SESSION: Final = "/api/v1/session"
REFRESH_COOKIE: Final = "vetassist_refresh"
SECOND: Final = timedelta(seconds=1)
#: JWTs that expire long before their sessions, as when a laptop sleeps.
BRIEF_MINUTES: Final = 5
ASLEEP: Final = timedelta(minutes=7)
OLD_SECRET: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
NEW_SECRET: Final = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product(jwt_expiry_minutes=BRIEF_MINUTES) as product:
        yield product


@pytest.fixture
async def by_cookie() -> AsyncIterator[Product]:
    async with running_product(
        session_delivery="cookie", jwt_expiry_minutes=BRIEF_MINUTES
    ) as product:
        yield product


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def logouts(product: Product) -> list[dict[str, Any]]:
    return [dict(event.data) for event in product.audit if event.type is AuditEventType.LOGOUT]


def assert_cookies_cleared(answer: httpx.Response, product: Product) -> None:
    names = Names.of(product)
    cleared = cookies_of(answer)
    assert set(cleared) == {names.session, names.refresh}
    for name, path in ((names.session, "/"), (names.refresh, SESSION)):
        said = attributes_of(cleared[name])
        assert (cleared[name].value, said["max-age"], said["path"]) == ("", "0", path)


def assert_signed_out(answer: httpx.Response, product: Product) -> None:
    """The answer to a sign-out that succeeded, and what is left of the sessions."""
    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert_cookies_cleared(answer, product)
    assert all(session.revocation is not None for session in product.sessions)


async def assert_cannot_come_back(browser: Browser, refresh: str) -> None:
    """Neither the browser nor a copy of its refresh token can renew the session."""
    by_copy = await browser.post(RENEW, json={"refresh_token": refresh})
    assert (by_copy.status_code, by_copy.json()["code"]) == (401, "session_ended")
    assert (await browser.post(RENEW, headers=OUR_PAGE)).status_code == 401


# A JWT that expired while the laptop slept.


async def test_an_expired_jwt_ends_its_session_and_no_renewal_brings_it_back(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    refresh = value_in(signed_in.browser, REFRESH_COOKIE)
    product.clock.advance(ASLEEP)
    shown = await signed_in.browser.get(SESSION, headers=signed_in.headers)
    assert shown.status_code == 401

    answer = await signed_in.browser.delete(SESSION, headers=signed_in.headers)

    assert_signed_out(answer, product)
    (session,) = product.sessions
    assert logouts(product) == [{"session_id": str(session.id)}]
    await assert_cannot_come_back(signed_in.browser, refresh)


@pytest.mark.parametrize(
    "after", [timedelta(), timedelta(minutes=5) - SECOND, timedelta(minutes=5), LIMITS.idle]
)
async def test_the_moment_makes_no_difference(product: Product, after: timedelta) -> None:
    signed_in = await product.sign_in()
    product.clock.advance(after)

    answer = await signed_in.browser.delete(SESSION, headers=signed_in.headers)

    assert_signed_out(answer, product)


async def test_an_expired_jwt_from_before_a_renewal_ends_the_session(product: Product) -> None:
    signed_in = await product.sign_in()
    product.clock.advance(ASLEEP)
    renewed = (await signed_in.browser.post(RENEW, headers=OUR_PAGE)).json()["token"]
    refresh = value_in(signed_in.browser, REFRESH_COOKIE)

    answer = await signed_in.browser.delete(SESSION, headers=signed_in.headers)

    assert_signed_out(answer, product)
    assert (await product.browser().get(SESSION, headers=bearer(renewed))).status_code == 401
    await assert_cannot_come_back(signed_in.browser, refresh)


async def test_an_expired_jwt_in_a_cookie_ends_its_session(by_cookie: Product) -> None:
    browser = await signed_in_by_cookie(by_cookie)
    token = value_in(browser, "vetassist_session")
    by_cookie.clock.advance(ASLEEP)

    # Another jar, because a browser may or may not have dropped it by then.
    answer = await by_cookie.browser().delete(
        SESSION, headers={"Cookie": f"vetassist_session={token}", **OUR_PAGE}
    )

    assert_signed_out(answer, by_cookie)


# Whatever else is left to sign out with.


@pytest.mark.parametrize("delivery", ["query", "fragment", "code", "cookie"])
async def test_the_refresh_token_alone_signs_out(delivery: str) -> None:
    async with running_product(
        session_delivery=delivery, jwt_expiry_minutes=BRIEF_MINUTES
    ) as product:
        browser = product.browser()
        signed_in = await browser.sign_in()
        if delivery == "code":
            body = {"code": signed_in.parameters["code"]}
            await browser.post(REDEEM, json=body, headers=OUR_PAGE)
        product.clock.advance(ASLEEP)
        # A browser drops the cookie of a JWT when the JWT expires.
        if delivery == "cookie":
            browser.http.cookies.delete("vetassist_session")
        refresh = value_in(browser, REFRESH_COOKIE)

        answer = await browser.delete(SESSION, headers=OUR_PAGE)

        assert_signed_out(answer, product)
        assert len(logouts(product)) == 1
        # The notes of attempts stay. They only let the service start a sign-in again.
        left = [each.name for each in browser.http.cookies.jar]
        assert all(name.startswith("vetassist_began_") for name in left)
        await assert_cannot_come_back(browser, refresh)


async def test_a_refresh_token_that_was_replaced_signs_out_too(product: Product) -> None:
    browser = (await product.sign_in()).browser
    replaced = value_in(browser, REFRESH_COOKIE)
    product.clock.advance(ASLEEP)
    await browser.post(RENEW, headers=OUR_PAGE)

    answer = await product.browser().delete(
        SESSION, headers={"Cookie": f"{REFRESH_COOKIE}={replaced}", **OUR_PAGE}
    )

    assert_signed_out(answer, product)


async def test_a_cookie_without_a_jwt_must_come_from_our_own_page(product: Product) -> None:
    browser = (await product.sign_in()).browser
    before = product.store.committed.copy()
    for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await browser.delete(SESSION, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), headers
        assert "set-cookie" not in answer.headers
    assert product.store.committed == before

    assert_signed_out(await browser.delete(SESSION, headers={"Origin": FRONT_END_URL}), product)


async def test_the_refresh_cookie_of_the_first_version_signs_out_and_is_replaced(
    product: Product,
) -> None:
    """It was set for the path of the renewal. Two of them would be no refresh token at all."""
    browser = (await product.sign_in()).browser
    refresh = value_in(browser, REFRESH_COOKIE)
    browser.http.cookies.clear()
    browser.http.cookies.set(REFRESH_COOKIE, refresh, domain="localhost.local", path=RENEW)

    for _ in range(2):
        product.clock.advance(timedelta(minutes=3))
        assert (await browser.post(RENEW, headers=OUR_PAGE)).status_code == 200
        (cookie,) = browser.http.cookies.jar
        assert cookie.path == SESSION

    browser.http.cookies.set(REFRESH_COOKIE, refresh, domain="localhost.local", path=RENEW)
    await browser.delete(SESSION, headers=OUR_PAGE)
    assert list(browser.http.cookies.jar) == []


# Signing out again, and signing out of what is over.


async def test_signing_out_twice_is_the_same_as_once(product: Product) -> None:
    signed_in = await product.sign_in()
    await signed_in.browser.delete(SESSION, headers=signed_in.headers)
    before = product.store.committed.copy()

    for after in (timedelta(), ASLEEP, timedelta(days=1)):
        product.clock.advance(after)
        again = await signed_in.browser.delete(SESSION, headers=signed_in.headers)
        assert again.status_code == 204
        assert_cookies_cleared(again, product)

    assert product.store.committed == before


async def _ended_elsewhere(product: Product, signed_in: SignedIn) -> None:
    other = await product.sign_in()
    await other.browser.delete("/api/v1/sessions", headers=other.headers)


async def _idle(product: Product, _signed_in: SignedIn) -> None:
    product.clock.advance(timedelta(hours=2))


@pytest.mark.parametrize("end", [_ended_elsewhere, _idle])
async def test_a_session_that_is_over_takes_its_cookies_with_it(
    product: Product, end: Callable[[Product, SignedIn], Awaitable[None]]
) -> None:
    signed_in = await product.sign_in()
    refresh = value_in(signed_in.browser, REFRESH_COOKIE)
    await end(product, signed_in)
    before = product.store.committed.copy()

    for headers in (
        signed_in.headers,
        {"Cookie": f"{REFRESH_COOKIE}={refresh}", **OUR_PAGE},
    ):
        answer = await product.browser().delete(SESSION, headers=headers)
        assert answer.status_code == 204
        assert_cookies_cleared(answer, product)

    assert product.store.committed == before


async def test_another_session_of_the_same_person_goes_on(product: Product) -> None:
    signed_in, other = await product.sign_in(), await product.sign_in()
    product.clock.advance(ASLEEP)
    await signed_in.browser.delete(SESSION, headers=signed_in.headers)

    assert (await other.browser.post(RENEW, headers=OUR_PAGE)).status_code == 200


# What is not genuine.


async def test_a_token_that_is_not_genuine_ends_nothing_and_keeps_the_cookies(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    (session,) = product.sessions
    key = product.settings.jwt_secret.reveal().encode()
    ids: dict[str, Any] = {"user_id": session.user_id, "session_id": session.id}
    product.clock.advance(ASLEEP)
    said = session_claims(**ids, now=product.clock.now() - ASLEEP)
    other_user = {**ids, "user_id": uuid4()}
    spoilt = {
        "another key": signed(said, b"a key that the service does not use"),
        "another issuer": signed({**said, "iss": "elsewhere.example"}, key),
        "another audience": signed({**said, "aud": "another-front-end"}, key),
        "no audience": signed({**said, "aud": None}, key),
        "no end": signed({name: said[name] for name in said if name != "exp"}, key),
        "an end that is no number": signed({**said, "exp": "1"}, key),
        "another algorithm": signed(said, key, header={"alg": "none", "typ": "JWT"}),
        "another type": signed(said, key, header={"alg": "HS256", "typ": "at+jwt"}),
        "cut short": signed_in.token[:-1],
        "another user": signed(session_claims(**other_user, now=product.clock.now()), key),
        "a refresh token": value_in(signed_in.browser, REFRESH_COOKIE),
    }
    before = product.store.committed.copy()

    for what, token in spoilt.items():
        # The genuine cookie beside it doesn't make it good.
        for headers in (bearer(token), bearer(token) | OUR_PAGE):
            answer = await signed_in.browser.delete(SESSION, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), what
            assert answer.headers["www-authenticate"].startswith("Bearer "), what
            assert "set-cookie" not in answer.headers, what
    for cookie in ("x", signed_in.token):
        answer = await product.browser().delete(
            SESSION, headers={"Cookie": f"{REFRESH_COOKIE}={cookie}", **OUR_PAGE}
        )
        assert answer.status_code == 401
    assert product.store.committed == before
    assert (await signed_in.browser.post(RENEW, headers=OUR_PAGE)).status_code == 200


async def test_nothing_to_sign_out_with_is_refused(product: Product) -> None:
    answer = await product.browser().delete(SESSION, headers=OUR_PAGE)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_two_tokens_or_a_cookie_that_appears_twice_end_nothing(product: Product) -> None:
    signed_in = await product.sign_in()
    refresh = value_in(signed_in.browser, REFRESH_COOKIE)
    header = ("Authorization", f"Bearer {signed_in.token}")
    before = product.store.committed.copy()
    twice = f"{REFRESH_COOKIE}={refresh}; {REFRESH_COOKIE}={refresh}"
    for headers in ([header, header], [("Cookie", twice), *OUR_PAGE.items()]):
        answer = await product.browser().delete(SESSION, headers=headers)
        assert answer.status_code == 401

    assert product.store.committed == before


async def test_only_this_route_takes_a_jwt_that_has_expired(product: Product) -> None:
    signed_in = await product.sign_in()
    product.clock.advance(ASLEEP)
    before = product.store.committed.copy()
    (session,) = product.sessions
    for path in (
        "/api/v1/sessions",
        "/api/v1/sessions?except=current",
        f"/api/v1/sessions/{session.id}",
        "/api/v1/va/link",
    ):
        answer = await signed_in.browser.delete(path, headers=signed_in.headers)
        assert answer.status_code == 401, path
        assert "set-cookie" not in answer.headers, path
    for path in (SESSION, "/api/v1/sessions", "/api/v1/user", "/api/v1/verify"):
        answer = await signed_in.browser.get(path, headers=signed_in.headers)
        assert answer.status_code == 401, path

    assert product.store.committed == before


# A change of the signing secret.


async def test_the_previous_secret_still_signs_out(product: Product) -> None:
    async with running_product(jwt_secret=OLD_SECRET, jwt_expiry_minutes=BRIEF_MINUTES) as before:
        signed_in = await before.sign_in()
        refresh = value_in(signed_in.browser, REFRESH_COOKIE)
        stored = before.store.committed.copy()
    for proof in (
        signed_in.headers,
        {"Cookie": f"{REFRESH_COOKIE}={refresh}", **OUR_PAGE},
    ):
        async with running_product(
            jwt_secret=NEW_SECRET, jwt_previous_secret=OLD_SECRET, jwt_expiry_minutes=BRIEF_MINUTES
        ) as after:
            after.store.committed = stored.copy()
            after.clock.advance(ASLEEP)
            assert_signed_out(await after.browser().delete(SESSION, headers=proof), after)
        async with running_product(
            jwt_secret=NEW_SECRET, jwt_expiry_minutes=BRIEF_MINUTES
        ) as later:
            later.store.committed = stored.copy()
            refused = await later.browser().delete(SESSION, headers=proof)
            assert refused.status_code == 401
            assert "set-cookie" not in refused.headers


# The database is away.


@pytest.mark.parametrize("step", ["lock", "revoke"])
async def test_in_an_outage_the_cookies_stay_and_the_sign_out_can_come_again(
    product: Product, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    signed_in = await product.sign_in()
    refresh = value_in(signed_in.browser, REFRESH_COOKIE)
    product.clock.advance(ASLEEP)

    async def fails(*_: object) -> None:
        raise UnavailableError

    for headers in (signed_in.headers, OUR_PAGE):
        with monkeypatch.context() as patched:
            patched.setattr(MemorySessionRepository, step, fails)
            answer = await signed_in.browser.delete(SESSION, headers=headers)
        assert answer.status_code == 503
        assert answer.headers["retry-after"].isdigit()
        assert "set-cookie" not in answer.headers
    assert value_in(signed_in.browser, REFRESH_COOKIE) == refresh
    assert logouts(product) == []

    answer = await signed_in.browser.delete(SESSION, headers=signed_in.headers)

    assert_signed_out(answer, product)
    await assert_cannot_come_back(signed_in.browser, refresh)
