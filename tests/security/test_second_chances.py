"""Cases 11 and 12, and what they mean for a person: double clicks, Back, and long ways to VA.

A browser gets a second chance where an attempt is used or too old. Nobody else does, and nothing
goes round in circles.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.postgres.pool import Pool
from domain.audit_event import AuditEventType
from domain.session import Session
from tests.security.cookies import OUR_PAGE, REDEEM, RENEW, Names, cookies_of
from tests.security.denials import LOGIN_EXPIRED, parameters_of
from tests.support.databases import rows_of
from tests.support.product import CALLBACK, Browser, Product, SignedIn, running_product

DESTINATION: Final = "/claims/new?step=2"
DELIVERIES: Final = ["query", "fragment", "code", "cookie"]
SECOND: Final = timedelta(seconds=1)


@asynccontextmanager
async def delivering(delivery: str, **settings: Any) -> AsyncIterator[Product]:
    async with running_product(session_delivery=delivery, **settings) as product:
        yield product


async def lost(product: Product, browser: Browser, callback: str) -> httpx.Response:
    """The browser sends the callback, and cancels it before the answer arrives."""
    headers = {"Cookie": browser.cookie_header}
    return await product.browser().get(callback, headers=headers)


async def goes_on(browser: Browser, answer: httpx.Response) -> str:
    """The browser is sent to VA again, and back; returns the callback, not visited yet."""
    assert answer.status_code == 303
    assert urlsplit(answer.headers["location"]).path.endswith("/authorization")
    return await browser.consent(answer.headers["location"])


def assert_expired(answer: httpx.Response, return_to: str | None = DESTINATION) -> None:
    assert urlsplit(answer.headers["location"]).path == "/va-error"
    told = {"error": LOGIN_EXPIRED} | ({} if return_to is None else {"return_to": return_to})
    assert parameters_of(answer) == told


def standing(product: Product) -> Sequence[Session]:
    return [session for session in product.sessions if session.is_active(product.clock.now())]


def types(product: Product) -> list[AuditEventType]:
    return [event.type for event in product.store.committed.audit]


async def token_of(product: Product, signed_in: SignedIn) -> str:
    """The JWT that the front end gets in the end."""
    if "token" in signed_in.parameters:
        return signed_in.token
    browser = signed_in.browser
    if "code" in signed_in.parameters:
        body = {"code": signed_in.parameters["code"]}
        token: str = (await browser.post(REDEEM, json=body, headers=OUR_PAGE)).json()["token"]
        return token
    return browser.cookies("_session")[Names.of(product).session]


async def is_valid(product: Product, token: str) -> bool:
    bearer = {"Authorization": f"Bearer {token}"}
    shown = await product.browser().get("/api/v1/session", headers=bearer)
    return shown.status_code == 200


# The browser cancels the callback and sends it again.


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_double_click_ends_signed_in_once_with_the_destination(delivery: str) -> None:
    async with delivering(delivery) as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        await lost(product, browser, callback)
        (orphan,) = standing(product)

        again = await goes_on(browser, await browser.get(callback))
        signed_in = SignedIn.of(browser, await browser.get(again))

        assert signed_in.parameters["return_to"] == DESTINATION
        assert await is_valid(product, await token_of(product, signed_in))
        (kept,) = standing(product)
        assert kept.id != orphan.id
        ended = product.store.committed.sessions[orphan.id].revocation
        assert ended is not None
        assert ended.reason == "answer_lost"
        # One trail for each attempt: how it began, and how it ended.
        assert types(product) == [
            AuditEventType.LOGIN_STARTED,
            AuditEventType.VA_LINKED,
            AuditEventType.LOGIN,
            AuditEventType.LOGIN_RESTARTED,
            AuditEventType.SESSION_REVOKED,
            AuditEventType.LOGIN,
            *([AuditEventType.SESSION_REDEEMED] if delivery == "code" else []),
        ]


@pytest.mark.parametrize("clicks", [2, 5])
async def test_a_person_who_clicks_often_gets_there_too(clicks: int) -> None:
    async with delivering("query") as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        for _ in range(clicks):
            await lost(product, browser, callback)

        again = await goes_on(browser, await browser.get(callback))
        SignedIn.of(browser, await browser.get(again))
        assert len(standing(product)) == 1


async def test_what_is_cancelled_during_the_exchange_starts_again() -> None:
    """`browser_gone` used the attempt up."""
    async with delivering("query") as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        product.faults(token={"answer": 500, "times": 1})
        await lost(product, browser, callback)

        again = await goes_on(browser, await browser.get(callback))
        assert SignedIn.of(browser, await browser.get(again)).parameters["return_to"] == DESTINATION


async def test_a_session_whose_answer_was_lost_ends_by_the_next_sign_in_of_any_kind() -> None:
    """The person gives up on the callback, and follows the link to sign in."""
    async with delivering("query") as product:
        browser = product.browser()
        await lost(product, browser, await browser.begin())
        product.clock.advance(SECOND)
        signed_in = await browser.sign_in()

        (kept,) = standing(product)
        assert await is_valid(product, signed_in.token)
        assert len(product.sessions) == 2
        assert kept in product.sessions


async def test_a_session_that_was_received_outlives_a_second_sign_in() -> None:
    async with delivering("query") as product:
        browser = product.browser()
        first = await browser.sign_in()
        product.clock.advance(SECOND)
        await browser.sign_in()

        assert await is_valid(product, first.token)
        assert len(standing(product)) == 2


@pytest.mark.case(6)
async def test_two_tabs_at_the_same_time_both_keep_their_sessions() -> None:
    async with delivering("query") as product:
        browser = product.browser()
        callbacks = [await browser.begin(), await browser.begin()]
        headers = {"Cookie": browser.cookie_header}
        product.clock.advance(SECOND)

        answers = await asyncio.gather(*(browser.get(each, headers=headers) for each in callbacks))

        for answer in answers:
            assert await is_valid(product, SignedIn.of(browser, answer).token)


async def test_a_code_that_is_never_redeemed_leaves_no_session() -> None:
    async with delivering("code") as product:
        browser = product.browser()
        await lost(product, browser, await browser.begin())
        product.clock.advance(timedelta(seconds=61))
        await product.container.purge_expired().execute()

        assert standing(product) == []


# Nobody else, and no circles.


@pytest.mark.case(13)
async def test_nobody_else_gets_a_second_chance() -> None:
    """An attacker who knows a used callback can't send anybody anywhere by it."""
    async with delivering("query") as product:
        victim = product.browser()
        callback = await product.browser().begin(return_to=DESTINATION)
        for _ in range(2):
            assert_expired(await victim.get(callback), None)
        await victim.begin()
        assert_expired(await victim.get(callback), None)

        assert AuditEventType.LOGIN_RESTARTED not in types(product)


@pytest.mark.case(13)
async def test_copied_notes_of_another_attempt_are_worth_nothing() -> None:
    async with delivering("query") as product:
        attacker, victim = product.browser(), product.browser()
        callback = await attacker.begin(return_to=DESTINATION)
        await victim.begin()
        (text,) = victim.cookies("_began_").values()
        (name,) = attacker.cookies("_began_")

        answer = await victim.get(callback, headers={"Cookie": f"{name}={text}"})
        assert_expired(answer, None)


async def test_the_second_time_in_a_row_it_ends_on_the_page() -> None:
    async with delivering("query") as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        await lost(product, browser, callback)
        again = await goes_on(browser, await browser.get(callback))
        await lost(product, browser, again)
        assert_expired(await browser.get(again))
        assert_expired(await browser.get(callback))

        # By the way on that the page offers, everything is well.
        product.clock.advance(SECOND)
        signed_in = await browser.sign_in(return_to=DESTINATION)
        assert await is_valid(product, signed_in.token)
        assert len(standing(product)) == 1


async def test_a_provider_that_repeats_an_old_state_makes_no_circle() -> None:
    async with delivering("query") as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        await browser.get(callback)
        await goes_on(browser, await browser.get(callback))

        for _ in range(3):
            assert_expired(await browser.get(callback))
        assert types(product).count(AuditEventType.LOGIN_RESTARTED) == 1


async def test_a_browser_without_cookies_makes_no_circle() -> None:
    async with delivering("query") as product:
        callback = await product.browser().begin(return_to=DESTINATION)

        for _ in range(3):
            assert_expired(await product.browser().get(callback), None)


@pytest.mark.case(11)
@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_replay_never_hands_a_session_over(delivery: str) -> None:
    """Somebody copied the callback and every cookie of the browser."""
    async with delivering(delivery) as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        copied = browser.cookie_header
        await browser.get(callback)
        opened = len(product.sessions)

        for _ in range(3):
            answer = await product.browser().get(callback, headers={"Cookie": copied})
            assert urlsplit(answer.headers["location"]).path.endswith("/authorization")
            assert all("_login_" in name or "_began_" in name for name in cookies_of(answer))
        assert len(product.sessions) == opened


# Signed in already.


async def test_back_and_a_restored_tab_find_the_session_that_stands() -> None:
    async with delivering("cookie") as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        first = SignedIn.of(browser, await browser.get(callback))
        product.clock.advance(timedelta(minutes=5))
        again = await browser.get(callback)

        assert again.headers["location"] == first.location
        assert Names.of(product).session not in cookies_of(again)
        assert len(product.sessions) == 1
        assert (await browser.get("/api/v1/session")).status_code == 200
        assert types(product)[-1] is AuditEventType.LOGIN_REPEATED
        assert product.sandbox.counters.requests["token"] == 1


async def test_a_restored_tab_finds_the_session_long_after_the_attempt_is_forgotten() -> None:
    async with delivering("cookie", session_idle_minutes=300, jwt_expiry_minutes=300) as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        first = SignedIn.of(browser, await browser.get(callback))
        product.clock.advance(timedelta(hours=4))
        await product.container.purge_expired().execute()
        assert not product.store.committed.login_attempts

        assert (await browser.get(callback)).headers["location"] == first.location


async def test_after_a_renewal_it_says_when_the_session_ends_now() -> None:
    async with delivering("cookie") as product:
        browser = product.browser()
        callback = await browser.begin()
        first = SignedIn.of(browser, await browser.get(callback))
        product.clock.advance(timedelta(minutes=20))
        assert (await browser.post(RENEW, headers=OUR_PAGE)).status_code == 200
        again = SignedIn.of(browser, await browser.get(callback))

        assert again.parameters["expires"] > first.parameters["expires"]


async def test_who_has_signed_out_signs_in_again() -> None:
    async with delivering("cookie") as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        await browser.get(callback)
        await browser.delete("/api/v1/session", headers=OUR_PAGE)

        again = await goes_on(browser, await browser.get(callback))
        assert SignedIn.of(browser, await browser.get(again)).parameters["return_to"] == DESTINATION


async def test_the_page_says_signed_in_only_if_the_database_says_so() -> None:
    async with delivering("cookie") as product:
        browser = product.browser()
        callback = await browser.begin()
        await browser.get(callback)
        kept = browser.cookie_header
        await browser.delete("/api/v1/sessions", headers=OUR_PAGE)

        answer = await product.browser().get(callback, headers={"Cookie": kept})
        assert urlsplit(answer.headers["location"]).path.endswith("/authorization")


# Too many attempts, and long ways.


@pytest.mark.parametrize("more", [7, 8, 12])
async def test_of_too_many_attempts_only_the_oldest_ones_start_again(more: int) -> None:
    async with delivering("query") as product:
        browser = product.browser()
        callbacks = [await browser.begin(return_to=f"/{n}") for n in range(more + 1)]
        pushed_out = max(0, more - 7)

        for number, callback in enumerate(callbacks):
            answer = await browser.get(callback)
            if number < pushed_out:
                answer = await browser.get(await goes_on(browser, answer))
            assert SignedIn.of(browser, answer).parameters["return_to"] == f"/{number}"


@pytest.mark.parametrize("minutes", [15, 20, 59])
async def test_proving_ones_identity_at_va_may_take_long(minutes: int) -> None:
    async with delivering("query") as product:
        browser = product.browser()
        started = await browser.start(DESTINATION)
        product.clock.advance(timedelta(minutes=minutes))
        callback = await browser.consent(started.headers["location"])

        signed_in = SignedIn.of(browser, await browser.get(callback))
        assert signed_in.parameters["return_to"] == DESTINATION


@pytest.mark.parametrize("hours", [1, 3, 20])
async def test_what_takes_even_longer_starts_again_by_itself(hours: int) -> None:
    async with delivering("query") as product:
        browser = product.browser()
        started = await browser.start(DESTINATION)
        product.clock.advance(timedelta(hours=hours))
        # Somebody else's sign-in, which removes old attempts.
        await product.browser().begin()
        callback = await browser.consent(started.headers["location"])

        again = await goes_on(browser, await browser.get(callback))
        assert SignedIn.of(browser, await browser.get(again)).parameters["return_to"] == DESTINATION


async def test_a_provider_that_forgets_after_ten_minutes_is_no_dead_end() -> None:
    async with delivering("query") as product:
        product.faults(forget_sign_ins_after_ten_minutes={"times": 1})
        browser = product.browser()
        started = await browser.start(DESTINATION)
        product.clock.advance(timedelta(minutes=11))
        page = await browser.get(started.headers["location"])

        assert page.status_code == 200


async def test_a_note_ends_after_a_day() -> None:
    async with delivering("query") as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        headers = {"Cookie": browser.cookie_header}
        product.clock.advance(timedelta(hours=25))
        await product.container.purge_expired().execute()

        assert_expired(await product.browser().get(callback, headers=headers))


# What nobody reads.


@pytest.mark.case(20)
@pytest.mark.parametrize(
    "unread",
    [
        "hint=caf%E9",
        "error_description=La%20sesi%F3n%20no%20se%20pudo%20iniciar",
        "session_state=a&session_state=b",
        "scope=openid%20profile&%ff=%00",
    ],
)
async def test_a_parameter_that_nobody_reads_has_no_effect(unread: str) -> None:
    async with delivering("query") as product:
        for veteran, expected in (("tamara-ellis", "token"), ("decline", "error")):
            callback = await product.browser().begin(veteran)
            for url in (f"{callback}&{unread}", callback.replace("?", f"?{unread}&")):
                browser = product.browser()
                fresh = urlsplit(await browser.begin(veteran)).query
                answer = await browser.get(
                    url.partition("?")[0] + "?" + fresh + "&" + unread
                    if url.endswith(unread)
                    else f"{CALLBACK}?{unread}&{fresh}"
                )
                told = parameters_of(answer)
                assert expected in told
                assert told.get("error") in {None, "access_denied"}


# On a real database.


@pytest.mark.case(15)
@pytest.mark.postgres
async def test_of_two_callbacks_at_once_one_opens_the_session_and_neither_fails(
    pool: Pool, database_url: str
) -> None:
    async with running_product(pool=pool) as product:
        for _ in range(10):
            veteran = f"synthetic-{secrets.randbelow(10**10)}"
            browser = product.browser()
            callback = await browser.begin(veteran, return_to=DESTINATION)
            headers = {"Cookie": browser.cookie_header}

            answers = await asyncio.gather(
                *(product.browser().get(callback, headers=headers) for _ in range(2))
            )

            paths = sorted(urlsplit(answer.headers["location"]).path for answer in answers)
            assert paths[1] == "/va-success"
            assert paths[0].endswith("/authorization")
            tokens = [parameters_of(answer).get("token") for answer in answers]
            (token,) = filter(None, tokens)
            assert await is_valid(product, token)
            # The browser follows the other one, and what the first one opened ends.
            restart = answers[tokens.index(None)]
            browser.http.cookies.extract_cookies(restart)
            again = await browser.consent(restart.headers["location"], veteran)
            signed_in = SignedIn.of(browser, await browser.get(again))
            assert await is_valid(product, signed_in.token)
            assert not await is_valid(product, token)
    assert rows_of(database_url, _DOUBLE_LOGINS) == []


#: Sessions that the trail tells of never, or more than once.
_DOUBLE_LOGINS: Final = """
SELECT sessions.id FROM vetassist_sessions AS sessions
JOIN vetassist_auth_audit AS audit
    ON event_type = 'login' AND (event_data ->> 'session_id')::uuid = sessions.id
GROUP BY sessions.id HAVING count(*) <> 1
"""
