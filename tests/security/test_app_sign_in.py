"""An app without cookies signs in: it starts with a challenge and redeems with the verifier."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from domain.audit_event import AuditEventType
from tests.security.cookies import OUR_PAGE, REDEEM, RENEW, cookies_of
from tests.support.product import LOGIN, Browser, Product, running_product

SESSION: Final = "/api/v1/session"
API: Final = {"Accept": "application/json"}


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product(session_delivery="code", app_sign_in=True) as product:
        yield product


def a_verifier() -> str:
    return secrets.token_urlsafe(32)


def challenge_of(verifier: str) -> dict[str, str]:
    """What the app adds to the login."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return {
        "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


async def come_back(browser: Browser, parameters: dict[str, str]) -> httpx.Response:
    """A whole sign-in in the system's browser, which the app opened; returns its last answer."""
    started = await browser.get(LOGIN, params=parameters)
    assert started.status_code == 303, started.text
    return await browser.get(await browser.consent(started.headers["location"]))


async def code_for(browser: Browser, parameters: dict[str, str]) -> str:
    """The code, as the app takes it from the address that the browser was sent to."""
    answer = await come_back(browser, parameters)
    target = urlsplit(answer.headers["location"])
    assert target.path == "/va-success"
    (code,) = parse_qs(target.query)["code"]
    return code


async def redeem(product: Product, code: str, **fields: str) -> httpx.Response:
    """The app's own request: it has no cookies and comes from no page."""
    return await product.browser().post(REDEEM, json={"code": code, **fields})


def told(product: Product, type_: AuditEventType) -> list[dict[str, Any]]:
    return [dict(event.data) for event in product.audit if event.type is type_]


async def test_an_app_gets_both_tokens_renews_and_signs_out_without_a_cookie(
    product: Product,
) -> None:
    verifier = a_verifier()
    code = await code_for(product.browser(), challenge_of(verifier))

    redeemed = await redeem(product, code, code_verifier=verifier, refresh="body")

    assert redeemed.status_code == 200
    assert "set-cookie" not in redeemed.headers
    body = redeemed.json()
    app = product.browser()
    shown = await app.get(SESSION, headers={"Authorization": f"Bearer {body['token']}"})
    assert shown.json()["session_id"] == body["session_id"]
    renewed = await app.post(RENEW, json={"refresh_token": body["refresh_token"]})
    assert renewed.status_code == 200
    assert "set-cookie" not in renewed.headers
    ended = await app.delete(
        SESSION, headers={"Authorization": f"Bearer {renewed.json()['token']}"}
    )
    assert ended.status_code == 204
    assert len(told(product, AuditEventType.SESSION_REDEEMED)) == 1


async def test_an_app_that_does_not_say_where_gets_the_refresh_token_in_the_body(
    product: Product,
) -> None:
    verifier = a_verifier()
    code = await code_for(product.browser(), challenge_of(verifier))

    answer = await redeem(product, code, code_verifier=verifier)

    assert {"token", "refresh_token"} <= answer.json().keys()
    assert "set-cookie" not in answer.headers


async def test_the_return_path_goes_along(product: Product) -> None:
    answer = await come_back(
        product.browser(), {"return_to": "/claims", **challenge_of(a_verifier())}
    )

    assert answer.headers["location"].endswith("&return_to=%2Fclaims")


async def test_a_code_works_once(product: Product) -> None:
    verifier = a_verifier()
    code = await code_for(product.browser(), challenge_of(verifier))
    answers = [await redeem(product, code, code_verifier=verifier) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize(("after", "status"), [(59, 200), (60, 401)])
async def test_a_code_is_in_time_for_a_minute(product: Product, after: int, status: int) -> None:
    verifier = a_verifier()
    code = await code_for(product.browser(), challenge_of(verifier))
    product.clock.advance(timedelta(seconds=after))

    assert (await redeem(product, code, code_verifier=verifier)).status_code == status


# Who has the code alone.


async def test_whoever_has_the_code_without_the_verifier_gets_nothing_and_spoils_nothing(
    product: Product,
) -> None:
    """The browser that signed in, a page that saw the address, another app."""
    verifier, browser = a_verifier(), product.browser()
    code = await code_for(browser, challenge_of(verifier))
    others: list[tuple[Browser, dict[str, str], int]] = [
        (browser, {}, 401),
        (browser, {"refresh": "body"}, 401),
        (product.browser(), {}, 401),
        (product.browser(), {"code_verifier": a_verifier()}, 401),
        (product.browser(), {"code_verifier": challenge_of(verifier)["code_challenge"]}, 401),
        (product.browser(), {"code_verifier": "x"}, 400),
        (product.browser(), {"code_verifier": ""}, 400),
    ]
    for other, fields, status in others:
        answer = await other.post(REDEEM, json={"code": code, **fields}, headers=OUR_PAGE)
        assert answer.status_code == status, fields
        assert "token" not in answer.json()

    assert len(told(product, AuditEventType.SESSION_REDEEM_REFUSED)) == 2
    assert (await redeem(product, code, code_verifier=verifier)).status_code == 200


async def test_an_apps_sign_in_is_not_started_again_without_its_challenge(
    product: Product,
) -> None:
    browser = product.browser()
    started = await browser.get(LOGIN, params=challenge_of(a_verifier()))
    callback = await browser.consent(started.headers["location"])
    await browser.get(callback)

    again = await browser.get(callback)

    target = urlsplit(again.headers["location"])
    assert (target.path, target.query) == ("/va-error", "error=login_expired")
    assert not told(product, AuditEventType.LOGIN_RESTARTED)


async def test_the_browser_of_an_apps_sign_in_gets_no_mark(product: Product) -> None:
    browser = product.browser()
    answer = await come_back(browser, challenge_of(a_verifier()))

    assert "vetassist_handoff" not in cookies_of(answer)


async def test_an_app_cannot_take_over_the_code_of_a_browser(product: Product) -> None:
    """Neither with a verifier of its own, nor with the browser's secret as the verifier."""
    browser = product.browser()
    code = (await browser.sign_in()).parameters["code"]
    (mark,) = (each.value for each in browser.http.cookies.jar if "handoff" in each.name)
    assert mark
    for verifier in (a_verifier(), mark):
        assert (await redeem(product, code, code_verifier=verifier)).status_code == 401

    answer = await browser.post(REDEEM, json={"code": code}, headers=OUR_PAGE)
    assert answer.status_code == 200


async def test_an_apps_sign_in_is_bound_to_the_browser_that_it_opened(product: Product) -> None:
    """The challenge binds the code. The callback is bound as always."""
    verifier, opened = a_verifier(), product.browser()
    started = await opened.get(LOGIN, params=challenge_of(verifier))
    callback = await opened.consent(started.headers["location"])

    elsewhere = await product.browser().get(callback)

    assert "error=login_expired" in elsewhere.headers["location"]
    code = parse_qs(urlsplit((await opened.get(callback)).headers["location"]).query)["code"][0]
    assert (await redeem(product, code, code_verifier=verifier)).status_code == 200


async def test_a_page_cannot_have_a_verifier_answered_in_cookies(product: Product) -> None:
    """Otherwise another site could plant its own session in a browser."""
    verifier = a_verifier()
    code = await code_for(product.browser(), challenge_of(verifier))

    answer = await redeem(product, code, code_verifier=verifier, refresh="cookie")

    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers
    assert (await redeem(product, code, code_verifier=verifier)).status_code == 200


# What starts no sign-in.


@pytest.mark.parametrize(
    "parameters",
    [
        {"code_challenge": "x", "code_challenge_method": "S256"},
        {"code_challenge": "", "code_challenge_method": "S256"},
        {**challenge_of("v" * 43), "code_challenge_method": "plain"},
        {**challenge_of("v" * 43), "code_challenge_method": "s256"},
        {"code_challenge": challenge_of("v" * 43)["code_challenge"]},
        {"code_challenge": "A" * 44, "code_challenge_method": "S256"},
    ],
)
async def test_a_malformed_challenge_starts_nothing(
    product: Product, parameters: dict[str, str]
) -> None:
    """Without it, the code would be bound to the browser, and the app could never redeem it."""
    before = product.store.committed.copy()
    answer = await product.browser().get(LOGIN, params=parameters, headers=API)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_code_challenge"
    assert product.store.committed == before


async def test_a_challenge_that_appears_twice_starts_nothing(product: Product) -> None:
    twice = {name: [value, "x"] for name, value in challenge_of("v" * 43).items()}
    answer = await product.browser().http.get(LOGIN, params=twice, headers=API)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_parameters")


# Where apps don't sign in.


@pytest.mark.parametrize("delivery", ["query", "fragment", "code", "cookie"])
async def test_unless_it_is_allowed_a_challenge_means_nothing(delivery: str) -> None:
    """A link with somebody else's challenge must not take the code away from the browser."""
    async with running_product(session_delivery=delivery) as product:
        verifier, browser = a_verifier(), product.browser()
        answer = await come_back(browser, challenge_of(verifier))
        location = urlsplit(answer.headers["location"])
        assert location.path == "/va-success"
        if delivery != "code":
            return
        (code,) = parse_qs(location.query)["code"]
        assert (await redeem(product, code, code_verifier=verifier)).status_code == 401
        answer = await browser.post(REDEEM, json={"code": code}, headers=OUR_PAGE)
        assert answer.status_code == 200


async def test_a_client_without_cookies_and_without_a_challenge_is_refused(
    product: Product,
) -> None:
    code = (await product.sign_in()).parameters["code"]

    assert (await redeem(product, code, refresh="body")).status_code == 401
