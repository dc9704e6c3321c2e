"""Cases 8 to 24: what may come back from VA, or pretend to."""

import asyncio
import contextlib
import re
import secrets
from datetime import timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from adapters.postgres.pool import Pool
from domain.audit_event import AuditEventType
from tests.security.denials import (
    ACCESS_DENIED,
    EXCHANGE_FAILED,
    LOGIN_EXPIRED,
    assert_denied,
    assert_turned_away,
    parameters_of,
)
from tests.support.hostile_provider import ABSENT, HostileProvider
from tests.support.product import (
    CALLBACK,
    LOGIN,
    Product,
    SignedIn,
    running_product,
    serving,
    until,
)

_ICN = re.compile(r"[0-9]{10}V[0-9]{6}")

CANARY = "canary-in-a-parameter"
AN_HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def changed(callback: str, **changes: object) -> str:
    """The callback's URL with parameters set, repeated (by a list), or taken away (by None)."""
    parameters = {**dict(parse_qsl(urlsplit(callback).query)), **changes}
    kept = {name: value for name, value in parameters.items() if value is not None}
    return f"{callback.partition('?')[0]}?{urlencode(kept, doseq=True)}"


@pytest.mark.case(8)
async def test_without_a_state_is_denied(sandboxed: Product) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()

    assert_denied(sandboxed, await browser.get(changed(callback, state=None)), LOGIN_EXPIRED)


@pytest.mark.case(9)
@pytest.mark.parametrize("state", ["", "x", "A" * 43, "A" * 42, "A" * 44, "a" * 4000, "é" * 43])
async def test_an_unknown_state_is_denied(sandboxed: Product, state: str) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()

    assert_denied(sandboxed, await browser.get(changed(callback, state=state)), LOGIN_EXPIRED)
    assert sandboxed.sandbox.counters.requests["token"] == 0


@pytest.mark.case(10)
@pytest.mark.parametrize("name", ["state", "code", "error", "iss"])
async def test_a_repeated_parameter_is_denied_and_uses_nothing_up(
    sandboxed: Product, name: str
) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()
    value = dict(parse_qsl(urlsplit(callback).query)).get(name, "x")

    for repeated in ([value, value], [value, "other"], ["", value]):
        answer = await browser.get(changed(callback, **{name: repeated}))
        assert_turned_away(sandboxed, answer, LOGIN_EXPIRED)

    assert {event.data["reason"] for event in sandboxed.audit} == {"malformed_callback"}
    assert sandboxed.sandbox.counters.requests["token"] == 0
    assert "token" in parameters_of(await browser.get(callback))


def assert_starts_again(product: Product, answer: httpx.Response, reason: str) -> None:
    """The browser is sent to VA once more, and nothing else has come of it."""
    assert answer.status_code == 303
    asked = parameters_of(answer)
    assert urlsplit(answer.headers["location"]).path.endswith("/authorization")
    assert asked["response_type"] == "code"
    assert product.audit[-1].type is AuditEventType.LOGIN_RESTARTED
    assert product.audit[-1].data == {"reason": reason}


@pytest.mark.case(11)
@pytest.mark.parametrize("with_its_secret", [True, False])
async def test_a_replayed_callback_opens_nothing_and_the_session_stays(
    sandboxed: Product,
    with_its_secret: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()
    before = browser.cookie_header
    signed_in = SignedIn.of(browser, await browser.get(callback))

    # With the secret that the first time took away, if the answer did not arrive.
    cookie = before if with_its_secret else browser.cookie_header
    answer = await sandboxed.browser().get(callback, headers={"Cookie": cookie})

    reason = "state_replayed" if with_its_secret else "state_or_cookie_missing"
    assert_starts_again(sandboxed, answer, reason)
    assert sandboxed.sandbox.counters.requests["token"] == 1
    assert len(sandboxed.sessions) == 1
    shown = await browser.get("/api/v1/session", headers=signed_in.headers)
    assert shown.status_code == 200


@pytest.mark.case(11)
async def test_a_replayed_callback_from_another_browser_is_denied(
    sandboxed: Product,
) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()
    SignedIn.of(browser, await browser.get(callback))

    for stranger in (sandboxed.browser(), sandboxed.browser()):
        answer = await stranger.get(callback)
        assert_turned_away(sandboxed, answer, LOGIN_EXPIRED)
        # Even one that has begun a sign-in of its own.
        await stranger.begin()
        assert_turned_away(sandboxed, await stranger.get(callback), LOGIN_EXPIRED)

    assert sandboxed.sandbox.counters.requests["token"] == 1
    assert len(sandboxed.sessions) == 1


@pytest.mark.case(11)
async def test_a_failed_exchange_uses_the_state_up(sandboxed: Product) -> None:
    browser = sandboxed.browser()
    sandboxed.faults(token={"answer": 500, "times": 1})
    callback = await browser.begin()
    cookie = browser.cookie_header
    await browser.get(callback)

    answer = await sandboxed.browser().get(callback, headers={"Cookie": cookie})

    assert_starts_again(sandboxed, answer, "state_replayed")
    assert sandboxed.sandbox.counters.requests["token"] == 1


@pytest.mark.case(12)
async def test_an_attempt_lives_for_just_under_an_hour(sandboxed: Product) -> None:
    browser = sandboxed.browser()
    started = await browser.start()
    sandboxed.clock.advance(AN_HOUR - SECOND)

    callback = await browser.consent(started.headers["location"])

    assert "token" in parameters_of(await browser.get(callback))


@pytest.mark.case(12)
@pytest.mark.parametrize("age", [AN_HOUR, AN_HOUR + SECOND, 3 * AN_HOUR])
async def test_an_attempt_is_over_after_an_hour(sandboxed: Product, age: timedelta) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()
    sandboxed.clock.advance(age)

    answer = await browser.get(callback)

    assert_starts_again(sandboxed, answer, "state_expired")
    assert sandboxed.sandbox.counters.requests["token"] == 0
    assert not sandboxed.sessions


@pytest.mark.case(12)
@pytest.mark.parametrize("minutes", [1, 15, 24 * 60])
async def test_an_attempt_lives_for_as_long_as_the_setting_says(minutes: int) -> None:
    async with running_product(login_minutes=minutes) as product:
        in_time, late = product.browser(), product.browser()
        (first, second) = [await browser.start() for browser in (in_time, late)]
        product.clock.advance(timedelta(minutes=minutes) - SECOND)
        answer = await in_time.get(await in_time.consent(first.headers["location"]))
        callback = await late.consent(second.headers["location"])
        product.clock.advance(SECOND)
        restarted = await late.get(callback)

        assert "token" in parameters_of(answer)
        assert_starts_again(product, restarted, "state_expired")


@pytest.mark.case(13)
async def test_another_browser_is_denied_and_spoils_nothing(sandboxed: Product) -> None:
    victim, attacker = sandboxed.browser(), sandboxed.browser()
    callback = await victim.begin()
    await attacker.begin()

    answer = await attacker.get(callback)

    assert_denied(sandboxed, answer, LOGIN_EXPIRED)
    assert sandboxed.sandbox.counters.requests["token"] == 0
    assert "token" in parameters_of(await victim.get(callback))


@pytest.mark.case(13)
async def test_another_browsers_value_under_the_right_name_is_denied(
    sandboxed: Product,
) -> None:
    victim = sandboxed.browser()
    callback = await victim.begin()
    ((name, value),) = victim.cookies("_login_").items()

    for forged in (secrets.token_urlsafe(32), f"{value}A", "", '"', "A" * 43, f"{value}; {name}=a"):
        answer = await sandboxed.browser().get(callback, headers={"Cookie": f"{name}={forged}"})
        assert_turned_away(sandboxed, answer, LOGIN_EXPIRED)

    assert not sandboxed.sessions
    assert "token" in parameters_of(await victim.get(callback))


@pytest.mark.case(14)
async def test_without_the_cookie_is_denied(sandboxed: Product) -> None:
    callback = await sandboxed.browser().begin()

    answer = await sandboxed.browser().get(callback)

    assert_denied(sandboxed, answer, LOGIN_EXPIRED, reason="state_or_cookie_missing")


@pytest.mark.case(15)
@pytest.mark.postgres
async def test_same_callback_32_times_in_parallel_makes_exactly_one_exchange(
    pool: Pool,
) -> None:
    veteran = f"synthetic-{secrets.randbelow(10**10)}"
    async with running_product(pool=pool) as product:
        browser = product.browser()
        callback = await browser.begin(veteran)
        headers = {"Cookie": browser.cookie_header}

        answers = await asyncio.gather(
            *(product.browser().get(callback, headers=headers) for _ in range(32))
        )

        pages = [urlsplit(answer.headers["location"]).path for answer in answers]
        assert pages.count("/va-success") == 1
        assert sum(page.endswith("/authorization") for page in pages) == 31
        assert product.sandbox.counters.requests["token"] == 1
        async with pool.connection() as connection:
            rows = await connection.execute(
                "SELECT count(*) FROM vetassist_sessions JOIN vetassist_users AS u ON u.id ="
                " user_id WHERE u.va_icn = %s",
                [next(each for each in product.provider.secrets if _ICN.fullmatch(each))],
            )
            assert await rows.fetchone() == (1,)


@pytest.mark.case(15)
async def test_same_callback_32_times_in_parallel_over_memory(sandboxed: Product) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()

    headers = {"Cookie": browser.cookie_header}

    answers = await asyncio.gather(
        *(sandboxed.browser().get(callback, headers=headers) for _ in range(32))
    )

    (token,) = filter(None, (parameters_of(answer).get("token") for answer in answers))
    shown = await browser.get("/api/v1/session", headers={"Authorization": f"Bearer {token}"})
    assert shown.status_code == 200
    assert len(sandboxed.sessions) == 1
    assert sandboxed.sandbox.counters.requests["token"] == 1
    types = [event.type for event in sandboxed.audit]
    assert types.count(AuditEventType.LOGIN) == 1
    assert types.count(AuditEventType.LOGIN_RESTARTED) == 31
    assert AuditEventType.LOGIN_FAILED not in types


@pytest.mark.case(16)
async def test_a_declined_sign_in_ends_kindly_and_uses_the_state_up(
    sandboxed: Product,
) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin("decline")
    cookie = browser.cookie_header

    answer = await browser.get(callback)

    assert_denied(sandboxed, answer, ACCESS_DENIED, reason="denied_at_provider")
    again = await sandboxed.browser().get(callback, headers={"Cookie": cookie})
    assert_starts_again(sandboxed, again, "state_replayed")


@pytest.mark.case(16)
async def test_somebody_elses_denial_ends_nobodys_sign_in(sandboxed: Product) -> None:
    victim = sandboxed.browser()
    callback = await victim.begin()

    forged = changed(callback, code=None, error="access_denied")
    await sandboxed.browser().get(forged)

    assert "token" in parameters_of(await victim.get(callback))


@pytest.mark.case(17)
@pytest.mark.parametrize(
    "text",
    [
        f"<script>alert('{CANARY}')</script>",
        f"\r\nSet-Cookie: {CANARY}=1",
        f"\x1b[2J{CANARY}\x07",
        f'","level":"{CANARY}',
        f"\u2028{CANARY}\u202e",
        f"{{{{7*7}}}}{CANARY}%(secret)s${{jndi:ldap://x}}",
    ],
)
@pytest.mark.parametrize("error", ["access_denied", "server_error", "something_new"])
async def test_what_va_writes_about_an_error_is_neither_shown_nor_logged(
    sandboxed: Product, error: str, text: str
) -> None:
    sandboxed.secrets.add(CANARY)
    browser = sandboxed.browser()
    callback = await browser.begin("decline")
    forged = changed(callback, error=error, error_description=text, error_uri=f"//{CANARY}")

    answer = await browser.get(forged)

    denials = {"access_denied": ACCESS_DENIED, "server_error": "provider_unavailable"}
    assert_denied(sandboxed, answer, denials.get(error, EXCHANGE_FAILED))


@pytest.mark.case(17)
@pytest.mark.parametrize("error", [f"<b>{CANARY}", f"a\r\n{CANARY}", CANARY, f'"{CANARY}\\', ""])
async def test_an_error_code_of_the_attackers_own_is_not_passed_on(
    sandboxed: Product, error: str
) -> None:
    sandboxed.secrets.add(CANARY)
    browser = sandboxed.browser()
    callback = await browser.begin("decline")

    answer = await browser.get(changed(callback, error=error))

    assert parameters_of(answer)["error"] in {EXCHANGE_FAILED, LOGIN_EXPIRED}
    assert CANARY not in str(answer.headers)


@pytest.mark.case(17)
async def test_no_part_of_the_url_is_logged_even_of_routes_that_do_not_exist(
    sandboxed: Product,
) -> None:
    sandboxed.secrets.add(CANARY)
    browser = sandboxed.browser()

    for path in (f"/{CANARY}", f"{LOGIN}/{CANARY}", f"{CALLBACK}?{CANARY}", f"/healthz?a={CANARY}"):
        answer = await browser.get(path, headers={"User-Agent": "a\x7f", "X-Trace": CANARY})
        assert CANARY not in answer.text


@pytest.mark.case(18)
@pytest.mark.parametrize("error", ["access_denied", "server_error", "x"])
async def test_an_error_together_with_a_code_is_denied(sandboxed: Product, error: str) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()

    answer = await browser.get(changed(callback, error=error))

    assert_denied(sandboxed, answer, EXCHANGE_FAILED, reason="code_and_error")
    assert sandboxed.sandbox.counters.requests["token"] == 0


@pytest.mark.case(19)
@pytest.mark.parametrize("code", ["", "x" * 60_000, None], ids=["empty", "60 kB", "absent"])
async def test_an_empty_a_huge_and_an_absent_code_are_denied(
    sandboxed: Product, code: str | None
) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()

    answer = await browser.get(changed(callback, code=code))

    assert_denied(sandboxed, answer, EXCHANGE_FAILED if code is None else LOGIN_EXPIRED)
    assert sandboxed.sandbox.counters.requests["token"] == 0


async def test_an_empty_error_beside_a_code_is_no_error(sandboxed: Product) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()

    answer = await browser.get(changed(callback, error="", error_description="", error_uri=""))

    assert "token" in parameters_of(answer)


async def test_an_empty_code_beside_an_error_is_no_code(sandboxed: Product) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()

    answer = await browser.get(changed(callback, code="", error="access_denied"))

    assert_denied(sandboxed, answer, ACCESS_DENIED)


@pytest.mark.case(19)
async def test_a_code_of_100_kb_is_no_error_of_ours(sandboxed: Product) -> None:
    browser = sandboxed.browser()
    target = urlsplit(changed(await browser.begin(), code="x" * 100_000))

    async with serving(sandboxed.app) as (url, _server):
        status = await _status_of(url, f"{target.path}?{target.query}".encode())

    assert status in {303, 400, 414, 431}
    assert sandboxed.sandbox.counters.requests["token"] == 0


@pytest.mark.case(19)
async def test_a_long_code_of_an_honest_provider_is_taken(
    product: Product, provider: HostileProvider
) -> None:
    browser = product.browser()
    callback = await browser.begin()

    answer = await browser.get(changed(callback, code="x" * 4096))

    assert_denied(product, answer, reason="invalid_grant")
    assert provider.exchanges == 1


UNCLEAN = ["%00", "a%00b", "%ff", "%c0%80", "%ed%a0%80", "%f4%90%80%80", "%0d%0a", "%1b", "%7f"]


@pytest.mark.case(20)
@pytest.mark.parametrize("text", UNCLEAN)
@pytest.mark.parametrize("name", ["state", "code", "error", "iss"])
async def test_nul_and_bad_utf8_in_the_callback_are_denied(
    sandboxed: Product, name: str, text: str
) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()
    others = changed(callback, **{name: None})

    answer = await browser.get(f"{others}&{name}={text}")

    assert_denied(sandboxed, answer, LOGIN_EXPIRED, reason="malformed_callback")


@pytest.mark.case(20)
@pytest.mark.parametrize("text", UNCLEAN)
async def test_nul_and_bad_utf8_in_a_parameter_nobody_reads_do_no_harm(
    sandboxed: Product, text: str
) -> None:
    browser = sandboxed.browser()

    started = await browser.get(f"{LOGIN}?utm={text}&{text}=1")
    answer = await browser.get(f"{await browser.begin()}&error_description={text}&{text}=a")

    assert started.status_code == 303
    assert "token" in parameters_of(answer)


@pytest.mark.case(20)
@pytest.mark.parametrize("text", UNCLEAN)
async def test_nul_and_bad_utf8_in_return_to_are_refused(sandboxed: Product, text: str) -> None:
    answer = await sandboxed.browser().get(f"{LOGIN}?return_to=/a{text}")

    assert answer.status_code == 400


@pytest.mark.case(20)
@pytest.mark.parametrize("header", ["User-Agent", "Cookie", "X-Forwarded-For", "Authorization"])
async def test_bytes_that_are_no_text_in_a_header_do_no_harm(header: str) -> None:
    async with running_product(trusted_proxies="203.0.113.0/24") as product:
        browser = product.browser()
        headers = {header: b"\xff\xfe\xc3(; a=\x80 \xed\xa0\x80"}

        started = await browser.start(headers=headers)
        answer = await browser.get(CALLBACK, headers=headers)
        shown = await browser.get("/api/v1/session", headers=headers)

        assert started.status_code == 303
        assert_denied(product, answer, LOGIN_EXPIRED)
        assert shown.status_code == 401


@pytest.mark.case(20)
async def test_raw_bytes_in_the_request_line_are_no_error_of_ours(
    sandboxed: Product,
) -> None:
    raw = [b"\xff", b"\x00", b"\xc3\xa9", b"%", b"%zz", b"=&=&&;", b"\x7f", b"a" * 100_000]
    async with serving(sandboxed.app) as (url, _server):
        statuses = [
            await _status_of(url, path.encode() + b"?state=" + text + b"&return_to=" + text)
            for path in (LOGIN, CALLBACK)
            for text in raw
        ]

    assert set(statuses) <= {303, 400, 414, 431}
    assert not sandboxed.sessions


async def _status_of(url: str, target: bytes) -> int:
    """The status a server answers to a request line that no well-behaved client would send.

    A server that hangs up in the middle of it means 400.
    """
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    status = b"400"
    with contextlib.suppress(ConnectionError):
        writer.write(
            b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        if answer := await reader.read():
            status = answer.split(b" ", 2)[1]
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return int(status)


WRONG_ISSUERS = {
    "another": "https://another.example",
    "off by a slash": "http://localhost:9000/realms/veterans/",
    "in capitals": "http://localhost:9000/realms/VETERANS",
    "a prefix": "http://localhost:9000/realms",
    "longer": "http://localhost:9000/realms/veterans.evil.example",
    "encoded twice": quote("http://localhost:9000/realms/veterans", safe=""),
    "empty": "",
    "with a space": "http://localhost:9000/realms/veterans ",
}


@pytest.mark.case(21)
@pytest.mark.parametrize("is_promised", [True, False], ids=["promised", "not promised"])
@pytest.mark.parametrize("issuer", WRONG_ISSUERS.values(), ids=WRONG_ISSUERS.keys())
async def test_a_wrong_iss_is_denied_before_the_code_is_used(
    product: Product, provider: HostileProvider, issuer: str, *, is_promised: bool
) -> None:
    provider.metadata["authorization_response_iss_parameter_supported"] = is_promised
    provider.callback["iss"] = issuer

    answer = await product.browser().attempt()

    assert_denied(product, answer, EXCHANGE_FAILED, reason="callback_iss")
    assert provider.exchanges == 0


@pytest.mark.case(21)
async def test_a_missing_iss_is_denied_where_it_is_promised(
    product: Product, provider: HostileProvider
) -> None:
    provider.metadata["authorization_response_iss_parameter_supported"] = True

    answer = await product.browser().attempt()

    assert_denied(product, answer, EXCHANGE_FAILED, reason="callback_iss")
    assert provider.exchanges == 0


@pytest.mark.case(21)
async def test_an_iss_that_stands_twice_is_denied(
    product: Product, provider: HostileProvider
) -> None:
    provider.callback["iss"] = [provider.issuer, provider.issuer]

    assert_denied(product, await product.browser().attempt(), LOGIN_EXPIRED)


@pytest.mark.case(21)
async def test_an_error_that_another_issuer_sends_is_not_believed(
    product: Product, provider: HostileProvider
) -> None:
    provider.callback = {"code": ABSENT, "error": "access_denied", "iss": "https://evil.example"}

    assert_denied(product, await product.browser().attempt(), reason="callback_iss")


@pytest.mark.case(22)
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_only_get_reaches_the_callback_and_head_leaves_the_state_intact(
    sandboxed: Product, method: str
) -> None:
    browser = sandboxed.browser()
    callback = await browser.begin()

    answers = [await browser.http.request(method, target) for target in (callback, LOGIN)]

    assert [answer.status_code for answer in answers] == [405, 405]
    assert [answer.headers["allow"] for answer in answers] == ["GET", "GET"]
    assert not sandboxed.audit
    assert "token" in parameters_of(await browser.get(callback))


@pytest.mark.case(23)
async def test_a_browser_that_leaves_in_mid_exchange_leaves_no_session(
    product: Product, provider: HostileProvider
) -> None:
    browser = product.browser()
    callback = await browser.begin()
    is_asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slowly(request: Request) -> Response:
        is_asked.set()
        await may_answer.wait()
        return await provider.exchange(request)

    provider.replies["/connect/exchange"] = slowly
    async with serving(product.app) as (url, server):
        address = urlsplit(url)
        _reader, writer = await asyncio.open_connection(address.hostname, address.port)
        target = urlsplit(callback)
        writer.write(
            f"GET {target.path}?{target.query} HTTP/1.1\r\nHost: localhost\r\n"
            f"Cookie: {browser.cookie_header}\r\n\r\n".encode()
        )
        await is_asked.wait()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await until(lambda: not server.server_state.connections)
        may_answer.set()
        await until(lambda: len(product.audit) > 0)

    assert [event.data["reason"] for event in product.audit] == ["browser_gone"]
    assert provider.exchanges == 1
    assert not product.sessions
    assert not product.store.committed.users


@pytest.mark.case(24)
async def test_a_code_from_the_attackers_own_flow_fails_at_vas_pkce(
    sandboxed: Product,
) -> None:
    attackers = await sandboxed.browser().begin("greg-anderson")
    victim = sandboxed.browser()
    callback = await victim.begin()
    injected = dict(parse_qsl(urlsplit(attackers).query))["code"]

    answer = await victim.get(changed(callback, code=injected))

    assert_denied(sandboxed, answer, EXCHANGE_FAILED, reason="invalid_grant")


@pytest.mark.case(24)
async def test_a_code_from_the_attackers_own_flow_fails_at_our_nonce(
    product: Product, provider: HostileProvider
) -> None:
    provider.is_lax = True
    attackers = await product.browser().begin()
    victim = product.browser()
    callback = await victim.begin()
    injected = dict(parse_qsl(urlsplit(attackers).query))["code"]

    answer = await victim.get(changed(callback, code=injected))

    assert provider.exchanges == 1
    assert_denied(product, answer, EXCHANGE_FAILED, reason="id_token_nonce")


@pytest.mark.case(24)
async def test_a_whole_callback_of_the_attackers_signs_nobody_in(
    sandboxed: Product,
) -> None:
    """Login CSRF: the victim must not end up in the attacker's account."""
    attackers = await sandboxed.browser().begin("greg-anderson")

    answer = await sandboxed.browser().get(attackers)

    assert_denied(sandboxed, answer, LOGIN_EXPIRED)
