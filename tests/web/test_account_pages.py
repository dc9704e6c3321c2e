"""The pages of a session in a cookie: rendered by the server, and led on by forms."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.memory.session_lookup import MemorySessionLookup
from adapters.memory.unit_of_work import MemoryUnitOfWork
from application.errors import UnavailableError
from domain.sign_in_failure import SignInFailure
from entrypoints.web import languages
from entrypoints.web.languages import Language
from entrypoints.web.timestamps import rfc3339
from tests.support.product import SERVICE_URL, Browser, Product, running_product

PATHS: Final = ("/va-success", "/sessions", "/uses", "/history", "/disconnect")
OURS: Final = {"Origin": SERVICE_URL, "Sec-Fetch-Site": "same-origin"}
RENEW: Final = "/api/v1/session/forms/renew"
SIGN_OUT: Final = "/api/v1/session/forms/sign-out"
FORMS: Final = (
    SIGN_OUT,
    RENEW,
    "/sign-out-everywhere",
    "/sessions/sign-out",
    "/sessions/sign-out-elsewhere",
    "/disconnect",
)
PHONE: Final = "+1 800 555 0100 ext. 5"
SPANISH: Final = {"Accept-Language": "es-US,es;q=0.9"}
HTML: Final = {"Accept": "text/html"}
CHROME: Final = {
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
}


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    settings: dict[str, Any] = {
        "session_delivery": "cookie",
        "support_phone": PHONE,
        "support_email": "help@example.org",
        "support_url": "https://help.example.org/",
        "privacy_url": "https://example.org/privacy",
        "terms_url": "https://example.org/terms",
    }
    async with running_product(frontend_url=SERVICE_URL, **settings) as started:
        yield started


@pytest.fixture
async def browser(product: Product) -> Browser:
    """One that is signed in."""
    return (await product.sign_in()).browser


def outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, the storage does not answer."""

    async def fail(*_arguments: object) -> None:
        raise UnavailableError

    monkeypatch.setattr(MemorySessionLookup, "find", fail)
    monkeypatch.setattr(MemoryUnitOfWork, "__aenter__", fail)


def heading(answer: httpx.Response) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.DOTALL)
    assert found is not None
    return unescape(found.group(1).strip())


async def post(browser: Browser, path: str, **fields: str) -> httpx.Response:
    return await browser.post(path, data=fields, headers=OURS)


async def followed(browser: Browser, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, answer.text
    return await browser.get(answer.headers["location"])


async def is_signed_in(browser: Browser) -> bool:
    return (await browser.get("/api/v1/session")).status_code == 200


async def test_the_pages_show_the_account_without_a_script(browser: Browser) -> None:
    shown = {path: await browser.get(path, headers=CHROME) for path in PATHS}

    assert {path: heading(answer) for path, answer in shown.items()} == {
        "/va-success": "You are signed in",
        "/sessions": "Where you are signed in",
        "/uses": "Your VA connection",
        "/history": "Your account history",
        "/disconnect": "Disconnect VA",
    }
    assert "Tamara Ellis" in shown["/va-success"].text
    assert "30 minutes left" in shown["/va-success"].text
    assert "VA confirms that you are a Veteran." in shown["/va-success"].text
    assert "You signed in with VA.gov." in shown["/history"].text
    for answer in shown.values():
        assert answer.status_code == 200
        assert answer.headers["content-language"] == "en"
        assert answer.headers["vary"] == "Accept-Language, Cookie"
        # With `no-referrer`, a browser would hide where a form comes from.
        assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/va-success"])
async def test_a_name_that_is_written_from_right_to_left_keeps_to_itself(
    product: Product, browser: Browser, path: str
) -> None:
    store = product.store.committed
    (user,) = store.users.values()
    store.users[user.id] = replace(user, given_name="\u05d3\u05d5\u05d3", family_name="Lee")

    assert re.search(r"<bdi[^>]*>\u05d3\u05d5\u05d3 Lee</bdi>", (await browser.get(path)).text)


async def test_who_has_no_name_reads_that(product: Product, browser: Browser) -> None:
    store = product.store.committed
    (user,) = store.users.values()
    store.users[user.id] = replace(user, given_name=None, family_name=None)

    assert re.search("We don.t have your name</bdi>", (await browser.get("/va-success")).text)
    assert "<bdi>" not in (await browser.get("/")).text


@pytest.mark.parametrize("is_on", [False, True])
@pytest.mark.parametrize("delivery", ["cookie", "query"])
async def test_only_a_developer_sees_what_a_developer_wants(
    delivery: str,
    *,
    is_on: bool,
) -> None:
    settings: dict[str, Any] = {"session_delivery": delivery, "developer_pages": is_on}
    async with running_product(frontend_url=SERVICE_URL, **settings) as product:
        text = (await (await product.sign_in()).browser.get("/va-success")).text

    assert ("developer.js" in text) is is_on
    assert ('id="developer"' in text) is is_on


async def test_a_session_shows_when_it_began_was_active_and_ends(
    product: Product, browser: Browser
) -> None:
    began = product.clock.now()
    product.clock.advance(timedelta(minutes=10))
    await post(browser, RENEW)

    text = (await browser.get("/sessions")).text

    shown = dict(re.findall(r'<time data-part="(\w+)" datetime="([^"]+)"', text))
    assert shown == {
        "issued_at": rfc3339(began),
        "renewed_at": rfc3339(began + timedelta(minutes=10)),
        "expires_at": rfc3339(began + timedelta(minutes=40)),
    }


async def test_no_page_holds_a_token_or_the_number_of_the_person(
    product: Product, browser: Browser
) -> None:
    (user,) = product.store.committed.users.values()
    secrets = [cookie.value or "" for cookie in browser.http.cookies.jar]
    assert user.icn is not None

    for path in ("/", *PATHS):
        text = (await browser.get(path)).text
        assert user.icn.value not in text
        assert not [secret for secret in secrets if len(secret) > 20 and secret in text]
        assert "jti" not in text


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_session_a_page_says_so_and_leads_back(product: Product, path: str) -> None:
    answer = await product.browser().get(path)

    assert answer.status_code == 200
    assert heading(answer) == "You are not signed in"
    assert "Tamara" not in answer.text
    wanted = "" if path == "/va-success" else f"?return_to=%2F{path[1:]}"
    assert f'href="{SERVICE_URL}/api/v1/va/login{wanted}"' in answer.text


async def test_the_start_page_knows_whether_one_is_signed_in(
    product: Product, browser: Browser
) -> None:
    assert heading(await browser.get("/")) == "You are signed in to VetAssist"
    assert heading(await product.browser().get("/")) == "Sign in to VetAssist"


@pytest.mark.parametrize("path", ["/", *PATHS])
async def test_an_outage_says_nothing_about_the_session(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    outage(monkeypatch)
    answer = await browser.get(path)

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    if path == "/":
        assert re.search("We can.t check right now whether you are signed in", answer.text)
    else:
        assert re.fullmatch("We can.t check your session right now", heading(answer))


async def test_signing_out_ends_the_session_and_names_who_may_still_be_signed_in(
    browser: Browser,
) -> None:
    cookie = browser.cookie_header
    answer = await post(browser, SIGN_OUT)

    assert answer.headers["location"] == "/signed-out"
    page = await followed(browser, answer)
    assert heading(page) == "You are signed out"
    for other in ("https://www.va.gov/", "https://secure.login.gov/", "https://account.id.me/"):
        assert f'href="{other}' in page.text
    browser.http.cookies.clear()
    again = await browser.get("/api/v1/session", headers={"Cookie": cookie})
    assert again.status_code == 401


async def test_a_script_that_signs_out_names_them_too() -> None:
    async with running_product(frontend_url=SERVICE_URL, session_delivery="query") as product:
        text = (await product.browser().get("/va-success")).text

    farewell = text.partition('<div data-state="signed-out"')[2].partition("</section>")[0]
    for other in ("https://www.va.gov/", "https://secure.login.gov/", "https://account.id.me/"):
        assert f'href="{other}' in farewell


async def test_signing_out_twice_is_no_error(browser: Browser) -> None:
    await post(browser, SIGN_OUT)

    assert heading(await followed(browser, await post(browser, SIGN_OUT))) == "You are signed out"


async def test_the_page_after_a_sign_out_is_not_for_those_who_are_signed_in(
    browser: Browser,
) -> None:
    answer = await browser.get("/signed-out")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/va-success"


async def test_one_of_several_devices_is_signed_out(product: Product, browser: Browser) -> None:
    other = (await product.sign_in()).browser
    third = (await product.sign_in()).browser
    shown = await browser.get("/sessions")
    ids = re.findall(r'name="session_id" value="([^"]+)"', shown.text)
    assert len(ids) == 2
    mine = (await other.get("/api/v1/session")).json()["session_id"]

    page = await followed(browser, await post(browser, "/sessions/sign-out", session_id=mine))

    assert "You are signed out of that device." in page.text
    assert not await is_signed_in(other)
    assert await is_signed_in(third)
    assert "signed out of that device" not in (await browser.get("/sessions")).text


@pytest.mark.parametrize("wanted", ["", "nonsense", "7d44e0a8-23ab-4c6a-9d3c-8a3f3a3f3a3f"])
async def test_a_session_of_nobody_is_not_signed_out_of(browser: Browser, wanted: str) -> None:
    page = await followed(browser, await post(browser, "/sessions/sign-out", session_id=wanted))

    assert heading(page) == "Where you are signed in"
    assert 'class="done" role="status"' not in page.text


async def test_all_other_devices_or_all_devices_are_signed_out(
    product: Product, browser: Browser
) -> None:
    other = (await product.sign_in()).browser
    page = await followed(browser, await post(browser, "/sessions/sign-out-elsewhere"))
    assert "You are signed out everywhere else." in page.text
    assert not await is_signed_in(other)
    assert await is_signed_in(browser)

    page = await followed(browser, await post(browser, "/sign-out-everywhere"))
    assert "Your sessions have ended, here and on all other devices." in page.text
    assert not await is_signed_in(browser)


async def test_a_form_renews_the_session_and_goes_back(product: Product, browser: Browser) -> None:
    product.clock.advance(timedelta(minutes=20))
    page = await followed(browser, await post(browser, RENEW, return_to="/sessions"))
    assert heading(page) == "Where you are signed in"
    assert "You will stay signed in for longer." in page.text

    product.clock.advance(timedelta(minutes=20))
    assert await is_signed_in(browser)


@pytest.mark.parametrize("elsewhere", ["", "https://evil.example/", "//evil.example", "/\\evil"])
async def test_a_form_leads_nowhere_else(browser: Browser, elsewhere: str) -> None:
    answer = await post(browser, RENEW, return_to=elsewhere)

    assert answer.headers["location"] == "/va-success"


async def test_who_is_late_to_renew_reads_that_the_session_has_ended(
    product: Product, browser: Browser
) -> None:
    product.clock.advance(timedelta(minutes=31))

    page = await followed(browser, await post(browser, RENEW, return_to="/sessions"))

    assert heading(page) == "You are not signed in"


async def test_a_token_that_is_late_can_be_renewed_while_the_session_stands() -> None:
    limits: dict[str, Any] = {"jwt_expiry_minutes": 5, "session_delivery": "cookie"}
    async with running_product(frontend_url=SERVICE_URL, **limits) as product:
        browser = (await product.sign_in()).browser
        product.clock.advance(timedelta(minutes=6))
        page = await browser.get("/sessions")
        assert "Were you signed in a moment ago?" in page.text

        page = await followed(browser, await post(browser, RENEW, return_to="/sessions"))

        assert heading(page) == "Where you are signed in"


async def test_disconnecting_says_what_it_means_and_ends_every_session(
    product: Product, browser: Browser
) -> None:
    other = (await product.sign_in()).browser
    assert "asks VA to end its access" in (await browser.get("/disconnect")).text

    page = await followed(browser, await post(browser, "/disconnect"))

    assert heading(page) == "You are signed out"
    assert "VA is disconnected" in page.text
    assert not await is_signed_in(browser)
    assert not await is_signed_in(other)
    assert not product.store.committed.va_tokens


async def test_disconnecting_needs_a_fresh_sign_in_that_comes_back(
    product: Product, browser: Browser
) -> None:
    login = f"{SERVICE_URL}/api/v1/va/login?return_to=%2Fdisconnect"
    link = f'href="{login}">Sign in with VA.gov again</a>'
    product.clock.advance(timedelta(minutes=11))

    answer = await post(browser, "/disconnect")

    assert answer.status_code == 403
    assert heading(answer) == "Disconnect VA"
    assert link in answer.text
    assert product.store.committed.va_tokens
    assert await is_signed_in(browser)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "origin",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {},
    ],
)
async def test_a_form_of_another_site_does_nothing(
    browser: Browser, path: str, origin: dict[str, str]
) -> None:
    answer = await browser.post(path, data={"session_id": "x"}, headers=origin)

    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in answer.headers
    assert await is_signed_in(browser)


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_that_meets_an_outage_leads_to_a_page(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    outage(monkeypatch)
    answer = await post(browser, path, session_id="7d44e0a8-23ab-4c6a-9d3c-8a3f3a3f3a3f")

    assert answer.status_code == 503
    assert heading(answer) == "We couldn't do that right now"


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_without_a_session_leads_to_a_page(product: Product, path: str) -> None:
    browser = product.browser()
    page = await followed(browser, await post(browser, path))

    assert heading(page) in {"You are not signed in", "You are signed out"}


async def test_the_destination_is_offered_and_nothing_else_is(browser: Browser) -> None:
    assert 'href="/claims/new"' in (await browser.get("/va-success?return_to=/claims/new")).text
    hostile = await browser.get("/va-success?return_to=https://evil.example/")
    assert "evil" not in hostile.text


async def test_older_entries_have_an_address_of_their_own(
    product: Product, browser: Browser
) -> None:
    for _ in range(30):
        await product.sign_in()
    newest = await browser.get("/history")
    (older,) = re.findall(r'href="(/history\?after=[^"]+)"', newest.text)

    page = await browser.get(older)

    assert heading(page) == "Your account history"
    first = re.findall(r"<h2 class=\"device\".*?</li>", newest.text, re.DOTALL)
    second = re.findall(r"<h2 class=\"device\".*?</li>", page.text, re.DOTALL)
    assert len(first) == 25
    assert second
    assert (await browser.get("/history?after=nonsense")).status_code == 404


async def test_support_is_named_with_ways_to_reach_it(product: Product) -> None:
    browser = product.browser()
    for path in ("/", "/sessions", "/va-error?error=account_disabled", "/scripts-needed"):
        text = (await browser.get(path)).text
        assert 'href="tel:+18005550100;ext=5"' in text
        assert 'href="mailto:help@example.org"' in text
        assert 'href="https://help.example.org/"' in text
        assert 'href="https://example.org/privacy"' in text
        assert 'href="https://example.org/terms"' in text
        for link in ("tel:988", "sms:838255", "https://www.veteranscrisisline.net/"):
            assert f'href="{link}' in text
        # Beside what tells to contact support, too, and not in the footer alone.
        main = text.partition("<main")[2].partition("</main>")[0]
        assert ('href="mailto:help@example.org"' in main) == ("support" in main), path


@pytest.mark.parametrize("path", ["/va-error?error=account_disabled", "/scripts-needed", "/x"])
async def test_the_text_that_names_support_says_how_to_reach_it(
    product: Product, path: str
) -> None:
    text = (await product.browser().get(path, headers=HTML)).text
    main = text.partition("<main")[2].partition("</main>")[0]

    for link in ("tel:+18005550100;ext=5", "mailto:help@example.org", "https://help.example.org/"):
        assert f'href="{link}"' in main


async def test_who_has_no_number_reads_where_to_verify_and_whom_to_call(product: Product) -> None:
    text = (await product.browser().get("/va-error?error=identity_missing")).text

    for link in ("https://www.login.gov/help/", "https://help.id.me/", "tel:+18006982411"):
        assert f'href="{link}' in text


async def test_the_start_page_says_all_that_is_shared(product: Product) -> None:
    text = (await product.browser().get("/")).text

    for said in ("your email address", "ICN", "offline access", "act for you at VA"):
        assert said in text


async def test_who_is_not_confirmed_reads_whom_to_call(product: Product) -> None:
    browser = (await product.sign_in("jesse-gray")).browser
    product_status = (await browser.get("/api/v1/user")).json()["veteran_status"]
    page = await browser.get("/va-success")

    shown = re.findall(r'<div data-status="([^"]+)">', page.text)
    assert shown == [product_status]
    assert "800-827-1000" in page.text


async def test_the_language_of_the_browser_and_of_a_link(
    product: Product, browser: Browser
) -> None:
    page = await browser.get("/sessions", headers=SPANISH | CHROME)
    assert heading(page) == "Dónde tiene la sesión iniciada"
    assert page.headers["content-language"] == "es"
    assert '<html lang="es"' in page.text
    assert re.search(
        r">\d+ de [a-z]+ de \d{4}, \d+:\d\d\s[ap]\.m\. E[SD]T</time>", unescape(page.text)
    )

    (link,) = re.findall(r'href="(/language/en\?return_to=[^"]+)"', page.text)
    back = await browser.get(link, headers=SPANISH)
    assert back.headers["location"] == "/sessions"
    page = await browser.get("/sessions", headers=SPANISH)
    assert heading(page) == "Where you are signed in"
    events = await browser.get("/api/v1/history")
    assert events.headers["content-language"] == "en"


async def test_the_api_tells_in_the_language_that_is_asked_for(browser: Browser) -> None:
    history = await browser.get("/api/v1/history", headers=SPANISH)
    sessions = await browser.get("/api/v1/sessions", headers=SPANISH)

    assert history.headers["content-language"] == sessions.headers["content-language"] == "es"
    assert "Usted inició sesión con VA.gov." in [
        event["summary"] for event in history.json()["events"]
    ]
    assert sessions.json()["sessions"][0]["device"].endswith("desconocido")


@pytest.mark.parametrize("language", ["fr", "", "es/x", "EN"])
async def test_there_is_no_other_language(product: Product, language: str) -> None:
    assert (await product.browser().get(f"/language/{language}")).status_code == 404


async def test_choosing_a_language_leads_nowhere_else(product: Product) -> None:
    answer = await product.browser().get("/language/es?return_to=https://evil.example/")

    assert answer.headers["location"] == "/"


async def test_a_link_to_the_same_page_leaves_out_what_may_be_a_secret(product: Product) -> None:
    query = "token=canary&code=canary&expires=soon&return_to=/claims"
    answer = await product.browser().get(f"/va-success?{query}")

    assert "canary" not in answer.text
    assert "/language/es?return_to=/va-success%3Freturn_to%3D%252Fclaims" in answer.text


class Texts(HTMLParser):
    """What a person reads or hears on a page, piece by piece."""

    _READ = frozenset({"alt", "aria-label", "title", "placeholder"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tags.append(tag)
        fields: dict[str, Any] = dict(attrs)
        self.pieces += [
            value
            for name, value in fields.items()
            if name in self._READ
            or name == "data-title"
            or (name.startswith("data-") and fields.get("id") == "texts")
        ]

    def handle_data(self, data: str) -> None:
        if self._tags[-1:] != ["script"]:
            self.pieces.append(data)


#: What isn't ours to translate: names, numbers, times, codes.
_NOT_OURS: Final = re.compile(
    r"VetAssist|Español|English|Tamara|Ellis|\bTE\b|VA\.gov|Login\.gov|ID\.me|"
    r"va\.api\.user\S+|(help|/)\S*|\b[A-Z][a-z]+ \d+, \d+, \d+:\d+\s[AP]M E[SD]T|\d+ minutes|"
    r"[0-9a-f]{12}-[0-9a-f]+|\+1 800 555 0100 ext\. 5|Chrome|Windows|localhost|·|"
    + "|".join(SignInFailure)
)


def untranslated(html: str) -> list[str]:
    """The letters outside of all ⟦translated⟧ texts."""
    texts = Texts()
    texts.feed(html)
    joined = "\n".join(texts.pieces)
    depth, outside = 0, []
    for character in joined:
        depth += {"⟦": 1, "⟧": -1}.get(character, 0)
        outside.append(character if depth == 0 else " ")
    assert depth == 0
    left = _NOT_OURS.sub(" ", "".join(outside).replace("⟧", " "))
    return re.findall(r"[^\W\d_]{2,}", left)


@pytest.mark.parametrize("delivery", ["cookie", "query"])
async def test_no_text_of_a_page_escapes_translation(
    monkeypatch: pytest.MonkeyPatch, delivery: str
) -> None:
    """In a language that marks each translated text, nothing else is left to read."""
    marks = {"translation": lambda _language: lambda message: f"⟦{message}⟧"}
    modules = ("renderer", "account_pages", "account_forms", "pages")
    for module in (*(f"pages.{each}" for each in modules), "plain_pages"):
        monkeypatch.setattr(f"entrypoints.web.{module}.translation", marks["translation"])
    settings: dict[str, Any] = {
        "session_delivery": delivery,
        "support_phone": PHONE,
    }
    async with running_product(frontend_url=SERVICE_URL, **settings) as product:
        visitor, signed_in = product.browser(), (await product.sign_in()).browser
        await product.sign_in()
        errors = [f"/va-error?error={code}" for code in [*SignInFailure, "none"]]
        pages = [
            *[await visitor.get(path) for path in ("/", *PATHS, "/scripts-needed", *errors)],
            *[await signed_in.get(path, headers=CHROME) for path in ("/", *PATHS)],
            *[await visitor.get(path, headers=HTML) for path in ("/nowhere", RENEW)],
            await signed_in.get("/va-success?return_to=/claims"),
        ]
        if delivery == "cookie":
            pages.append(await visitor.get("/signed-out"))
            pages.append(await signed_in.post("/disconnect", headers={"Origin": "null"}))
            product.clock.advance(timedelta(minutes=11))
            pages.append(await signed_in.post("/disconnect", headers=OURS))
            pages.append(await followed(signed_in, await post(signed_in, SIGN_OUT)))
    for page in pages:
        assert page.headers["content-type"].startswith("text/html")
        assert untranslated(page.text) == [], urlsplit(str(page.request.url)).path


def test_the_check_for_escaped_texts_finds_them() -> None:
    assert untranslated("<p>⟦Fine⟧ VetAssist</p>") == []
    assert untranslated('<p>⟦Fine⟧</p><img alt="Escaped">') == ["Escaped"]
    assert untranslated("<p>⟦You <b>go</b>⟧ away</p>") == ["away"]
    assert languages.translation(Language.ENGLISH)("Fine") == "Fine"
