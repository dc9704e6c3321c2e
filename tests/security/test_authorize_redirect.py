"""Cases 1 to 7: what may be asked of the way to VA."""

import asyncio
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from urllib.parse import unquote, urlencode, urlsplit

import httpx
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from adapters.system.secret_source import SystemSecretSource
from domain.errors import InvalidReturnPathError
from domain.login_attempt import ATTEMPT_KEPT_FOR, LoginSecrets
from domain.return_path import ReturnPath
from tests.security.denials import parameters_of
from tests.support.builders import LOGIN_LIFETIME
from tests.support.event_loop import pass_time
from tests.support.fuzzing import fuzzed
from tests.support.hostile_provider import (
    LONGER_THAN_ANYBODY_WAITS,
    HostileProvider,
    Reply,
    never,
    redirecting,
    saying,
)
from tests.support.product import CALLBACK, LOGIN, SERVICE_URL, Product, running_product, until

STARTS = 100_000


@pytest.mark.case(1)
def test_100_000_starts_share_no_state_nonce_or_verifier() -> None:
    source = SystemSecretSource()
    verifier_form = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
    seen: set[str] = set()

    for _ in range(STARTS):
        attempt = LoginSecrets(state=source.token(), browser=source.token())
        verifier = attempt.code_verifier.reveal()
        assert verifier_form.fullmatch(verifier)
        seen.update((attempt.state.reveal(), attempt.nonce, verifier))

    assert len(seen) == 3 * STARTS


@pytest.mark.case(1)
async def test_the_challenge_is_the_s256_of_the_verifier_that_follows(
    product: Product, provider: HostileProvider
) -> None:
    # The provider compares them itself; here once more, by what went over the wire.
    verifiers: list[str] = []
    exchange = provider.exchange

    async def listening(request: Request) -> Response:
        verifiers.append(httpx.QueryParams((await request.body()).decode())["code_verifier"])
        return await exchange(request)

    browser = product.browser()
    started = await browser.start()
    provider.replies["/connect/exchange"] = listening
    answer = await browser.get(await browser.consent(started.headers["location"]))

    asked = parameters_of(started)
    digest = sha256(verifiers[0].encode()).digest()
    assert "token" in parameters_of(answer)
    assert asked["code_challenge"] == urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert asked["code_challenge_method"] == "S256"
    assert verifiers[0] not in started.headers["location"]


@pytest.mark.case(1)
async def test_two_starts_differ_in_everything_that_is_random(product: Product) -> None:
    first, second = [parameters_of(await product.browser().start()) for _ in range(2)]

    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


HOSTILE_PATHS = [
    "",
    "//evil",
    "///evil",
    "/\\evil",
    "\\evil",
    "\\\\evil",
    "https:evil",
    "https://evil",
    "HTTP:/evil",
    "javascript:alert(1)",
    "data:text/html,x",
    "@evil",
    "evil",
    "?next=/a",
    "#a",
    ".evil",
    "/..//evil",
    "/%2Fevil",
    "/%2fevil",
    "/%5Cevil",
    "/%252Fevil",
    "/%25252Fevil",
    "/%252525252525252Fevil",
    "%2F%2Fevil",
    "/a/%2E%2E//evil",
    "/a\r\nSet-Cookie: a=b",
    "/a%0d%0aSet-Cookie:%20a=b",
    "/a%250d%250aSet-Cookie",
    "/a\n",
    "/a\t",
    "/\tevil",
    "/%09/evil",
    "/a\x00",
    "/a%00",
    "/%ef%bc%8f%00",
    "/%c2%85",
    "/a?b=\\evil",
    "/a#\\evil",
    "/%2F/evil",
    "/.//evil",
    "/%2e//evil",
    "//../a",
    "/a/%252e%252e/b",
    "/a%5Cevil",
    "/a\x85",
    "/" + "a" * 2048,
    "/" + "\u00e9" * 342,
]


@pytest.mark.case(2)
@pytest.mark.parametrize("path", HOSTILE_PATHS)
async def test_return_to_leads_nowhere_but_to_a_path_of_ours(product: Product, path: str) -> None:
    answer = await product.browser().start(path)

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert not product.store.committed.login_attempts


@pytest.mark.case(2)
@pytest.mark.parametrize("path", [path for path in HOSTILE_PATHS if path])
async def test_a_person_signs_in_without_a_hostile_return_to(product: Product, path: str) -> None:
    browser = product.browser()
    started = await browser.start(path, headers={"Accept": "text/html"})
    answer = await browser.get(await browser.consent(started.headers["location"]))

    assert parameters_of(answer).keys() == {"token", "expires"}


@pytest.mark.case(2)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/claims",
        "/a/b?c=d&e=%20f#g",
        "/a-b_c.d~e/",
        "/search?q=100%25",
        "/a?b=/c",
        "/a+b?c=d+e",
        "/a//b",
        "/?" + "&".join(f"utm_campaign_{n}=winter%20benefits" for n in range(25)),
        "/" + "a" * 2047,
        "/" + "%F0%9F%98%80" * 170,
    ],
)
async def test_an_honest_return_to_comes_back_as_it_was(product: Product, path: str) -> None:
    signed_in = await product.sign_in(return_to=path)

    assert signed_in.parameters["return_to"] == path
    assert urlsplit(signed_in.location).netloc == urlsplit(product.settings.frontend_url).netloc


@pytest.mark.case(2)
@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("/a b", "/a%20b"),
        ("/a\u00f1o?q=a\u00f1o", "/a%C3%B1o?q=a%C3%B1o"),
        ("/\U0001f600", "/%F0%9F%98%80"),
        ("/\U0001f468\u200d\U0001f467", "/%F0%9F%91%A8%E2%80%8D%F0%9F%91%A7"),
        ("/a/../b/./c", "/b/c"),
        ("/\uff0fevil", "/%EF%BC%8Fevil"),
        ("/\u2028", "/%E2%80%A8"),
    ],
)
async def test_another_honest_return_to_comes_back_in_canonical_form(
    product: Product, sent: str, canonical: str
) -> None:
    signed_in = await product.sign_in(return_to=sent)

    assert signed_in.parameters["return_to"] == canonical
    # As a form would write it, which encodes a space as a plus.
    browser = product.browser()
    started = await browser.get(f"{LOGIN}?{urlencode({'return_to': sent})}")
    answer = await browser.get(await browser.consent(started.headers["location"]))
    assert parameters_of(answer)["return_to"] == canonical


@pytest.mark.case(20)
@pytest.mark.parametrize("unread", ["utm=%E9", "utm=1&utm=2", "hint=caf%E9", "%ff=%00", "a=%zz"])
async def test_a_parameter_beside_return_to_has_no_effect(product: Product, unread: str) -> None:
    for query in (f"{unread}&return_to=/claims", f"return_to=/claims&{unread}"):
        browser = product.browser()
        started = await browser.get(f"{LOGIN}?{query}")
        answer = await browser.get(await browser.consent(started.headers["location"]))
        assert parameters_of(answer)["return_to"] == "/claims"


PIECES = [*"/\\.:@%?#;&= \t\r\n\x00", "%2f", "%5C", "%25", "%2e", "%09", "evil", "a"]


@pytest.mark.case(2)
@fuzzed
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "/" + "".join(pieces)))
@example("/%2f")
def test_what_is_accepted_stays_on_our_origin_however_often_it_is_decoded(path: str) -> None:
    try:
        accepted = ReturnPath.parse(path).value
    except InvalidReturnPathError:
        return

    reading = accepted
    for _ in range(6):
        # As a browser reads it: backslashes are slashes, tabs and line ends are not there.
        seen = re.sub(r"[\t\r\n]", "", reading.replace("\\", "/"))
        assert httpx.URL(SERVICE_URL).join(seen).host == "localhost"
        assert seen.startswith("/")
        assert not seen.startswith("//")
        assert reading.isprintable()
        reading = unquote(reading, errors="replace")


@pytest.mark.case(3)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost:8000@evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "gopher", "X-Forwarded-Port": "1"},
        {"Forwarded": "host=evil.example;proto=http"},
        {"X-Original-URL": "https://evil.example/", "X-Rewrite-URL": "https://evil.example/"},
        {"Origin": "https://evil.example", "Referer": "https://evil.example/"},
    ],
    ids=lambda headers: next(iter(headers)) + ": " + next(iter(headers.values())),
)
async def test_no_header_moves_the_redirect_uri_or_the_front_end(
    product: Product, headers: dict[str, str]
) -> None:
    browser = product.browser()

    started = await browser.start(headers=headers)
    callback = await browser.consent(started.headers["location"])
    answer = await browser.get(callback, headers=headers)

    assert parameters_of(started)["redirect_uri"] == SERVICE_URL + CALLBACK
    assert answer.headers["location"].startswith(f"{product.settings.frontend_url}/va-success?")
    for response in (started, answer):
        assert "evil.example" not in repr(response.headers)


@pytest.mark.case(4)
@pytest.mark.parametrize(
    "query",
    ["return_to=/a&return_to=/a", "return_to=/a&return_to=//evil", "return_to=&return_to=/a"],
)
async def test_a_parameter_that_stands_twice_is_refused(product: Product, query: str) -> None:
    answer = await product.browser().get(f"{LOGIN}?{query}")

    assert answer.status_code == 400
    assert not product.store.committed.login_attempts


DISCOVERY = "/realms/veterans/.well-known/openid-configuration"
Break = Callable[[HostileProvider], object]


def _answering(reply: Reply) -> Break:
    return lambda provider: provider.replies.update({DISCOVERY: reply})


def _metadata(**changes: object) -> Break:
    return lambda provider: provider.metadata.update(changes)


BROKEN_DISCOVERY: dict[str, Break] = {
    "500": _answering(saying(status=500)),
    "404": _answering(saying(status=404)),
    "429": _answering(saying(status=429, Retry_After="300")),
    "a redirect": _answering(redirecting("http://localhost:9000/elsewhere")),
    "HTML": _answering(saying("<html>", Content_Type="text/html")),
    "a list": _answering(saying("[]")),
    "nothing": _answering(saying("")),
    "nested without end": _answering(saying("[" * 20_000)),
    "one name twice": _answering(saying('{"issuer":"a","issuer":"b"}')),
    "too much": _answering(saying(b" " * 1_000_000 + b"{}")),
    "compressed": _answering(saying(b"\x1f\x8b", Content_Encoding="gzip")),
    "no answer": _answering(never),
    "another issuer": _metadata(issuer="https://another.example"),
    "an issuer off by a slash": _metadata(issuer="http://localhost:9000/realms/veterans/"),
    "an issuer in capitals": _metadata(issuer="http://localhost:9000/realms/VETERANS"),
    "no issuer": _metadata(issuer=None),
    "no token endpoint": _metadata(token_endpoint=None),
    "a token endpoint without TLS": _metadata(token_endpoint="http://id.example/token"),
    "keys without TLS": _metadata(jwks_uri="http://id.example/keys"),
    "an authorization endpoint of script": _metadata(authorization_endpoint="javascript:alert(1)"),
    "an authorization endpoint of no host": _metadata(authorization_endpoint="https:///auth"),
    "an endpoint that is no text": _metadata(userinfo_endpoint=["https://id.example"]),
    "an endpoint with a broken host": _metadata(token_endpoint="https://[::1/token"),
}


@pytest.mark.case(5)
@pytest.mark.parametrize("break_it", BROKEN_DISCOVERY.values(), ids=BROKEN_DISCOVERY.keys())
async def test_unusable_discovery_is_503_and_starts_nothing(
    provider: HostileProvider, break_it: Break
) -> None:
    break_it(provider)
    async with running_product(provider=provider) as product:
        answer = await product.browser().start()

        assert answer.status_code == 503
        assert answer.json()["code"] == "provider_unavailable"
        assert "retry-after" in answer.headers
        assert "set-cookie" not in answer.headers
        assert not product.store.committed.login_attempts
        assert provider.requests["/elsewhere"] == 0


@pytest.mark.case(5)
async def test_many_who_wait_for_discovery_share_one_try(
    provider: HostileProvider,
) -> None:
    is_over = asyncio.Event()

    async def late(_request: Request) -> Response:
        await is_over.wait()
        return Response()

    provider.replies[DISCOVERY] = late
    async with running_product(provider=provider) as product:
        starts = [asyncio.create_task(product.browser().start()) for _ in range(20)]
        await until(lambda: provider.requests[DISCOVERY] == 1)
        # All of them are waiting by then.
        for _ in range(100):
            await checkpoint()
        pass_time(LONGER_THAN_ANYBODY_WAITS)
        await until(lambda: all(start.done() for start in starts))

        assert {start.result().status_code for start in starts} == {503}
        assert provider.requests[DISCOVERY] == 1


@pytest.mark.case(5)
async def test_the_service_recovers_with_the_provider(
    product: Product, provider: HostileProvider
) -> None:
    provider.replies[DISCOVERY] = saying(status=500)
    assert (await product.browser().start()).status_code == 503
    provider.replies.clear()

    await product.sign_in()


@pytest.mark.case(6)
async def test_two_tabs_complete_in_either_order(product: Product) -> None:
    browser = product.browser()
    first = await browser.begin(return_to="/first")
    second = await browser.begin(return_to="/second")

    answers = [await browser.get(callback) for callback in (second, first)]

    assert [parameters_of(answer)["return_to"] for answer in answers] == ["/second", "/first"]
    assert len(product.sessions) == 2


@pytest.mark.case(7)
async def test_a_flood_of_starts_meets_a_limit_and_fills_no_table() -> None:
    async with running_product(login_rate=5) as product:
        answers = [await product.browser().start() for _ in range(40)]

        assert [answer.status_code for answer in answers] == [303] * 5 + [429] * 35
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers[5:])
        assert len(product.store.committed.login_attempts) == 5
        # Somebody else is not kept out by it, whatever the flood claimed to be.
        assert (await product.browser(address="198.51.100.9").start()).status_code == 303


@pytest.mark.case(7)
async def test_a_flood_from_everywhere_meets_a_limit_too() -> None:
    async with running_product(login_rate=1) as product:
        statuses = [
            (await product.browser(address=f"198.51.100.{number}").start()).status_code
            for number in range(40)
        ]

        assert statuses.count(303) == len(product.store.committed.login_attempts) == 20


@pytest.mark.case(7)
async def test_a_forwarded_address_of_the_floods_own_does_not_help_it() -> None:
    async with running_product(login_rate=2) as product:
        statuses = [
            (await product.browser().start(headers={"X-Forwarded-For": f"198.51.100.{n}"}))
            for n in range(4)
        ]

        assert [answer.status_code for answer in statuses] == [303, 303, 429, 429]


@pytest.mark.case(7)
async def test_old_attempts_make_room_and_the_limit_lifts() -> None:
    async with running_product(login_rate=3) as product:
        for _ in range(3):
            await product.browser().start()
        product.clock.advance(LOGIN_LIFETIME + ATTEMPT_KEPT_FOR + timedelta(seconds=1))

        assert (await product.browser().start()).status_code == 303
        assert len(product.store.committed.login_attempts) == 1


@pytest.mark.case(7)
async def test_one_browsers_cookies_stay_few(product: Product) -> None:
    browser = product.browser()
    longest = "/" + "a" * 2047
    for number in range(30):
        await browser.start(longest if number % 2 else None)

    assert len(browser.cookies("_login_")) == 8
    assert len(browser.cookie_header) < 5_000
    await browser.sign_in()
