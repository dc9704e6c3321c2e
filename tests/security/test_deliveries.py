"""How a session gets from the callback to the front end, and the cookies on the way."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import httpx
import pytest

from domain.audit_event import AuditEventType
from domain.revocation import RevokedBy
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
from tests.security.strangers import but_for_strangers
from tests.support.builders import LIMITS, NOW
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import running
from tests.support.product import FRONT_END_URL, SERVICE_URL, Product, running_product

HTTPS: Final = "https://vetassist.example"
JWT: Final = re.compile(r"[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{43}")
EXPIRES: Final = quote("2026-01-20T18:00:00Z", safe="")
SECOND: Final = timedelta(seconds=1)


@pytest.fixture(params=[SERVICE_URL, HTTPS], ids=["http", "https"])
def public_url(request: pytest.FixtureRequest) -> str:
    url: str = request.param
    return url


@pytest.fixture
async def by_code(public_url: str) -> AsyncIterator[Product]:
    async with running_product(public_url=public_url, session_delivery="code") as product:
        yield product


@pytest.fixture
async def by_cookie(public_url: str) -> AsyncIterator[Product]:
    async with running_product(public_url=public_url, session_delivery="cookie") as product:
        yield product


async def a_callback(product: Product, return_to: str | None = None) -> httpx.Response:
    """The answer to a sign-in that succeeded."""
    browser = product.browser()
    answer = await browser.get(await browser.begin(return_to=return_to))
    assert answer.status_code == 303
    assert answer.content == b""
    return answer


async def show(product: Product, **headers: str) -> httpx.Response:
    return await product.browser().get("/api/v1/session", headers=headers)


# What the redirect holds.


@pytest.mark.parametrize(("delivery", "separator"), [("query", "?"), ("fragment", "#")])
@pytest.mark.parametrize("return_to", [None, "/claims?id=7&x=a b#part"])
async def test_query_and_fragment_carry_the_token_its_end_and_the_way_back(
    delivery: str, separator: str, return_to: str | None
) -> None:
    async with running_product(session_delivery=delivery) as product:
        wanted = None if return_to is None else return_to.replace(" ", "%20")
        answer = await a_callback(product, wanted)
        before, token, rest = re.split(r"token=([^&]*)", answer.headers["location"], maxsplit=1)

        assert before == f"{FRONT_END_URL}/va-success{separator}"
        assert JWT.fullmatch(token)
        way_back = "" if wanted is None else f"&return_to={quote(wanted, safe='')}"
        assert rest == f"&expires={EXPIRES}{way_back}"
        assert (await show(product, Authorization=f"Bearer {token}")).status_code == 200
        assert set(cookies_of(answer)) >= {"vetassist_refresh"}
        assert "vetassist_session" not in cookies_of(answer)


async def test_code_carries_a_one_time_code_and_nothing_that_admits(by_code: Product) -> None:
    answer = await a_callback(by_code, "/claims")
    location = answer.headers["location"]

    assert re.fullmatch(
        re.escape(f"{by_code.settings.frontend_url}/va-success?code=")
        + r"[A-Za-z0-9_-]{43}"
        + re.escape(f"&return_to={quote('/claims', safe='')}"),
        location,
    )
    names, cookies = Names.of(by_code), cookies_of(answer)
    assert not {names.session, names.refresh} & set(cookies)
    assert not JWT.search(str(answer.headers))
    # Whoever sees the URL lacks the other half.
    code = urlsplit(location).query.removeprefix("code=").partition("&")[0]
    assert cookies[names.handoff].value not in {"", code}


async def test_cookie_carries_the_end_in_the_url_and_the_session_in_a_cookie(
    by_cookie: Product,
) -> None:
    answer = await a_callback(by_cookie)

    assert answer.headers["location"] == (
        f"{by_cookie.settings.frontend_url}/va-success?expires={EXPIRES}"
    )
    session = cookies_of(answer)[Names.of(by_cookie).session].value
    assert JWT.fullmatch(session)
    shown = await show(by_cookie, Cookie=f"{Names.of(by_cookie).session}={session}")
    assert shown.status_code == 200


@pytest.mark.parametrize("delivery", ["query", "fragment", "code", "cookie"])
async def test_what_the_redirect_holds_is_shown_to_no_third_party(delivery: str) -> None:
    async with running_product(session_delivery=delivery) as product:
        answer = await a_callback(product)

        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("delivery", ["query", "fragment", "code", "cookie"])
async def test_a_sign_in_that_fails_hands_nothing_over(delivery: str) -> None:
    async with running_product(session_delivery=delivery) as product:
        answer = await product.browser().attempt("decline")

        assert answer.headers["location"] == f"{FRONT_END_URL}/va-error?error=access_denied"
        assert not [cookie for cookie in cookies_of(answer).values() if cookie.value]


@pytest.mark.parametrize("delivery", ["query", "fragment", "code"])
async def test_the_session_cookie_is_no_credential_where_none_is_delivered(delivery: str) -> None:
    async with (
        running_product(session_delivery="cookie") as product,
        running_product(
            session_delivery=delivery,
            jwt_secret=product.settings.jwt_secret.reveal(),
        ) as other,
    ):
        browser = await signed_in_by_cookie(product)
        token = value_in(browser, "vetassist_session")
        other.store.committed = product.store.committed

        assert (await show(other, Authorization=f"Bearer {token}")).status_code == 200
        assert (await show(other, Cookie=f"vetassist_session={token}")).status_code == 401


# What the cookies are.


def expected_attributes(*, is_https: bool, **attributes: object) -> dict[str, object]:
    secure: dict[str, object] = {"secure": True} if is_https else {}
    return {"httponly": True, **secure, **attributes}


@pytest.mark.case(68)
async def test_the_session_cookie_has_every_attribute_that_protects_it(
    by_cookie: Product,
) -> None:
    names = Names.of(by_cookie)
    cookie = cookies_of(await a_callback(by_cookie))[names.session]

    # Lax, so that links into the front end work. Without a domain it stays on its host.
    assert attributes_of(cookie) == expected_attributes(
        is_https=names.is_https, path="/", samesite="lax", **{"max-age": "1800"}
    )


@pytest.mark.case(68)
@pytest.mark.parametrize("delivery", ["query", "fragment", "cookie"])
async def test_the_refresh_cookie_goes_to_the_renewal_and_the_sign_out_alone(
    public_url: str, delivery: str
) -> None:
    async with running_product(public_url=public_url, session_delivery=delivery) as product:
        names = Names.of(product)
        cookie = cookies_of(await a_callback(product))[names.refresh]

        assert attributes_of(cookie) == expected_attributes(
            is_https=names.is_https,
            path="/api/v1/session",
            samesite="strict",
            **{"max-age": "43200"},
        )


@pytest.mark.case(68)
async def test_the_handoff_cookie_goes_nowhere_but_to_the_redemption(
    by_code: Product,
) -> None:
    names = Names.of(by_code)
    cookie = cookies_of(await a_callback(by_code))[names.handoff]

    assert attributes_of(cookie) == expected_attributes(
        is_https=names.is_https, path=REDEEM, samesite="strict", **{"max-age": "60"}
    )


@pytest.mark.case(68)
async def test_a_renewal_sets_both_cookies_as_protected_as_before(
    by_cookie: Product,
) -> None:
    names, browser = Names.of(by_cookie), await signed_in_by_cookie(by_cookie)
    by_cookie.clock.advance(timedelta(minutes=29))
    cookies = cookies_of(await browser.post(RENEW, headers=OUR_PAGE))

    assert set(cookies) == {names.session, names.refresh}
    assert attributes_of(cookies[names.session]) == expected_attributes(
        is_https=names.is_https, path="/", samesite="lax", **{"max-age": "1800"}
    )
    left = int((LIMITS.absolute - timedelta(minutes=29)).total_seconds())
    assert attributes_of(cookies[names.refresh]) == expected_attributes(
        is_https=names.is_https, path="/api/v1/session", samesite="strict", **{"max-age": str(left)}
    )


@pytest.mark.case(68)
async def test_a_redemption_sets_the_refresh_cookie_and_takes_the_mark_back(
    by_code: Product,
) -> None:
    names, browser = Names.of(by_code), by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    cookies = cookies_of(await browser.post(REDEEM, json={"code": code}, headers=OUR_PAGE))

    assert set(cookies) == {names.refresh, names.handoff}
    assert attributes_of(cookies[names.refresh]) == expected_attributes(
        is_https=names.is_https, path="/api/v1/session", samesite="strict", **{"max-age": "43200"}
    )
    gone = attributes_of(cookies[names.handoff])
    assert (cookies[names.handoff].value, gone["max-age"], gone["path"]) == ("", "0", REDEEM)


# Case 69: fixation.


@pytest.mark.case(69)
async def test_a_planted_session_is_replaced_at_sign_in_and_ended(
    by_cookie: Product,
) -> None:
    name, attacker = Names.of(by_cookie).session, await signed_in_by_cookie(by_cookie)
    planted = value_in(attacker, name)
    (theirs,) = by_cookie.sessions

    victim = by_cookie.browser()
    callback = await victim.begin("janet-moore")
    kept = f"{name}={planted}; {victim.cookie_header}"
    answer = await victim.get(callback, headers={"Cookie": kept})

    assert urlsplit(answer.headers["location"]).path == "/va-success"
    assert value_in(victim, name) != planted
    assert (await show(by_cookie, Cookie=f"{name}={planted}")).status_code == 401
    ended = by_cookie.store.committed.sessions[theirs.id].revocation
    assert ended is not None
    assert (ended.by, ended.reason) == (RevokedBy.USER, "replaced_by_login")
    assert [
        (event.user_id, event.data)
        for event in by_cookie.audit
        if event.type is AuditEventType.SESSION_REVOKED
    ] == [(theirs.user_id, {"session_id": str(theirs.id), "reason": "replaced_by_login"})]
    shown = (await victim.get("/api/v1/session")).json()
    assert shown["user_id"] != str(theirs.user_id)


@pytest.mark.case(69)
async def test_signing_in_again_leaves_no_way_back_into_the_old_session(
    by_cookie: Product,
) -> None:
    names, browser = Names.of(by_cookie), await signed_in_by_cookie(by_cookie)
    old = {name: value_in(browser, name) for name in (names.session, names.refresh)}
    await browser.sign_in()

    for name, value in old.items():
        assert value_in(browser, name) != value
    shown = await show(by_cookie, Cookie=f"{names.session}={old[names.session]}")
    assert shown.status_code == 401
    renewed = await by_cookie.browser().post(RENEW, json={"refresh_token": old[names.refresh]})
    assert renewed.json()["code"] == "session_ended"
    assert (await browser.get("/api/v1/session")).status_code == 200


@pytest.mark.case(69)
@pytest.mark.parametrize("planted", ["x", "e30.e30.c2ln", "A" * 4000, "%00", '"'])
async def test_planted_junk_is_replaced_too(by_cookie: Product, planted: str) -> None:
    name, victim = Names.of(by_cookie).session, by_cookie.browser()
    callback = await victim.begin()
    kept = f"{name}={planted}; {victim.cookie_header}"
    answer = await victim.get(callback, headers={"Cookie": kept})

    assert JWT.fullmatch(cookies_of(answer)[name].value)
    assert (await victim.get("/api/v1/session")).status_code == 200


@pytest.mark.case(69)
async def test_a_code_of_the_attackers_own_signs_nobody_in(by_code: Product) -> None:
    attacker, victim = by_code.browser(), by_code.browser()
    theirs = (await attacker.sign_in()).parameters["code"]
    mine = (await victim.sign_in("janet-moore")).parameters["code"]

    tricked = await victim.post(REDEEM, json={"code": theirs}, headers=OUR_PAGE)
    assert tricked.status_code == 401
    assert tricked.json()["code"] == "invalid_token"
    # Neither code is spoiled by it.
    for browser, code in ((victim, mine), (attacker, theirs)):
        answer = await browser.post(REDEEM, json={"code": code}, headers=OUR_PAGE)
        assert answer.status_code == 200


# Case 70: what is not exactly one good cookie is none.


def spoilt(value: str) -> list[str]:
    """Values that are no longer the one that was set."""
    middle = len(value) // 2
    other = "A" if value[middle] != "A" else "B"
    return [
        "",
        value[:-1],
        value[1:],
        value + "A",
        value + "=",
        f'"{value}"',
        value[:middle] + other + value[middle + 1 :],
        value.swapcase(),
        value + "A" * 65_536,
        "A" * 65_536,
        "\xff" * 43,
        "%00",
    ]


def spoilt_headers(name: str, value: str) -> list[list[tuple[str, bytes]]]:
    """Cookie headers that hold something else than the one good cookie."""
    lines = [
        *([f"{name}={each}"] for each in spoilt(value)),
        [f"{name}={value}; {name}={value}"],
        [f"{name}=x; {name}={value}"],
        [f"{name}={value}; {name}=x"],
        [f"{name}={value}; {name}="],
        [f"{name}={value}", f"{name}={value}"],
        [f"{name.upper()}={value}"],
        [f"{name} {value}"],
        [f"x{name}={value}"],
    ]
    return [[("Cookie", line.encode("latin-1")) for line in each] for each in lines]


@pytest.mark.case(70)
async def test_a_session_cookie_that_is_not_the_one_is_refused(by_cookie: Product) -> None:
    name = Names.of(by_cookie).session
    value = value_in(await signed_in_by_cookie(by_cookie), name)
    stranger = by_cookie.browser()
    for headers in spoilt_headers(name, value):
        answer = await stranger.get("/api/v1/session", headers=headers)
        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"].startswith("Bearer ")

    # The same way it is accepted, so it is not the way that was refused.
    assert (await show(by_cookie, Cookie=f"a=b; {name}={value}; c=d")).status_code == 200


@pytest.mark.case(70)
async def test_a_refresh_cookie_that_is_not_the_one_changes_nothing(
    by_cookie: Product,
) -> None:
    name = Names.of(by_cookie).refresh
    value = value_in(await signed_in_by_cookie(by_cookie), name)
    before, stranger = but_for_strangers(by_cookie), by_cookie.browser()
    for headers in spoilt_headers(name, value):
        answer = await stranger.post(RENEW, headers=[*headers, *OUR_PAGE.items()])
        assert answer.status_code == 401, headers
        assert answer.json()["code"] == "invalid_token"
    assert but_for_strangers(by_cookie) == before

    good = {"Cookie": f"{name}={value}", **OUR_PAGE}
    assert (await stranger.post(RENEW, headers=good)).status_code == 200


@pytest.mark.case(70)
async def test_a_handoff_cookie_that_is_not_the_one_redeems_nothing(
    by_code: Product,
) -> None:
    name, browser = Names.of(by_code).handoff, by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    value = value_in(browser, name)
    stranger = by_code.browser()
    for headers in spoilt_headers(name, value):
        answer = await stranger.post(
            REDEEM, json={"code": code}, headers=[*headers, *OUR_PAGE.items()]
        )
        assert answer.status_code == 401, headers

    good = {"Cookie": f"{name}={value}", **OUR_PAGE}
    assert (await stranger.post(REDEEM, json={"code": code}, headers=good)).status_code == 200


@pytest.mark.case(70)
async def test_a_spoilt_authorization_is_not_made_good_by_a_cookie(
    by_cookie: Product,
) -> None:
    name = Names.of(by_cookie).session
    cookie = f"{name}={value_in(await signed_in_by_cookie(by_cookie), name)}"

    assert (await show(by_cookie, Cookie=cookie)).status_code == 200
    for authorization in ("Bearer x", "Basic YTpi", "Bearer", "x"):
        shown = await show(by_cookie, Cookie=cookie, Authorization=authorization)
        assert shown.status_code == 401


# Case 71: what log-out takes back.


@pytest.mark.case(71)
@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/sessions", "/api/v1/sessions/{own}"])
async def test_logging_out_takes_both_cookies_back(by_cookie: Product, path: str) -> None:
    names, browser = Names.of(by_cookie), await signed_in_by_cookie(by_cookie)
    (own,) = by_cookie.sessions
    answer = await browser.delete(path.format(own=own.id), headers=OUR_PAGE)
    cleared = cookies_of(answer)

    assert answer.status_code == 204
    assert set(cleared) == {names.session, names.refresh}
    for name, at in ((names.session, "/"), (names.refresh, "/api/v1/session")):
        said = attributes_of(cleared[name])
        assert (cleared[name].value, said["max-age"], said["path"]) == ("", "0", at)
        # Without them a browser would not let go of a cookie with such a name.
        assert said.get("secure", False) is names.is_https
        assert said["httponly"] is True
    # What is left only says that this browser began a sign-in.
    assert all("_began_" in cookie.name for cookie in browser.http.cookies.jar)


@pytest.mark.case(71)
async def test_ending_other_sessions_takes_nothing_back(by_cookie: Product) -> None:
    elsewhere = await signed_in_by_cookie(by_cookie)
    other = (await elsewhere.get("/api/v1/session")).json()["session_id"]
    browser = await signed_in_by_cookie(by_cookie)
    for path in (f"/api/v1/sessions/{other}", "/api/v1/sessions?except=current"):
        answer = await browser.delete(path, headers=OUR_PAGE)
        assert answer.status_code == 204
        assert cookies_of(answer) == {}

    assert (await browser.get("/api/v1/session")).status_code == 200
    assert (await elsewhere.get("/api/v1/session")).status_code == 401


# Redeeming a code.


async def test_a_code_is_worth_the_session_of_its_sign_in_once(by_code: Product) -> None:
    browser = by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    (session,) = by_code.sessions
    handoff = f"{Names.of(by_code).handoff}={value_in(browser, Names.of(by_code).handoff)}"
    answer = await browser.post(REDEEM, json={"code": code}, headers=OUR_PAGE)
    body = answer.json()

    assert answer.status_code == 200
    assert body["session_id"] == str(session.id)
    assert "refresh_token" not in body
    token = body["token"]
    assert (await show(by_code, Authorization=f"Bearer {token}")).json()["session_id"] == str(
        session.id
    )
    renewed = await browser.post(RENEW, headers=OUR_PAGE)
    assert renewed.status_code == 200

    again = await browser.post(REDEEM, json={"code": code}, headers={"Cookie": handoff, **OUR_PAGE})
    assert (again.status_code, again.json()["code"]) == (401, "invalid_token")
    refusals = [
        event for event in by_code.audit if event.type is AuditEventType.SESSION_REDEEM_REFUSED
    ]
    assert len(refusals) == 1
    assert (await show(by_code, Authorization=f"Bearer {token}")).status_code == 200


async def test_an_api_client_gets_the_refresh_token_in_the_body_on_request(
    by_code: Product,
) -> None:
    names, browser = Names.of(by_code), by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    answer = await browser.post(REDEEM, json={"code": code, "refresh": "body"}, headers=OUR_PAGE)

    assert set(cookies_of(answer)) == {names.handoff}
    refresh = answer.json()["refresh_token"]
    renewed = await by_code.browser().post(RENEW, json={"refresh_token": refresh})
    assert renewed.status_code == 200
    assert renewed.json()["refresh_token"] != refresh


@pytest.mark.parametrize(
    ("after", "status"),
    [(timedelta(), 200), (59 * SECOND, 200), (60 * SECOND, 401), (61 * SECOND, 401)],
)
async def test_a_code_is_in_time_for_a_minute(
    by_code: Product, after: timedelta, status: int
) -> None:
    browser = by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    # A browser would have let go of its cookie by then; one that did not is refused as well.
    kept = f"{Names.of(by_code).handoff}={value_in(browser, Names.of(by_code).handoff)}"
    by_code.clock.advance(after)
    answer = await by_code.browser().post(
        REDEEM, json={"code": code}, headers={"Cookie": kept, **OUR_PAGE}
    )

    assert answer.status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": None},
        {"code": 7},
        {"code": ["x"]},
        {"code": "x", "refresh": "both"},
        {"code": "x", "refresh": None},
        {"code": "x", "more": "y"},
        {"code": "é"},
        {"code": "x\x00"},
    ],
)
async def test_a_redemption_of_another_form_is_refused_and_uses_nothing_up(
    by_code: Product, body: dict[str, object]
) -> None:
    browser = by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    before = by_code.store.committed.copy()

    assert (await browser.post(REDEEM, json=body, headers=OUR_PAGE)).status_code == 400
    assert by_code.store.committed == before
    answer = await browser.post(REDEEM, json={"code": code}, headers=OUR_PAGE)
    assert answer.status_code == 200


async def test_the_end_that_is_told_is_the_tokens_own(by_cookie: Product) -> None:
    browser = by_cookie.browser()
    told = (await browser.sign_in()).parameters["expires"]

    assert datetime.fromisoformat(told) == NOW + LIMITS.token
    shown = (await browser.get("/api/v1/session")).json()
    assert shown["expires_at"] == told


# What an operator is told.


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("url", "delivery", "warnings"),
    [
        (HTTPS, "query", 1),
        (HTTPS, "code", 0),
        ("http://localhost:8000", "query", 0),
    ],
)
def test_serve_warns_once_where_the_token_goes_into_a_url_over_https(
    database_url: str, tmp_path: Path, url: str, delivery: str, warnings: int
) -> None:
    environment = (
        plain_environment()
        | required_settings(database_url)
        | {"VETASSIST_PUBLIC_URL": url, "VETASSIST_SESSION_DELIVERY": delivery}
    )
    with running(
        "serve", environment=environment, log=tmp_path / "log", ready="/healthz"
    ) as service:
        assert service.logged().count("VETASSIST_SESSION_DELIVERY=query") == warnings
