"""A person in a browser: whatever goes wrong, the tab ends on a page, and not on JSON."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from unittest.mock import PropertyMock
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from pytest_mock import MockerFixture
from starlette.datastructures import Headers

from adapters.memory.login_attempts import MemoryLoginAttempts
from adapters.memory.session_lookup import MemorySessionLookup
from adapters.memory.unit_of_work import MemoryUnitOfWork
from adapters.va_oauth.identity_provider import VAIdentityProvider
from application.errors import ConflictError, UnavailableError
from application.use_cases.sign_in.complete_va_login import CompleteVALogin
from application.use_cases.sign_in.link_va_identity import LinkVAIdentity
from application.use_cases.sign_in.start_va_login import StartVALogin
from domain.return_path import MAX_CHARACTERS
from entrypoints.serving.app import refusing_app
from entrypoints.serving.connection_table import ConnectionTable
from entrypoints.web.navigation import is_navigation, is_prefetch
from tests.support.product import (
    CALLBACK,
    LOGIN,
    SERVICE_URL,
    Browser,
    Product,
    SignedIn,
    running_product,
    serving,
)

#: What Chromium sends when a person follows a link.
PERSON: Final = {
    "Accept": (
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
    ),
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
PROGRAM: Final = {"Accept": "application/json"}
DESTINATION: Final = "/claims/new?step=2#form"

Break = Callable[[Product, MockerFixture], object]


def stop_storage(_product: Product, mocker: MockerFixture) -> None:
    """The database is away."""
    for adapter, method in (
        (MemoryLoginAttempts, "add"),
        (MemoryLoginAttempts, "consume"),
        (MemoryLoginAttempts, "find"),
        (MemorySessionLookup, "find"),
        (MemoryUnitOfWork, "__aenter__"),
    ):
        mocker.patch.object(adapter, method, side_effect=UnavailableError)


def stop_provider(product: Product, _mocker: MockerFixture) -> None:
    product.faults(discovery={"answer": 503})


def let_provider_redirect(product: Product, _mocker: MockerFixture) -> None:
    product.faults(discovery={"answer": "redirect"})


def break_start(_product: Product, mocker: MockerFixture) -> None:
    mocker.patch.object(StartVALogin, "execute", side_effect=RuntimeError("a bug"))


def break_completion(_product: Product, mocker: MockerFixture) -> None:
    mocker.patch.object(CompleteVALogin, "execute", side_effect=RuntimeError("a bug"))


def conflict(_product: Product, mocker: MockerFixture) -> None:
    mocker.patch.object(LinkVAIdentity, "join", side_effect=ConflictError("key"))


def break_exchange(_product: Product, mocker: MockerFixture) -> None:
    mocker.patch.object(VAIdentityProvider, "sign_in", side_effect=RuntimeError("a bug"))


def assert_error_page(
    product: Product, answer: httpx.Response, error: str, return_to: str | None = DESTINATION
) -> None:
    """The browser goes to the front end's error page, which knows where it wanted to go."""
    assert answer.status_code == 303, answer.text
    target = urlsplit(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc}" == product.settings.frontend_url
    assert target.path == "/va-error"
    expected = [("error", error)] + ([] if return_to is None else [("return_to", return_to)])
    assert parse_qsl(target.query, strict_parsing=True) == expected
    assert answer.content == b""
    assert answer.headers["cache-control"] == "no-store"


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert "location" not in answer.headers


# Who is who.


@pytest.mark.parametrize(
    "headers",
    [
        PERSON,
        {"Accept": "text/html"},
        {"Accept": "application/json, TEXT/HTML ; q=0.1"},
        {"Accept": "text/html;charset=utf-8"},
        {"Accept": "text/html;q=1.000"},
        {"Sec-Fetch-Mode": "navigate", "Accept": "application/json"},
        {"Sec-Fetch-Mode": " Navigate "},
    ],
)
def test_a_person_is_told_by_what_a_browser_asks_for(headers: Mapping[str, str]) -> None:
    assert is_navigation(Headers(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        PROGRAM,
        {"Accept": "*/*"},
        {"Accept": "text/*"},
        {"Accept": "text/htmlx, text/xhtml"},
        {"Accept": "text/html;q=0, */*"},
        {"Accept": "text/html; q=0.000"},
        {"Accept": "", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Dest": "document"},
    ],
)
def test_a_program_is_told_by_it_too(headers: Mapping[str, str]) -> None:
    assert not is_navigation(Headers(headers))


PREFETCHES: Final = [
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Sec-Purpose": "prefetch;anonymous-client-ip"},
    {"Sec-Purpose": "Prefetch; prerender"},
    {"Purpose": "prefetch"},
    {"X-Purpose": "preview"},
    {"X-Moz": "prefetch"},
]


@pytest.mark.parametrize("headers", PREFETCHES)
def test_a_browser_that_looks_ahead_says_so(headers: Mapping[str, str]) -> None:
    assert is_prefetch(Headers(headers))


@pytest.mark.parametrize("headers", [{}, PERSON, {"Purpose": ""}, {"X-Moz": "microsummary"}])
def test_a_browser_that_does_not_look_ahead_is_taken_at_its_word(
    headers: Mapping[str, str],
) -> None:
    assert not is_prefetch(Headers(headers))


# What keeps a sign-in from starting.


@pytest.mark.parametrize(
    ("break_it", "error", "status", "code"),
    [
        (stop_storage, "service_unavailable", 503, "unavailable"),
        (stop_provider, "provider_unavailable", 503, "provider_unavailable"),
        (let_provider_redirect, "provider_unavailable", 503, "provider_unavailable"),
        (break_start, "service_unavailable", 500, "internal_error"),
    ],
)
async def test_a_person_whose_sign_in_cannot_start_sees_a_page_and_a_program_a_problem(
    mocker: MockerFixture, break_it: Break, error: str, status: int, code: str
) -> None:
    async with running_product() as product:
        break_it(product, mocker)
        browser = product.browser()

        assert_error_page(product, await browser.start(DESTINATION, headers=PERSON), error)
        assert_error_page(product, await browser.start(headers=PERSON), error, None)
        assert_problem(await browser.start(DESTINATION, headers=PROGRAM), status, code)
        assert_problem(await browser.start(DESTINATION), status, code)
        assert not product.store.committed.login_attempts
        assert not browser.http.cookies


async def test_a_person_meets_the_rate_limit_on_a_page() -> None:
    async with running_product(login_rate=1) as product:
        browser = product.browser()
        assert (await browser.start(headers=PERSON)).status_code == 303

        refused = await browser.start(DESTINATION, headers=PERSON)
        assert_error_page(product, refused, "too_many_logins")
        told = await browser.start(DESTINATION, headers=PROGRAM)
        assert_problem(told, 429, "too_many_logins")
        assert told.headers["retry-after"] == "10"
        assert product.container.measurements().sign_ins["too_many_logins"] == 1


@pytest.mark.parametrize("return_to", ["//evil.example", "/\\evil", "/a\nb", "/" + "a" * 2048, ""])
@pytest.mark.parametrize("headers", [PERSON, {"Accept": "text/html"}])
async def test_a_person_signs_in_without_a_return_to_that_is_not_allowed(
    headers: Mapping[str, str], return_to: str
) -> None:
    async with running_product() as product:
        browser = product.browser()
        started = await browser.start(return_to, headers=headers)
        answer = await browser.get(await browser.consent(started.headers["location"]))

        assert SignedIn.of(browser, answer).parameters.keys() == {"token", "expires"}


@pytest.mark.parametrize("query", ["return_to=/a&return_to=/b", "return_to=%ff", "return_to=%00"])
async def test_a_person_signs_in_without_a_return_to_that_cannot_be_read(query: str) -> None:
    async with running_product() as product:
        started = await product.browser().get(f"{LOGIN}?{query}", headers=PERSON)
        refused = await product.browser().get(f"{LOGIN}?{query}", headers=PROGRAM)

        assert started.status_code == 303
        assert "/authorization" in started.headers["location"]
        assert refused.status_code == 400


@pytest.mark.case(22)
@pytest.mark.parametrize("path", [LOGIN, CALLBACK])
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
async def test_a_wrong_method_is_405_for_everybody(path: str, method: str) -> None:
    async with running_product() as product:
        for headers in (PERSON, PROGRAM):
            answer = await product.browser().http.request(method, path, headers=headers)
            assert answer.status_code == 405
            assert answer.headers["allow"] == "GET"


# What goes wrong on the way back.


@pytest.mark.parametrize(
    ("break_it", "status"),
    [(stop_storage, 303), (conflict, 303), (break_exchange, 500), (break_completion, 500)],
)
async def test_a_callback_that_fails_for_our_fault_ends_on_the_page_of_a_person(
    mocker: MockerFixture, break_it: Break, status: int
) -> None:
    async with running_product() as product:
        browser, program = product.browser(), product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        other = await program.begin(return_to=DESTINATION)
        break_it(product, mocker)

        answer = await browser.get(callback, headers=PERSON)
        assert_error_page(product, answer, "service_unavailable")
        assert (await program.get(other, headers=PROGRAM)).status_code == status


FAILURES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "access_denied": ("decline", {}),
    "provider_unavailable": ("tamara-ellis", {"token": {"answer": 500}}),
    "token_exchange_failed": ("tamara-ellis", {"wrong_nonce": {}}),
    "identity_missing": ("tamara-ellis", {"malformed_icn": {}}),
}


@pytest.mark.parametrize("error", FAILURES)
async def test_a_sign_in_that_fails_keeps_the_destination(error: str) -> None:
    veteran, faults = FAILURES[error]
    async with running_product() as product:
        product.faults(**faults)
        browser = product.browser()
        answer = await browser.get(await browser.begin(veteran, return_to=DESTINATION))

        assert_error_page(product, answer, error)
        # Without its note, too: the attempt knows.
        callback = await browser.begin(veteran, return_to=DESTINATION)
        secrets = "; ".join(f"{name}={value}" for name, value in browser.cookies("_login_").items())
        forgetful = product.browser()
        answer = await forgetful.get(callback, headers={"Cookie": secrets})
        assert_error_page(product, answer, error)


async def test_a_callback_during_an_outage_can_come_again_after_it(mocker: MockerFixture) -> None:
    async with running_product() as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        stop_storage(product, mocker)
        for _ in range(2):
            refused = await browser.get(callback, headers=PERSON)
            assert_error_page(product, refused, "service_unavailable")
        mocker.stopall()

        signed_in = SignedIn.of(browser, await browser.get(callback, headers=PERSON))
        assert signed_in.parameters["return_to"] == DESTINATION


async def test_the_longest_destination_survives_a_failure() -> None:
    longest = "/?" + "%F0%9F%98%80" * 170 + "a" * 6
    assert len(longest) == MAX_CHARACTERS
    async with running_product() as product:
        browser = product.browser()
        answer = await browser.get(await browser.begin("decline", return_to=longest))

        assert_error_page(product, answer, "access_denied", longest)


# Looking ahead.


@pytest.mark.parametrize("headers", PREFETCHES)
async def test_a_prefetch_starts_nothing_and_uses_nothing_up(headers: Mapping[str, str]) -> None:
    async with running_product(login_rate=1) as product:
        browser = product.browser()
        for _ in range(8):
            answer = await browser.start(DESTINATION, headers={**PERSON, **headers})
            assert (answer.status_code, answer.content) == (204, b"")
            assert "set-cookie" not in answer.headers
        assert not product.store.committed.audit

        callback = await browser.begin()
        answer = await browser.get(callback, headers={**PERSON, **headers})
        assert answer.status_code == 204
        assert "set-cookie" not in answer.headers
        assert product.sandbox.counters.requests["token"] == 0
        SignedIn.of(browser, await browser.get(callback, headers=PERSON))


# Too many requests in progress.


async def crowded(product: Product, mocker: MockerFixture, path: str, **options: Any) -> Any:
    """What the server answers to one more request."""
    mocker.patch.object(ConnectionTable, "is_overloaded", PropertyMock(return_value=True))
    async with (
        serving(product.app, refusal=refusing_app(product.container)) as (url, _server),
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        return await client.get(path, **options)


async def test_a_person_whom_an_overloaded_server_turns_away_sees_a_page(
    mocker: MockerFixture,
) -> None:
    async with running_product() as product:
        browser = product.browser()
        callback = await browser.begin(return_to=DESTINATION)
        target = urlsplit(callback)
        cookie = {"Cookie": browser.cookie_header}
        login = f"{LOGIN}?{httpx.QueryParams({'return_to': DESTINATION})}"
        back = f"{target.path}?{target.query}"

        for path in (login, back):
            answer = await crowded(product, mocker, path, headers=PERSON | cookie)
            assert_error_page(product, answer, "service_unavailable")
            assert answer.headers["connection"] == "close"
            told = await crowded(product, mocker, path, headers=PROGRAM | cookie)
            assert_problem(told, 503, "unavailable")
        mocker.stopall()
        # Nothing was used up.
        SignedIn.of(browser, await browser.get(callback))


async def test_an_overloaded_server_does_not_send_a_browser_round_in_circles(
    mocker: MockerFixture,
) -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        for path in ("/va-error?error=service_unavailable", "/", "/sessions"):
            answer = await crowded(product, mocker, path, headers=PERSON)
            assert_page(answer, 503, "VetAssist isn&#x27;t available right now")
            assert answer.headers["retry-after"] == "2"
            assert "style-src 'self'" in answer.headers["content-security-policy"]
        api = await crowded(product, mocker, "/api/v1/session", headers=PERSON)
        assert_problem(api, 503, "unavailable")


# Pages of our own.


def assert_page(answer: httpx.Response, status: int, title: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<h1>{title}</h1>" in answer.text
    assert '<html lang="en">' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "style=" not in answer.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/static/nothing.css", "/api/v1/nowhere", "/va-success/", "/a%2e%2e/b"]
)
async def test_a_person_who_is_lost_sees_a_page_with_a_way_on(path: str) -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        browser = product.browser()

        page = await browser.get(path, headers=PERSON)
        assert_page(page, 404, "Page not found")
        assert f'href="{SERVICE_URL}/"' in page.text
        assert '<link rel="stylesheet" href="/static/style.css">' in page.text
        assert_problem(await browser.get(path, headers=PROGRAM), 404, "not_found")
        assert_problem(await browser.get(path), 404, "not_found")


async def test_a_front_end_elsewhere_is_the_way_on() -> None:
    async with running_product() as product:
        page = await product.browser().get("/nowhere", headers=PERSON)

        assert_page(page, 404, "Page not found")
        assert f'href="{product.settings.frontend_url}/"' in page.text
        assert "stylesheet" not in page.text


async def test_what_a_lost_person_typed_is_not_on_the_page() -> None:
    async with running_product() as product:
        page = await product.browser().get("/<b>canary</b>?canary=<b>", headers=PERSON)

        assert_page(page, 404, "Page not found")
        assert "canary" not in page.text


async def test_a_person_who_opens_what_is_no_page_sees_one() -> None:
    async with running_product() as product:
        answer = await product.browser().get("/api/v1/session/renew", headers=PERSON)

        assert_page(answer, 405, "This page can&#x27;t be opened this way")
        assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/sessions", "/api/v1/verify"])
async def test_the_api_speaks_json_to_everybody(path: str) -> None:
    """A proxy passes a person's headers on, and reads the answer itself."""
    async with running_product() as product:
        answer = await product.browser().get(path, headers=PERSON)

        assert_problem(answer, 401, "invalid_token")


async def test_the_error_page_works_without_a_database_and_leads_back(
    mocker: MockerFixture,
) -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        stop_storage(product, mocker)
        browser = product.browser()
        refused = await browser.start(DESTINATION, headers=PERSON)
        assert_error_page(product, refused, "service_unavailable")
        page = await browser.get(refused.headers["location"], headers=PERSON)

        assert page.status_code == 200
        retry = _link_of(page, "Try again")
        assert urlsplit(retry).path == LOGIN
        assert dict(parse_qsl(urlsplit(retry).query)) == {"return_to": DESTINATION}
        mocker.stopall()
        await _signs_in_by(browser, retry, DESTINATION)


@pytest.mark.parametrize(
    "return_to", ["//evil.example", "javascript:alert(1)", '"><script>', "/a&return_to=/b", ""]
)
async def test_the_error_page_leads_back_to_no_foreign_place(return_to: str) -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        query = f"error=access_denied&return_to={return_to}"
        page = await product.browser().get(f"/va-error?{query}", headers=PERSON)

        assert _link_of(page, "Try again") == f"{SERVICE_URL}{LOGIN}"
        assert "evil" not in page.text
        assert "<script>" not in page.text


def _link_of(page: httpx.Response, text: str) -> str:
    """Where a link with this text leads."""
    return page.text.split(f'">{text}</a>')[0].rpartition('href="')[2].replace("&amp;", "&")


async def _signs_in_by(browser: Browser, link: str, destination: str) -> None:
    started = await browser.get(link, headers=PERSON)
    answer = await browser.get(await browser.consent(started.headers["location"]), headers=PERSON)
    assert SignedIn.of(browser, answer).parameters["return_to"] == destination
