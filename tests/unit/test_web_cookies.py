"""The cookie that binds a sign-in to its browser."""

from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from domain.login_attempt import LoginSecrets
from domain.secret import Secret
from entrypoints.web.cookies import cookie_values
from entrypoints.web.login_cookies import LoginCookies
from tests.support.builders import some_login_secrets
from tests.support.product import CALLBACK, Browser, Product, running_product

HTTPS = "https://vetassist.example"
HTTP = "http://localhost:8000"
LOGIN_COOKIE = "vetassist_login_"


def request_with(*headers: str) -> Request:
    encoded = [(b"cookie", header.encode("latin-1")) for header in headers]
    return Request({"type": "http", "headers": encoded})


def cookies_of(response: httpx.Response | Response) -> list[Morsel[str]]:
    """The cookies an answer sets, one by one."""
    headers = response.headers
    lines = (
        headers.get_list("set-cookie")
        if isinstance(headers, httpx.Headers)
        else (headers.getlist("set-cookie"))
    )
    return [morsel for line in lines for morsel in SimpleCookie(line).values()]


def login_cookie(response: httpx.Response) -> Morsel[str]:
    """The one cookie of the attempt that an answer sets."""
    (cookie,) = (cookie for cookie in cookies_of(response) if LOGIN_COOKIE in cookie.key)
    return cookie


def open_attempts(browser: Browser) -> list[str]:
    """The cookies of attempts that a browser keeps."""
    return [name for name in browser.http.cookies if LOGIN_COOKIE in name]


@pytest.fixture(params=[HTTP, HTTPS], ids=["http", "https"])
async def product(request: pytest.FixtureRequest) -> AsyncIterator[Product]:
    async with running_product(public_url=request.param) as product:
        yield product


def test_every_value_a_browser_sent_is_seen_in_order() -> None:
    request = request_with("a=1; b=2;a=3", 'c="x y" ; a=; =d; e', "b=4=5")
    assert cookie_values(request) == {
        "a": ["1", "3", ""],
        "b": ["2", "4=5"],
        "c": ['"x y"'],
        "": ["d"],
    }


async def test_case_68_the_cookie_has_every_attribute_that_protects_it() -> None:
    async with running_product(public_url=HTTPS) as product:
        (cookie,) = cookies_of(await product.browser().start())

    assert cookie.key.startswith("__Host-")
    assert cookie["secure"] is True
    assert cookie["httponly"] is True
    # Strict would hold it back when VA leads the browser here again.
    assert cookie["samesite"] == "lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert cookie["max-age"] == "600"
    assert len(cookie.value) == 43


async def test_case_68_on_loopback_without_tls_it_has_all_that_browsers_take_there() -> None:
    async with running_product(public_url=HTTP) as product:
        (cookie,) = cookies_of(await product.browser().start())

    assert not cookie.key.startswith("__")
    assert cookie["secure"] == ""
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")


async def test_case_6_each_attempt_has_a_cookie_of_its_own(product: Product) -> None:
    browser = product.browser()
    assert len({login_cookie(await browser.start()).key for _ in range(3)}) == 3


async def test_the_cookie_holds_neither_state_nor_nonce_nor_verifier(product: Product) -> None:
    started = await product.browser().start()
    cookie = login_cookie(started)
    sent = httpx.URL(started.headers["location"]).params
    for public in (sent["state"], sent["nonce"], sent["code_challenge"]):
        assert public not in f"{cookie.key}={cookie.value}"


async def test_case_71_the_callback_takes_the_cookie_back(product: Product) -> None:
    browser = product.browser()
    back = await browser.begin()
    assert len(open_attempts(browser)) == 1
    cookie = login_cookie(await browser.get(back))

    assert (cookie.value, cookie["max-age"]) == ("", "0")
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/", True, "lax")
    assert bool(cookie["secure"]) == product.settings.is_public_https
    assert open_attempts(browser) == []


async def test_case_71_a_callback_that_fails_takes_the_cookie_back_as_well(
    product: Product,
) -> None:
    browser = product.browser()
    answer = await browser.get(await browser.begin("decline"))
    assert "error=access_denied" in answer.headers["location"]
    assert open_attempts(browser) == []


async def refused(product: Product, back: str, *cookies: str) -> None:
    """The callback comes from a browser that sends just these cookie headers."""
    headers = [(b"Cookie", cookie.encode("latin-1")) for cookie in cookies]
    answer = await product.browser().get(back, headers=headers)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("/va-error?error=login_expired")
    assert product.sessions == []


async def attempt(product: Product) -> tuple[str, str, str]:
    """A consent that was given: the URL back, and the cookie's name and value."""
    browser = product.browser()
    back = await browser.begin()
    (name,) = open_attempts(browser)
    return back, name, browser.http.cookies[name]


async def test_case_69_a_planted_cookie_is_never_taken_over(product: Product) -> None:
    _, name, value = await attempt(product)
    cookie = login_cookie(await product.browser().start(headers={"Cookie": f"{name}={value}"}))
    assert cookie.key != name
    assert cookie.value != value


async def test_case_69_a_second_cookie_planted_beside_the_real_one_ends_the_attempt(
    product: Product,
) -> None:
    back, name, value = await attempt(product)
    await refused(product, back, f"{name}={'A' * 43}; {name}={value}")
    await refused(product, back, f"{name}={value}", f"{name}={'A' * 43}")


async def test_case_70_a_duplicate_cookie_is_refused(product: Product) -> None:
    back, name, value = await attempt(product)
    await refused(product, back, f"{name}={value}; {name}={value}")


async def test_case_70_a_cookie_that_was_altered_is_refused(product: Product) -> None:
    back, name, value = await attempt(product)
    altered = [
        value[:-1] + ("A" if value[-1] != "A" else "B"),
        value[::-1],
        value.swapcase(),
        value[:-1],
        value + "A",
        value + "=",
        f'"{value}"',
        f"%20{value}",
        "",
        "\xff" * 43,
        "A" * 43,
        "A" * 65_536,
    ]
    for wrong in altered:
        await refused(product, back, f"{name}={wrong}")
    await refused(product, back, f"{name.swapcase()}={value}")
    await refused(product, back)

    # None of this has used the attempt up.
    answer = await product.browser().get(back, headers={"Cookie": f"{name}={value}"})
    assert "/va-success?" in answer.headers["location"]


async def test_case_70_the_cookie_of_one_attempt_completes_no_other(product: Product) -> None:
    back, name, value = await attempt(product)
    _, other_name, other_value = await attempt(product)

    await refused(product, back, f"{other_name}={other_value}")
    await refused(product, back, f"{name}={other_value}")
    await refused(product, back, f"{other_name}={value}")


async def test_a_browser_with_many_open_attempts_lets_the_old_ones_go(product: Product) -> None:
    browser = product.browser()
    for _ in range(20):
        started = await browser.start()
        assert len(open_attempts(browser)) <= 8
    # The newest is the one that must still work.
    back = await browser.consent(started.headers["location"])
    assert "/va-success?" in (await browser.get(back)).headers["location"]


def test_a_foreign_cookie_is_left_alone() -> None:
    secrets = some_login_secrets()
    response = Response()
    request = request_with("; ".join(f"theirs_{n}=x" for n in range(50)))

    LoginCookies(secure=True).set(request, response, secrets)

    assert len(cookies_of(response)) == 1


def kept_by_a_browser(secrets: LoginSecrets) -> Request:
    """The request of a browser that took the cookie of an attempt."""
    response = Response()
    LoginCookies(secure=True).set(request_with(), response, secrets)
    return request_with(response.headers["set-cookie"].partition(";")[0])


def test_state_and_cookie_together_are_the_attempts_secrets() -> None:
    secrets = some_login_secrets()
    request = kept_by_a_browser(secrets)

    assert LoginCookies(secure=True).secrets(request, secrets.state.reveal()) == secrets
    assert LoginCookies(secure=True).secrets(request, None) is None


@pytest.mark.parametrize(
    "odd", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+", "A" * 65_536, "A" * 42 + " B"]
)
def test_case_70_what_no_attempt_of_ours_has_given_out_is_not_even_looked_up(odd: str) -> None:
    sound = some_login_secrets()
    of_state = LoginSecrets(state=Secret(odd), browser=sound.browser)
    of_cookie = LoginSecrets(state=sound.state, browser=Secret(odd))
    for secrets in (of_state, of_cookie):
        request = kept_by_a_browser(secrets)
        assert LoginCookies(secure=True).secrets(request, secrets.state.reveal()) is None


async def test_a_callback_nobody_began_sets_no_cookie(product: Product) -> None:
    answer = await product.browser().get(CALLBACK)
    assert answer.headers["location"].endswith("/va-error?error=login_expired")
    assert cookies_of(answer) == []
