"""The cookie that binds a sign-in to its browser."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from typing import final

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from adapters.memory.attempt_notes import MemoryAttemptNotes
from adapters.session_tokens.signed_attempt_notes import SignedAttemptNotes
from domain.attempt_note import AttemptNote
from domain.login_attempt import LoginSecrets
from domain.return_path import MAX_CHARACTERS, ReturnPath
from domain.secret import Secret
from entrypoints.web.cookies import cookie_values
from entrypoints.web.login_cookies import LoginCookies
from tests.support.builders import NOW, a_started_login, some_login_secrets
from tests.support.product import CALLBACK, Browser, Product, running_product

HTTPS = "https://vetassist.example"
HTTP = "http://localhost:8000"
LOGIN_COOKIE = "vetassist_login_"
NOTE_COOKIE = "vetassist_began_"


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
    return cookie_named(LOGIN_COOKIE, response)


def cookie_named(part: str, response: httpx.Response) -> Morsel[str]:
    (cookie,) = (cookie for cookie in cookies_of(response) if part in cookie.key)
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


@pytest.mark.case(68)
async def test_the_cookie_has_every_attribute_that_protects_it() -> None:
    async with running_product(public_url=HTTPS) as product:
        cookie = login_cookie(await product.browser().start())

    assert cookie.key.startswith("__Host-")
    assert cookie["secure"] is True
    assert cookie["httponly"] is True
    # Strict would hold it back when VA leads the browser here again.
    assert cookie["samesite"] == "lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    # An hour for the attempt, and a day in which the browser is still recognized.
    assert cookie["max-age"] == str(25 * 60 * 60)
    assert len(cookie.value) == 43


@pytest.mark.case(68)
async def test_the_note_is_protected_too_and_goes_to_the_sign_in_only() -> None:
    async with running_product(public_url=HTTPS) as product:
        started = await product.browser().start()
        note, secret = cookie_named(NOTE_COOKIE, started), login_cookie(started)

    # A cookie with a path can't have `__Host-`.
    assert note.key.startswith("__Secure-")
    assert (note["secure"], note["httponly"], note["samesite"]) == (True, True, "lax")
    assert (note["path"], note["domain"]) == ("/api/v1/va", "")
    assert note["max-age"] == secret["max-age"]
    assert secret.value not in note.value


@pytest.mark.parametrize("url", ["https://vetassist.example/auth", "http://localhost:8000/auth"])
def test_the_note_reaches_a_service_under_a_path(url: str) -> None:
    response = Response()
    cookies = LoginCookies(public_url=url, notes=MemoryAttemptNotes())
    cookies.set(request_with(), response, a_started_login())
    _, note = cookies_of(response)

    assert note["path"] == "/auth/api/v1/va"


async def test_the_cookies_last_as_long_as_the_setting_says() -> None:
    async with running_product(login_minutes=5) as product:
        started = await product.browser().start()

    lasts = str(5 * 60 + 24 * 60 * 60)
    assert [cookie["max-age"] for cookie in cookies_of(started)] == [lasts, lasts]


@pytest.mark.case(68)
async def test_on_loopback_without_tls_they_have_all_that_browsers_take_there() -> None:
    async with running_product(public_url=HTTP) as product:
        cookies = cookies_of(await product.browser().start())

    assert [cookie.key.startswith("__") for cookie in cookies] == [False, False]
    assert [cookie["secure"] for cookie in cookies] == ["", ""]
    assert [cookie["path"] for cookie in cookies] == ["/", "/api/v1/va"]
    assert {(cookie["httponly"], cookie["samesite"]) for cookie in cookies} == {(True, "lax")}


@pytest.mark.case(6)
async def test_each_attempt_has_a_cookie_of_its_own(product: Product) -> None:
    browser = product.browser()
    assert len({login_cookie(await browser.start()).key for _ in range(3)}) == 3


async def test_the_cookies_hold_neither_state_nor_nonce_nor_verifier(product: Product) -> None:
    started = await product.browser().start()
    sent = httpx.URL(started.headers["location"]).params
    for cookie in cookies_of(started):
        for public in (sent["state"], sent["nonce"], sent["code_challenge"]):
            assert public not in f"{cookie.key}={cookie.value}"


@pytest.mark.case(71)
async def test_the_callback_takes_the_cookie_back(product: Product) -> None:
    browser = product.browser()
    back = await browser.begin()
    assert len(open_attempts(browser)) == 1
    cookie = login_cookie(await browser.get(back))

    assert (cookie.value, cookie["max-age"]) == ("", "0")
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/", True, "lax")
    assert bool(cookie["secure"]) == product.settings.is_public_https
    assert open_attempts(browser) == []


@pytest.mark.case(71)
async def test_a_callback_that_fails_takes_the_cookie_back_as_well(
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


@pytest.mark.case(69)
async def test_a_planted_cookie_is_never_taken_over(product: Product) -> None:
    _, name, value = await attempt(product)
    cookie = login_cookie(await product.browser().start(headers={"Cookie": f"{name}={value}"}))
    assert cookie.key != name
    assert cookie.value != value


@pytest.mark.case(69)
async def test_a_second_cookie_planted_beside_the_real_one_ends_the_attempt(
    product: Product,
) -> None:
    back, name, value = await attempt(product)
    await refused(product, back, f"{name}={'A' * 43}; {name}={value}")
    await refused(product, back, f"{name}={value}", f"{name}={'A' * 43}")


@pytest.mark.case(70)
async def test_a_duplicate_cookie_is_refused(product: Product) -> None:
    back, name, value = await attempt(product)
    await refused(product, back, f"{name}={value}; {name}={value}")


@pytest.mark.case(70)
async def test_a_cookie_that_was_altered_is_refused(product: Product) -> None:
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


@pytest.mark.case(70)
async def test_the_cookie_of_one_attempt_completes_no_other(product: Product) -> None:
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


@final
class CookieJar:
    """What one browser keeps, oldest first, as browsers send it."""

    def __init__(self) -> None:
        self.notes = MemoryAttemptNotes()
        self.cookies = LoginCookies(public_url=HTTPS, notes=self.notes)
        self.kept: dict[str, str] = {}

    def begin(
        self,
        *,
        return_to: ReturnPath | None = None,
        now: datetime = NOW,
        instead_of: LoginSecrets | None = None,
    ) -> LoginSecrets:
        """Start an attempt, maybe in place of another one."""
        started = a_started_login(return_to=return_to, now=now, is_restart=instead_of is not None)
        spent, response = None, Response()
        if instead_of is not None:
            note = self.note(instead_of)
            assert note is not None
            spent = note.spent()
        self.cookies.set(self.request, response, started, spent=spent)
        for cookie in cookies_of(response):
            if cookie["max-age"] == "0":
                del self.kept[cookie.key]
            else:
                self.kept[cookie.key] = cookie.value
        return started.secrets

    @property
    def request(self) -> Request:
        return request_with("; ".join(f"{name}={value}" for name, value in self.kept.items()))

    def has_secret(self, secrets: LoginSecrets) -> bool:
        return self.cookies.secrets(self.request, secrets.state.reveal()) is not None

    def note(self, secrets: LoginSecrets) -> AttemptNote | None:
        return self.cookies.note(self.request, secrets.state.reveal())

    def has_note(self, secrets: LoginSecrets) -> bool:
        return self.note(secrets) is not None


@pytest.mark.parametrize("step", [timedelta(), timedelta(minutes=1)], ids=["at once", "apart"])
def test_of_too_many_attempts_only_the_oldest_goes_and_its_note_stays(step: timedelta) -> None:
    jar = CookieJar()
    begun = [jar.begin(now=NOW + number * step) for number in range(9)]

    assert [jar.has_secret(each) for each in begun] == [False] + [True] * 8
    assert all(jar.has_note(each) for each in begun)
    begun.append(jar.begin(now=NOW + 9 * step))
    assert [jar.has_secret(each) for each in begun] == [False] * 2 + [True] * 8


def test_the_oldest_attempt_goes_in_whatever_order_the_browser_sends_them() -> None:
    jar = CookieJar()
    begun = [jar.begin(now=NOW + timedelta(minutes=number)) for number in range(8)]
    jar.kept = dict(reversed(jar.kept.items()))
    jar.begin(now=NOW + timedelta(hours=1))

    assert [jar.has_secret(each) for each in begun] == [False] + [True] * 7


def test_an_attempt_without_a_note_counts_as_the_oldest() -> None:
    jar = CookieJar()
    begun = [jar.begin(now=NOW + timedelta(minutes=number)) for number in range(8)]
    del jar.kept[f"__Secure-{NOTE_COOKIE}{begun[5].attempt_id}"]
    jar.begin(now=NOW + timedelta(hours=1))

    assert [jar.has_secret(each) for each in begun] == [True] * 5 + [False] + [True] * 2


def test_notes_stay_few() -> None:
    jar = CookieJar()
    begun = [jar.begin(now=NOW + timedelta(minutes=number)) for number in range(40)]

    assert [jar.has_note(each) for each in begun] == [False] * 24 + [True] * 16


def test_a_browser_keeps_the_longest_return_path_and_headers_stay_small() -> None:
    notes = SignedAttemptNotes(secret=b"k" * 32, previous_secret=None)
    jar, longest = CookieJar(), ReturnPath("/" + "a" * (MAX_CHARACTERS - 1))
    jar.cookies = LoginCookies(public_url=HTTPS, notes=notes)
    begun = [jar.begin(return_to=longest, now=NOW + timedelta(minutes=n)) for n in range(3)]

    # Each completes, and the newest can be restarted as well.
    assert [jar.has_secret(each) for each in begun] == [True] * 3
    assert [jar.has_note(each) for each in begun] == [False, False, True]
    note = jar.note(begun[2])
    assert note is not None
    assert note.return_to == longest
    # RFC 6265, section 6.1: a browser keeps 4,096 bytes of a cookie, attributes included.
    assert all(len(name) + len(value) < 3_900 for name, value in jar.kept.items())
    assert len(jar.request.headers["cookie"]) < 5_000


@pytest.mark.parametrize(("characters", "keeps_path"), [(900, True), (MAX_CHARACTERS - 1, False)])
def test_neither_a_restart_nor_what_it_replaces_is_restarted_again(
    characters: int,
    keeps_path: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    jar, path = CookieJar(), ReturnPath("/" + "a" * characters)
    jar.cookies = LoginCookies(
        public_url=HTTPS, notes=SignedAttemptNotes(secret=b"k" * 32, previous_secret=None)
    )
    first = jar.begin(return_to=path)
    second = jar.begin(return_to=path, instead_of=first)

    before, after = jar.note(first), jar.note(second)
    assert before is not None
    assert after is not None
    assert (before.can_restart, after.can_restart) == (False, False)
    # Two of the longest paths would not fit.
    assert (before.return_to, after.return_to) == (path if keeps_path else None, path)
    # The secret tells later that the first answer never arrived.
    assert jar.has_secret(first)


@pytest.mark.parametrize("junk", ["", "x", "A" * 43, "r1.b.c"])
def test_a_note_that_is_not_ours_is_none_and_goes_at_the_next_start(junk: str) -> None:
    jar = CookieJar()
    begun = jar.begin()
    name = f"__Secure-{NOTE_COOKIE}{begun.attempt_id}"
    jar.kept[name] = junk

    assert not jar.has_note(begun)
    jar.begin()
    assert name not in jar.kept


def test_a_note_of_one_attempt_is_not_believed_of_another_or_twice() -> None:
    jar = CookieJar()
    one, other = jar.begin(), jar.begin()
    text = jar.kept[f"__Secure-{NOTE_COOKIE}{one.attempt_id}"]
    name = f"__Secure-{NOTE_COOKIE}{other.attempt_id}"

    for header in (f"{name}={text}", f"{name}={jar.kept[name]}; {name}={jar.kept[name]}"):
        assert jar.cookies.note(request_with(header), other.state.reveal()) is None
    assert jar.cookies.note(request_with(f"{name}={jar.kept[name]}"), None) is None


def test_an_attempt_whose_secret_is_there_was_not_answered() -> None:
    jar = CookieJar()
    one, other, third = jar.begin(), jar.begin(), jar.begin()
    del jar.kept[f"__Host-{LOGIN_COOKIE}{third.attempt_id}"]
    jar.kept[f"__Host-{LOGIN_COOKIE}AAAAAAAAAAAAAAAA"] = "junk"

    unanswered = jar.cookies.unanswered
    assert unanswered(jar.request, one.state.reveal()) == {other.browser_hash}
    assert unanswered(jar.request, third.state.reveal()) == {one.browser_hash, other.browser_hash}
    assert unanswered(jar.request, None) == {one.browser_hash, other.browser_hash}


def test_a_foreign_cookie_is_left_alone() -> None:
    response = Response()
    request = request_with("; ".join(f"theirs_{n}=x" for n in range(50)))

    CookieJar().cookies.set(request, response, a_started_login())

    assert len(cookies_of(response)) == 2


def kept_by_a_browser(secrets: LoginSecrets) -> Request:
    """The request of a browser that took the cookie of an attempt."""
    response = Response()
    CookieJar().cookies.set(request_with(), response, a_started_login(secrets))
    return request_with(response.headers["set-cookie"].partition(";")[0])


def test_state_and_cookie_together_are_the_attempts_secrets() -> None:
    secrets = some_login_secrets()
    request = kept_by_a_browser(secrets)

    assert CookieJar().cookies.secrets(request, secrets.state.reveal()) == secrets
    assert CookieJar().cookies.secrets(request, None) is None


@pytest.mark.case(70)
@pytest.mark.parametrize(
    "odd", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+", "A" * 65_536, "A" * 42 + " B"]
)
def test_what_no_attempt_of_ours_has_given_out_is_not_even_looked_up(odd: str) -> None:
    sound = some_login_secrets()
    of_state = LoginSecrets(state=Secret(odd), browser=sound.browser)
    of_cookie = LoginSecrets(state=sound.state, browser=Secret(odd))
    for secrets in (of_state, of_cookie):
        request = kept_by_a_browser(secrets)
        assert CookieJar().cookies.secrets(request, secrets.state.reveal()) is None


async def test_a_callback_nobody_began_sets_no_cookie(product: Product) -> None:
    answer = await product.browser().get(CALLBACK)
    assert answer.headers["location"].endswith("/va-error?error=login_expired")
    assert cookies_of(answer) == []
