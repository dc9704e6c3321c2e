"""Several front ends side by side, and what one of them can do with what is another's."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from pytest_mock import MockerFixture

from adapters.memory.front_end_directory import MemoryFrontEndDirectory
from application.errors import UnavailableError
from application.use_cases.front_ends.add_front_end import AddFrontEndCommand
from application.use_cases.front_ends.change_front_end import ChangeFrontEndCommand
from application.use_cases.front_ends.disable_front_end import DisableFrontEndCommand
from domain.audit_event import AuditEventType
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId, SessionDelivery
from tests.security.cookies import REDEEM, RENEW, attributes_of, cookies_of, value_in
from tests.support.product import FRONT_END_URL, Browser, Product, SignedIn, running_product

STAGING: Final = "http://localhost:5173"
SECOND: Final = "http://second.localhost:4000"
PERSON: Final = {"Accept": "text/html"}
SESSION: Final = "/api/v1/session"
SESSIONS: Final = "/api/v1/sessions"
VERIFY: Final = "/api/v1/verify"
CLAIMS: Final = "/claims?id=7"


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product(session_delivery="cookie") as product:
        yield product


async def add(
    product: Product,
    url: str = STAGING,
    delivery: SessionDelivery = SessionDelivery.COOKIE,
    **given: Any,
) -> FrontEnd:
    command = AddFrontEndCommand(name=f"Site {url[-4:]}", url=url, delivery=delivery, **given)
    return await product.container.add_front_end().execute(command)


async def disable(product: Product, front_end: FrontEnd) -> None:
    command = DisableFrontEndCommand(front_end_id=front_end.id, reason="left")
    await product.container.disable_front_end().execute(command)
    await product.container.front_end_roster().refresh()


def own_verify(front_end_id: FrontEndId) -> str:
    return f"/api/v1/front-ends/{front_end_id}/verify"


def page(url: str) -> dict[str, str]:
    """What a browser says of where a script of this page calls from."""
    return {"Origin": url, "Sec-Fetch-Site": "same-site"}


def session_cookie(front_end: FrontEnd | None = None) -> str:
    return "vetassist_session" + ("" if front_end is None else f"_{front_end.id.hex}")


def refresh_cookie(front_end: FrontEnd | None = None) -> str:
    return "vetassist_refresh" + ("" if front_end is None else f"_{front_end.id.hex}")


async def rejected(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert "set-cookie" not in answer.headers


def end_of(answer: httpx.Response) -> tuple[str, str, str]:
    """Where a redirect leads: the origin, the path, and the rest."""
    assert answer.status_code == 303
    parts = urlsplit(answer.headers["location"])
    return f"{parts.scheme}://{parts.netloc}", parts.path, parts.query or parts.fragment


# The way back.


@pytest.mark.parametrize("delivery", SessionDelivery)
async def test_a_sign_in_ends_where_it_started_and_by_its_delivery(
    product: Product, delivery: SessionDelivery
) -> None:
    front_end = await add(product, f"{STAGING}/app", delivery)
    browser = product.browser()
    answer = await browser.get(await browser.begin(return_to=CLAIMS, front_end=front_end.id))

    origin, path, rest = end_of(answer)
    assert (origin, path) == (STAGING, "/app/va-success")
    assert rest.endswith("&return_to=%2Fclaims%3Fid%3D7")
    handed_over = {
        SessionDelivery.QUERY: "token=",
        SessionDelivery.FRAGMENT: "token=",
        SessionDelivery.CODE: "code=",
        SessionDelivery.COOKIE: "expires=",
    }
    assert rest.startswith(handed_over[delivery])
    is_fragment = delivery is SessionDelivery.FRAGMENT
    assert ("#" in answer.headers["location"]) is is_fragment
    suffix = f"_{front_end.id.hex}"
    kept = [name for name in cookies_of(answer) if "login" not in name]
    assert kept
    assert all(name.endswith(suffix) for name in kept)


async def test_a_sign_in_without_a_front_end_is_served_as_before(product: Product) -> None:
    await add(product)
    browser = product.browser()
    answer = await browser.get(await browser.begin(return_to=CLAIMS))

    assert end_of(answer)[:2] == (FRONT_END_URL, "/va-success")
    assert {session_cookie(), refresh_cookie()} <= cookies_of(answer).keys()
    assert (await browser.get(SESSION, headers=page(FRONT_END_URL))).status_code == 200


async def test_the_cookies_of_a_registered_front_end_are_as_safe_as_the_others() -> None:
    url = "https://vetassist.example"
    async with running_product(public_url=url, session_delivery="cookie") as product:
        front_end = await add(product, "https://staging.vetassist.example")
        ours, theirs = [
            cookies_of(await browser.get(await browser.begin(front_end=which)))
            for browser, which in ((product.browser(), None), (product.browser(), front_end.id))
        ]
    for name, prefix in (("session", "__Host-"), ("refresh", "__Secure-")):
        own = f"{prefix}vetassist_{name}_{front_end.id.hex}"
        assert attributes_of(theirs[own]) == attributes_of(ours[f"{prefix}vetassist_{name}"])


async def test_a_failure_ends_where_the_sign_in_started(product: Product) -> None:
    front_end = await add(product)
    browser = product.browser()
    callback = await browser.begin("decline", return_to=CLAIMS, front_end=front_end.id)
    answer = await browser.get(callback)

    expected = (STAGING, "/va-error", "error=access_denied&return_to=%2Fclaims%3Fid%3D7")
    assert end_of(answer) == expected
    assert product.audit[-1].data["front_end"] == str(front_end.id)


async def test_who_cannot_be_sent_to_va_ends_where_they_started(product: Product) -> None:
    front_end = await add(product)
    product.faults(discovery={"answer": 503})
    answer = await product.browser().start(CLAIMS, front_end=front_end.id, headers=PERSON)

    expected = (STAGING, "/va-error", "error=provider_unavailable&return_to=%2Fclaims%3Fid%3D7")
    assert end_of(answer) == expected


async def test_a_bug_in_the_callback_ends_where_the_sign_in_started(
    product: Product, mocker: MockerFixture
) -> None:
    front_end = await add(product)
    browser = product.browser()
    callback = await browser.begin(return_to=CLAIMS, front_end=front_end.id)
    use_case = product.container.complete_va_login()
    mocker.patch.object(type(use_case), "execute", side_effect=RuntimeError("a bug"))
    answer = await browser.get(callback, headers=PERSON)

    expected = (STAGING, "/va-error", "error=service_unavailable&return_to=%2Fclaims%3Fid%3D7")
    assert end_of(answer) == expected


async def test_a_bug_in_the_callback_of_a_disabled_front_end_ends_at_that_of_the_settings(
    product: Product, mocker: MockerFixture
) -> None:
    front_end = await add(product)
    browser = product.browser()
    callback = await browser.begin(return_to=CLAIMS, front_end=front_end.id)
    await disable(product, front_end)
    use_case = product.container.complete_va_login()
    mocker.patch.object(type(use_case), "execute", side_effect=RuntimeError("a bug"))
    answer = await browser.get(callback, headers=PERSON)

    # The path was meant for the other front end.
    assert end_of(answer) == (FRONT_END_URL, "/va-error", "error=service_unavailable")


async def test_an_attempt_that_is_too_old_starts_again_for_the_same_front_end(
    product: Product,
) -> None:
    front_end = await add(product)
    browser = product.browser()
    callback = await browser.begin(return_to=CLAIMS, front_end=front_end.id)
    product.clock.advance(timedelta(hours=2))
    restarted = await browser.get(callback)
    answer = await browser.get(await browser.consent(restarted.headers["location"]))

    assert end_of(answer)[:2] == (STAGING, "/va-success")


async def test_a_callback_that_comes_again_succeeds_again_only_by_its_own_session(
    product: Product,
) -> None:
    front_end = await add(product)
    browser = product.browser()
    callback = await browser.begin(front_end=front_end.id)
    await browser.sign_in()
    first = await browser.get(callback)
    again = await browser.get(callback)

    assert end_of(first)[:2] == end_of(again)[:2] == (STAGING, "/va-success")
    # The session at the other front end isn't this one's, whatever its cookie is called.
    browser.http.cookies.delete(session_cookie(front_end))
    other = value_in(browser, session_cookie())
    browser.http.cookies.set(session_cookie(front_end), other, domain="localhost.local")
    restarted = end_of(await browser.get(callback))
    assert restarted[0] == product.provider.url


async def test_a_wrong_method_leads_home_to_the_front_end(product: Product) -> None:
    front_end = await add(product)
    await product.container.front_end_roster().refresh()
    answer = await product.browser().http.post(
        "/api/v1/va/login", params={"front_end": str(front_end.id)}, headers=PERSON
    )

    assert answer.status_code == 405
    assert f'href="{STAGING}/"' in answer.text


# No such front end.


async def unknown(product: Product) -> list[str]:
    gone = await add(product)
    await disable(product, gone)
    return [str(gone.id), "00000000-0000-4000-8000-000000000000", "staging", "", "%00"]


async def test_a_program_learns_that_there_is_no_such_front_end(product: Product) -> None:
    for text in await unknown(product):
        answer = await product.browser().get("/api/v1/va/login", params={"front_end": text})
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_front_end"), text

    answer = await product.browser().get("/api/v1/va/login?front_end=a&front_end=b")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_parameters")
    assert product.starts == []


async def test_a_person_without_a_front_end_ends_at_that_of_the_settings(
    product: Product,
) -> None:
    for text in [*(await unknown(product)), "a&front_end=b"]:
        url = f"/api/v1/va/login?front_end={text}&return_to=%2Fclaims"
        answer = await product.browser().get(url, headers=PERSON)
        # The path was meant for the other front end.
        assert end_of(answer) == (FRONT_END_URL, "/va-error", "error=service_unavailable"), text


async def test_a_front_end_that_is_disabled_during_a_sign_in_opens_no_session(
    product: Product,
) -> None:
    front_end = await add(product)
    browser = product.browser()
    callback = await browser.begin(return_to=CLAIMS, front_end=front_end.id)
    await disable(product, front_end)
    answer = await browser.get(callback)

    assert end_of(answer) == (FRONT_END_URL, "/va-error", "error=service_unavailable")
    assert product.sessions == []
    told = product.audit[-1].data
    assert (told["reason"], told["front_end"]) == ("front_end_gone", str(front_end.id))
    assert product.sandbox.counters.requests["token"] == 0


async def test_a_front_end_whose_origin_the_settings_took_is_gone(product: Product) -> None:
    """The settings can change after a front end was registered."""
    settings = product.container.settings().front_end
    async with product.container.unit_of_work() as work:
        taken = FrontEnd(
            id=FrontEndId(product.container.secrets().uuid()),
            name="Former",
            url=settings.url,
            delivery=SessionDelivery.QUERY,
            created_at=product.clock.now(),
        )
        await work.front_ends.add(taken)
        await work.commit()
    answer = await product.browser().start(front_end=taken.id)

    assert answer.json()["code"] == "unknown_front_end"
    browser = (await product.browser().sign_in()).browser
    assert (await browser.get(SESSION, headers=page(settings.url))).status_code == 200


# Two sessions in one browser.


async def both_signed_in(product: Product) -> tuple[Browser, FrontEnd]:
    """A browser with a session at the settings' front end, and one at another."""
    front_end = await add(product)
    browser = product.browser()
    await browser.sign_in()
    await browser.sign_in("janet-moore", front_end=front_end.id)
    return browser, front_end


async def user_at(browser: Browser, url: str) -> str:
    answer = await browser.get("/api/v1/user", headers=page(url))
    assert answer.status_code == 200
    name: str = answer.json()["given_name"]
    return name


async def test_a_browser_has_a_session_at_each_front_end(product: Product) -> None:
    browser, _ = await both_signed_in(product)

    assert await user_at(browser, FRONT_END_URL) == "Tamara"
    assert await user_at(browser, STAGING) == "Janet"

    # Each is renewed and ended by itself.
    for url in (STAGING, FRONT_END_URL):
        assert (await browser.post(RENEW, headers=page(url))).status_code == 200
    assert await user_at(browser, STAGING) == "Janet"
    assert (await browser.delete(SESSION, headers=page(STAGING))).status_code == 204
    assert (await browser.get(SESSION, headers=page(STAGING))).status_code == 401
    assert await user_at(browser, FRONT_END_URL) == "Tamara"


async def test_a_new_sign_in_ends_only_the_session_at_its_own_front_end(
    product: Product,
) -> None:
    browser, front_end = await both_signed_in(product)
    await browser.sign_in("janet-moore", front_end=front_end.id)

    revoked = [each for each in product.sessions if each.revocation is not None]
    assert [each.front_end for each in revoked] == [front_end.id]
    assert await user_at(browser, FRONT_END_URL) == "Tamara"


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "theirs"])
async def test_a_cookie_is_useless_at_another_front_end(product: Product, *, is_ours: bool) -> None:
    """Even under the name that the other one's cookie has."""
    browser, front_end = await both_signed_in(product)
    source, target = (None, front_end) if is_ours else (front_end, None)
    url = STAGING if is_ours else FRONT_END_URL
    token = value_in(browser, session_cookie(source))
    refresh = value_in(browser, refresh_cookie(source))
    before = {session.id: session for session in product.sessions}
    renamed = {"Cookie": f"{session_cookie(target)}={token}", **page(url)}
    thief = product.browser()

    for method, path in (("GET", SESSION), ("GET", SESSIONS), ("DELETE", SESSIONS)):
        await rejected(await thief.http.request(method, path, headers=renamed))
    for path in (VERIFY, own_verify(target.id if target else SETTINGS_FRONT_END)):
        headers = {"Cookie": f"{session_cookie(target)}={token}"}
        await rejected(await thief.get(path, headers=headers))
    renewal = {"Cookie": f"{refresh_cookie(target)}={refresh}", **page(url)}
    await rejected(await thief.post(RENEW, headers=renewal))
    await rejected(await thief.post(RENEW, json={"refresh_token": refresh}, headers=page(url)))
    # Under its own name, it isn't even looked at.
    own_name = {"Cookie": f"{session_cookie(source)}={token}", **page(url)}
    await rejected(await thief.get(SESSION, headers=own_name))
    assert {session.id: session for session in product.sessions} == before
    refused = [each for each in product.audit if each.data.get("reason") == "other_front_end"]
    assert [each.type for each in refused] == [AuditEventType.SESSION_RENEW_REFUSED] * 2


async def test_a_jwt_is_useless_to_a_page_of_another_front_end(product: Product) -> None:
    browser, front_end = await both_signed_in(product)
    for source, own, other in (
        (None, FRONT_END_URL, STAGING),
        (front_end, STAGING, FRONT_END_URL),
    ):
        bearer = {"Authorization": f"Bearer {value_in(browser, session_cookie(source))}"}
        caller = product.browser()
        assert (await caller.get(SESSION, headers=bearer | page(own))).status_code == 200
        await rejected(await caller.get(SESSION, headers=bearer | page(other)))
        # A back end has no origin: it may ask for any of them.
        assert (await caller.get(SESSION, headers=bearer)).status_code == 200
        assert (await caller.get(VERIFY, headers=bearer)).status_code == 200


async def test_no_page_changes_anything_by_another_front_ends_cookies(product: Product) -> None:
    browser, _ = await both_signed_in(product)
    before = product.store.committed.sessions.copy()
    stranger = await add(product, SECOND)
    for method, path in (
        ("DELETE", SESSION),
        ("DELETE", SESSIONS),
        ("DELETE", "/api/v1/va/link"),
        ("POST", RENEW),
    ):
        await rejected(await browser.http.request(method, path, headers=page(SECOND)))
    assert product.store.committed.sessions == before

    disabled = await browser.delete(SESSION, headers=page("http://unknown.localhost"))
    assert disabled.status_code == 403
    await disable(product, stranger)
    assert (await browser.delete(SESSION, headers=page(SECOND))).status_code == 403


# One-time codes.


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "theirs"])
async def test_a_code_is_useless_at_another_front_end(*, is_ours: bool) -> None:
    async with running_product(session_delivery="code") as product:
        front_end = await add(product, delivery=SessionDelivery.CODE)
        urls = (FRONT_END_URL, STAGING) if is_ours else (STAGING, FRONT_END_URL)
        own, other = urls
        own_id, other_id = (None, front_end.id) if is_ours else (front_end.id, None)
        browser = product.browser()
        await browser.sign_in(front_end=other_id)
        code = (await browser.sign_in(front_end=own_id)).parameters["code"]
        mark = next(iter(browser.cookies("handoff").values()))

        await rejected(await browser.post(REDEEM, json={"code": code}, headers=page(other)))
        answer = await browser.post(REDEEM, json={"code": code}, headers=page(own))
        assert answer.status_code == 200
        assert mark


async def test_a_code_under_the_mark_of_another_front_end_is_refused_and_used_up() -> None:
    async with running_product(session_delivery="code") as product:
        front_end = await add(product, delivery=SessionDelivery.CODE)
        browser = product.browser()
        code = (await browser.sign_in(front_end=front_end.id)).parameters["code"]
        (mark,) = browser.cookies("handoff").values()
        renamed = {"Cookie": f"vetassist_handoff={mark}", **page(FRONT_END_URL)}

        await rejected(await product.browser().post(REDEEM, json={"code": code}, headers=renamed))
        assert product.audit[-1].data["reason"] == "other_front_end"
        await rejected(await browser.post(REDEEM, json={"code": code}, headers=page(STAGING)))


async def test_an_apps_code_is_useless_to_a_page_of_another_front_end() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    challenge = {
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    async with running_product(session_delivery="code", app_sign_in="true") as product:
        front_end = await add(product, delivery=SessionDelivery.CODE)
        for headers, status in ((page(FRONT_END_URL), 401), (page(STAGING), 200), ({}, 200)):
            browser = product.browser()
            asked = challenge | {"front_end": str(front_end.id)}
            started = await browser.get("/api/v1/va/login", params=asked)
            callback = await browser.consent(started.headers["location"])
            code = SignedIn.of(browser, await browser.get(callback)).parameters["code"]
            body = {"code": code, "code_verifier": verifier}
            answer = await product.browser().post(REDEEM, json=body, headers=headers)
            assert answer.status_code == status


# Back ends and proxies.


async def test_a_proxy_names_the_front_end_whose_sessions_count(product: Product) -> None:
    browser, front_end = await both_signed_in(product)
    other = await add(product, SECOND)
    cookies = {"Cookie": browser.cookie_header}
    proxy = product.browser()
    users = {each.front_end: str(each.user_id) for each in product.sessions}

    async def user(path: str, **headers: str) -> str | None:
        answer = await proxy.get(path, headers=cookies | headers)
        assert answer.status_code in {200, 401}
        name: str | None = answer.headers.get("x-auth-user")
        return name

    assert await user(VERIFY) == users[SETTINGS_FRONT_END]
    assert await user(own_verify(SETTINGS_FRONT_END)) == users[SETTINGS_FRONT_END]
    assert await user(own_verify(front_end.id)) == users[front_end.id]
    # Envoy appends what the client asked for.
    forged = f"{VERIFY}/api/v1/front-ends/{front_end.id}/verify?front_end={front_end.id}"
    assert await user(forged) == users[SETTINGS_FRONT_END]
    envoy = f"{own_verify(front_end.id)}/records?front_end={SETTINGS_FRONT_END}"
    assert await user(envoy) == users[front_end.id]
    # The client says where it calls from, so that doesn't choose the cookie.
    assert await user(VERIFY, Origin=STAGING) is None
    assert await user(own_verify(front_end.id), Origin=FRONT_END_URL) is None
    assert await user(own_verify(other.id)) is None
    assert await user(own_verify(FrontEndId(product.sessions[0].id))) is None
    assert await user("/api/v1/front-ends/staging/verify") is None


async def test_a_proxy_of_one_front_end_refuses_the_jwts_of_others(product: Product) -> None:
    browser, front_end = await both_signed_in(product)
    ours, theirs = (
        {"Authorization": f"Bearer {value_in(browser, session_cookie(each))}"}
        for each in (None, front_end)
    )
    proxy = product.browser()

    assert (await proxy.get(own_verify(front_end.id), headers=theirs)).status_code == 200
    await rejected(await proxy.get(own_verify(front_end.id), headers=ours))
    assert (await proxy.get(own_verify(SETTINGS_FRONT_END), headers=ours)).status_code == 200
    await rejected(await proxy.get(own_verify(SETTINGS_FRONT_END), headers=theirs))


async def test_an_unsafe_request_by_cookie_needs_the_origin_of_its_front_end(
    product: Product,
) -> None:
    browser, front_end = await both_signed_in(product)
    path, post = own_verify(front_end.id), {"X-Forwarded-Method": "POST"}

    assert (await browser.get(path, headers=post | page(STAGING))).status_code == 200
    for headers in ({}, page(FRONT_END_URL), page("http://unknown.localhost")):
        answer = await browser.get(path, headers=post | headers)
        assert answer.status_code == 403


# CORS.


async def preflight(product: Product, origin: str, path: str = SESSION) -> str | None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answer = await product.browser().http.options(path, headers=headers)
    allowed: str | None = answer.headers.get("access-control-allow-origin")
    return allowed


async def test_the_page_of_a_new_front_end_may_call_at_once(product: Product) -> None:
    await product.container.front_end_roster().refresh()
    front_end = await add(product)

    assert await preflight(product, STAGING) == STAGING
    assert await preflight(product, FRONT_END_URL) == FRONT_END_URL
    assert await preflight(product, "http://unknown.localhost") is None
    assert await preflight(product, STAGING, own_verify(front_end.id)) is None
    await disable(product, front_end)
    assert await preflight(product, STAGING) is None


async def test_a_flood_of_foreign_origins_reads_the_front_ends_once_a_second(
    product: Product, mocker: MockerFixture
) -> None:
    reads = mocker.spy(MemoryFrontEndDirectory, "list_all")
    for number in range(30):
        assert await preflight(product, f"http://host{number}.localhost") is None
    assert reads.call_count == 1

    await add(product)
    assert await preflight(product, STAGING) is None
    product.clock.advance(timedelta(seconds=1))
    assert await preflight(product, STAGING) == STAGING
    assert reads.call_count == 2


async def test_during_an_outage_the_front_ends_stay_known(
    product: Product, mocker: MockerFixture
) -> None:
    await add(product)
    assert await preflight(product, STAGING) == STAGING
    mocker.patch.object(MemoryFrontEndDirectory, "list_all", side_effect=UnavailableError)
    product.clock.advance(timedelta(minutes=1))

    assert await preflight(product, "http://unknown.localhost") is None
    assert await preflight(product, STAGING) == STAGING


async def test_a_service_with_its_own_pages_serves_other_front_ends_too() -> None:
    url = "http://localhost:8000"
    async with running_product(
        public_url=url, frontend_url=url, session_delivery="cookie"
    ) as product:
        assert await preflight(product, "http://unknown.localhost") is None
        product.clock.advance(timedelta(seconds=1))
        browser, _ = await both_signed_in(product)
        assert await preflight(product, STAGING) == STAGING
        assert await preflight(product, url) is None
        for path in (SESSIONS, "/sessions"):
            listed = await browser.get(path, headers={"Accept-Language": "en"})
            assert "localhost:8000" in listed.text
        # A page of another front end gets no page of ours, and can't act on it.
        told = (await browser.get("/sessions", headers=page(STAGING))).text
        assert "Tamara" not in told
        assert "Janet" not in told
        before = product.store.committed.sessions.copy()
        answer = await browser.post("/sign-out-everywhere", headers=page(STAGING))
        assert answer.status_code == 403
        assert product.store.committed.sessions == before


# Limits.


async def test_a_front_ends_limits_are_those_of_its_sessions(product: Product) -> None:
    idle, absolute = timedelta(minutes=5), timedelta(minutes=12)
    front_end = await add(product, idle=idle, absolute=absolute)
    browser = product.browser()
    await browser.sign_in(front_end=front_end.id)
    began = product.clock.now()
    headers = page(STAGING)

    (session,) = product.sessions
    assert session.expires_at == began + idle
    assert session.absolute_expires_at == began + absolute
    shown = (await browser.get(SESSION, headers=headers)).json()
    # The usual two minutes before the end.
    assert shown["warn_at"] == "2026-01-20T17:33:00Z"

    for minutes in (4, 4):
        product.clock.advance(timedelta(minutes=minutes))
        renewed = (await browser.post(RENEW, headers=headers)).json()
    assert renewed["idle_expires_at"] == renewed["absolute_expires_at"]
    product.clock.advance(timedelta(minutes=4))
    answer = await browser.post(RENEW, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")


async def test_a_changed_limit_counts_from_the_next_renewal_on(product: Product) -> None:
    front_end = await add(product)
    browser = product.browser()
    await browser.sign_in(front_end=front_end.id)
    command = ChangeFrontEndCommand(
        front_end_id=front_end.id, reason="shorter", idle=timedelta(minutes=3)
    )
    await product.container.change_front_end().execute(command)
    await product.container.front_end_roster().refresh()
    answer = await browser.post(RENEW, headers=page(STAGING))

    assert answer.json()["idle_expires_at"] == "2026-01-20T17:33:00Z"
    # Half of the limit, instead of the usual two minutes.
    shown = await browser.get(SESSION, headers=page(STAGING))
    warnings = {each.json()["warn_at"] for each in (answer, shown)}
    assert warnings == {"2026-01-20T17:31:30Z"}
    bearer = {"Authorization": f"Bearer {value_in(browser, session_cookie(front_end))}"}
    assert (await browser.get(SESSION, headers=bearer)).json() == shown.json()


async def test_a_session_of_a_disabled_front_end_is_not_renewed(product: Product) -> None:
    front_end = await add(product, delivery=SessionDelivery.QUERY)
    signed_in = await product.browser().sign_in(front_end=front_end.id)
    (refresh,) = signed_in.browser.cookies("refresh").values()
    await disable(product, front_end)
    answer = await product.browser().post(RENEW, json={"refresh_token": refresh})

    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    assert product.audit[-1].data["reason"] == "front_end_disabled"
    await rejected(await signed_in.browser.get(SESSION, headers=signed_in.headers))


# What the Veteran sees.


async def test_a_veteran_sees_from_where_each_session_was_opened(product: Product) -> None:
    front_end = await add(product)
    browser = product.browser()
    for which in (None, front_end.id):
        await browser.sign_in(front_end=which)
        product.clock.advance(timedelta(seconds=1))

    listed = (await browser.get(SESSIONS, headers=page(STAGING))).json()["sessions"]
    assert [each["front_end"] for each in listed] == ["Site 5173", "localhost:3000"]
    history = (await browser.get("/api/v1/history", headers=page(STAGING))).json()["events"]
    told = [each["summary"] for each in history if each["type"] == "login"]
    assert told == ["You signed in with VA.gov, from Site 5173.", "You signed in with VA.gov."]


async def test_the_origins_of_front_ends_are_compared_as_browsers_write_them(
    product: Product,
) -> None:
    front_end = await add(product)
    browser = product.browser()
    await browser.sign_in(front_end=front_end.id)
    for first, second in pairwise((STAGING, "HTTP://LocalHost:5173", "http://localhost.:5173")):
        for origin in (first, second):
            assert (await browser.get(SESSION, headers=page(origin))).status_code == 200


async def test_an_app_signs_in_only_at_a_front_end_with_codes() -> None:
    challenge = {
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    async with running_product(session_delivery="code", app_sign_in="true") as product:
        by_cookie = await add(product)
        by_code = await add(product, SECOND, SessionDelivery.CODE)
        for front_end, is_app in ((by_cookie, False), (by_code, True)):
            await product.browser().get(
                "/api/v1/va/login", params=challenge | {"front_end": str(front_end.id)}
            )
            (attempt,) = [
                each
                for each in product.store.committed.login_attempts.values()
                if each.front_end == front_end.id
            ]
            assert (attempt.app_challenge is not None) is is_app
