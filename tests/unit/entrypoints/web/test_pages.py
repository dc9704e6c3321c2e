"""The pages: what they say, and that the strictest content policy fits them."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Final, Self

import httpx
import pytest
from starlette.applications import Starlette

from domain.sign_in_failure import SignInFailure
from entrypoints.web.pages import pages as pages_module
from entrypoints.web.pages.address_script import ADDRESS_SCRIPT
from entrypoints.web.pages.contacts import Policies, Support
from entrypoints.web.pages.explanations import EXPLANATIONS, GENERAL
from entrypoints.web.pages.pages import Pages, ScriptedPages
from entrypoints.web.pages.renderer import Renderer, Site

PUBLIC_URL: Final = "http://vetassist.example:8000"
SIGN_IN: Final = f"{PUBLIC_URL}/api/v1/va/login"
STATIC: Final = Path(pages_module.__file__).parent / "static"
SCRIPTS: Final = sorted(path.name for path in STATIC.glob("*.js"))
EVERY_PAGE: Final = (
    "/",
    "/va-success",
    "/sessions",
    "/uses",
    "/history",
    "/disconnect",
    "/scripts-needed",
    "/va-error",
    *(f"/va-error?error={failure}" for failure in SignInFailure),
)
#: Those that a person who is signed in sees.
SESSION_PAGES: Final = {
    "/va-success": "success.js",
    "/sessions": "sessions.js",
    "/uses": "uses.js",
    "/history": "history.js",
    "/disconnect": "disconnect.js",
}
#: Where other pages start.
OTHER_PAGES: Final = {"account.js", "developer.js", "start.js", "signed_out.js"}
#: Where pages send a person who needs more help than ours.
HELP: Final = (
    "tel:",
    "sms:838255",
    "https://www.veteranscrisisline.net/",
    "https://www.va.gov/",
    "https://www.login.gov/",
    "https://secure.login.gov/",
    "https://help.id.me/",
    "https://account.id.me/",
)
#: Only support can change these.
FINAL_FAILURES: Final = {SignInFailure.IDENTITY_CONFLICT, SignInFailure.ACCOUNT_DISABLED}


class Markup(HTMLParser):
    """A page's elements, and the text of some."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []

    @classmethod
    def of(cls, html: str) -> Self:
        markup = cls()
        markup.feed(html)
        markup.close()
        return markup

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        self._open.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data

    def handle_endtag(self, tag: str) -> None:
        # Elements that are never closed, such as `meta`, go with the one around them.
        while self._open.pop() != tag:
            pass

    def count(self, tag: str) -> int:
        return sum(1 for name, _ in self.elements if name == tag)

    def attributes(self, name: str) -> set[str]:
        return {value for _, found in self.elements if (value := found.get(name)) is not None}

    @property
    def links(self) -> set[str]:
        return self.attributes("href") | self.attributes("src")


def scripted_pages(public_url: str) -> Pages:
    """The pages of a session whose token a script keeps."""
    site = Site(public_url=public_url, support=Support(), policies=Policies())
    renderer = Renderer(site)
    return Pages(renderer=renderer, account_routes=ScriptedPages(renderer).routes)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=scripted_pages(PUBLIC_URL).routes)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=PUBLIC_URL
    ) as asgi_client:
        yield asgi_client


async def markup_of(client: httpx.AsyncClient, url: str) -> Markup:
    answer = await client.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Markup.of(answer.text)


@pytest.mark.parametrize("url", EVERY_PAGE)
async def test_a_page_holds_no_script_style_or_handler_of_its_own(
    client: httpx.AsyncClient, url: str
) -> None:
    markup = await markup_of(client, url)

    # The only one takes a token out of the address, and is allowed by its hash.
    allowed = {"", ADDRESS_SCRIPT} if url == "/va-success" else {""}
    assert {text.strip() for text in markup.texts.get("script", [])} <= allowed
    assert markup.count("style") == 0
    attributes = {name for _, found in markup.elements for name in found}
    assert not {name for name in attributes if name.startswith("on") or name == "style"}


@pytest.mark.parametrize("url", EVERY_PAGE)
async def test_a_page_names_no_foreign_resource(client: httpx.AsyncClient, url: str) -> None:
    markup = await markup_of(client, url)

    loaded = markup.attributes("src") | {
        found["href"] or "" for tag, found in markup.elements if tag == "link"
    }
    assert all(re.match(r"/(?!/)", link) for link in loaded)
    foreign = {link for link in markup.links if not re.match(r"/(?!/)|#", link)}
    assert all(link.partition("?")[0] == SIGN_IN or link.startswith(HELP) for link in foreign)


@pytest.mark.parametrize("url", EVERY_PAGE)
async def test_a_page_can_be_found_ones_way_around_without_seeing_it(
    client: httpx.AsyncClient, url: str
) -> None:
    markup = await markup_of(client, url)

    assert markup.count("h1") == markup.count("main") == markup.count("header") == 1
    assert ("html", {"lang": "en", "data-locale": "en-US"}) in markup.elements
    first_link = next(found for tag, found in markup.elements if tag == "a")
    assert (first_link["href"] or "").removeprefix("#") in markup.attributes("id")
    assert all("alt" in found for tag, found in markup.elements if tag == "img")


async def test_no_two_kinds_of_page_have_the_same_title(client: httpx.AsyncClient) -> None:
    titles = [(await markup_of(client, url)).texts["title"][0] for url in EVERY_PAGE]

    assert len(set(titles)) == len(EVERY_PAGE)
    assert all(title.endswith(" · VetAssist") for title in titles)


@pytest.mark.parametrize("url", EVERY_PAGE)
async def test_everything_a_page_is_made_of_is_served(client: httpx.AsyncClient, url: str) -> None:
    markup = await markup_of(client, url)
    assets = {link for link in markup.links if link.startswith("/static/")}

    assert assets
    for asset in assets:
        assert (await client.get(asset)).status_code == 200, asset


async def test_what_the_style_sheet_and_the_scripts_refer_to_is_served(
    client: httpx.AsyncClient,
) -> None:
    style = (await client.get("/static/style.css")).text
    # Beside the style sheet, whatever the public URL's path is.
    references = {f"/static/{name}" for name in re.findall(r'url\("([a-z.]+)"\)', style)}
    assert len(references) == style.count("url(")
    for script in SCRIPTS:
        source = (await client.get(f"/static/{script}")).text
        imported = re.findall(r'^import .* from "\./([^"]+)";$', source, re.MULTILINE)
        references |= {f"/static/{name}" for name in imported}

    assert {"/static/check.svg", "/static/api.js"} <= references
    for reference in references:
        assert (await client.get(reference)).status_code == 200, reference


@pytest.mark.parametrize(
    ("asset", "media_type"),
    [
        ("style.css", "text/css"),
        ("success.js", "javascript"),
        ("logo.svg", "image/svg+xml"),
    ],
)
async def test_an_asset_says_what_it_is_so_that_nosniff_lets_it_in(
    client: httpx.AsyncClient, asset: str, media_type: str
) -> None:
    answer = await client.get(f"/static/{asset}")

    assert media_type in answer.headers["content-type"]


async def test_the_static_files_lead_nowhere_else(client: httpx.AsyncClient) -> None:
    for path in ("/static/../pages.py", "/static/%2e%2e/pages.py", "/static/", "/static/none.js"):
        assert (await client.get(path)).status_code == 404, path


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_never_turns_text_into_markup_or_code(script: str) -> None:
    source = (STATIC / script).read_text(encoding="utf-8")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", source)


async def test_the_start_page_signs_in_by_a_plain_link(client: httpx.AsyncClient) -> None:
    markup = await markup_of(client, "/")

    assert ("a", {"class": "button primary large", "href": SIGN_IN}) in markup.elements
    assert markup.attributes("src") == {"/static/logo.svg", "/static/start.js"}


@pytest.mark.parametrize("public_url", ["http://localhost:8000", "http://localhost:8000/"])
async def test_signing_in_starts_on_the_host_that_va_leads_back_to(public_url: str) -> None:
    app = Starlette(routes=scripted_pages(public_url).routes)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000"
    ) as elsewhere:
        markup = await markup_of(elsewhere, "/")

    assert "http://localhost:8000/api/v1/va/login" in markup.links


@pytest.mark.parametrize("url", SESSION_PAGES)
async def test_a_session_page_says_what_it_needs_when_scripts_are_off(
    client: httpx.AsyncClient, url: str
) -> None:
    answer = await client.get(url, params={"token": "secret", "code": "secret", "expires": "soon"})

    assert "<noscript>" in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize("url", SESSION_PAGES)
async def test_a_session_page_shows_nothing_before_it_knows_the_session(
    client: httpx.AsyncClient, url: str
) -> None:
    markup = await markup_of(client, url)

    states = [found for _, found in markup.elements if "data-state" in found]
    assert {"loading", "signed-in", "ended", "lapsed", "unavailable", "signed-out"} <= {
        state for found in states for state in (found["data-state"] or "").split()
    }
    # A script that never comes leaves no blank page.
    shown = [found["data-state"] for found in states if "hidden" not in found]
    assert shown == ["loading"]


@pytest.mark.parametrize("url", SESSION_PAGES)
async def test_the_warning_is_an_alert_dialog_with_name_description_and_voice(
    client: httpx.AsyncClient, url: str
) -> None:
    markup = await markup_of(client, url)

    (dialog,) = (found for tag, found in markup.elements if tag == "dialog")
    assert dialog["role"] == "alertdialog"
    assert "open" not in dialog
    told = f"{dialog['aria-labelledby']} {dialog['aria-describedby']}".split()
    assert set(told) <= markup.attributes("id")
    start = markup.elements.index(("dialog", dialog))
    inside = {found.get("role") for _, found in markup.elements[start + 1 :]}
    assert {"status", "alert", "timer"} <= inside
    assert "Stay signed in" in markup.texts["button"]


@pytest.mark.parametrize("url", SESSION_PAGES)
async def test_no_id_and_no_field_stands_twice_on_a_session_page(
    client: httpx.AsyncClient, url: str
) -> None:
    markup = await markup_of(client, url)

    for name in ("id", "data-field"):
        values = [found[name] for _, found in markup.elements if name in found]
        assert len(values) == len(set(values))


async def test_the_session_pages_lead_to_each_other(client: httpx.AsyncClient) -> None:
    first, *others, last = SESSION_PAGES
    assert last in (await markup_of(client, "/uses")).links
    assert "/uses" in (await markup_of(client, last)).links
    for other in others:
        assert other in (await markup_of(client, first)).links
        assert first in (await markup_of(client, other)).links


@pytest.mark.parametrize(("url", "own"), SESSION_PAGES.items())
async def test_a_script_finds_every_element_that_it_names(
    client: httpx.AsyncClient, url: str, own: str
) -> None:
    markup = await markup_of(client, url)

    elsewhere = OTHER_PAGES if url == "/va-success" else OTHER_PAGES | {"session_end.js"}
    for script in (set(SCRIPTS) - set(SESSION_PAGES.values()) - elsewhere) | {own}:
        source = (STATIC / script).read_text(encoding="utf-8")
        ids = set(re.findall(r'getElementById\("([^"]+)"\)', source))
        fields = set(re.findall(r'(?:field|fill)\("([^"]+)"', source))
        assert ids <= markup.attributes("id"), script
        assert fields <= markup.attributes("data-field"), script


def test_every_code_of_the_contract_is_explained() -> None:
    assert set(EXPLANATIONS) == set(SignInFailure)


@pytest.mark.parametrize("failure", SignInFailure)
async def test_an_error_code_is_explained_in_words(
    client: httpx.AsyncClient, failure: SignInFailure
) -> None:
    markup = await markup_of(client, f"/va-error?error={failure}")
    explanation = EXPLANATIONS[failure]

    assert markup.texts["h1"] == [explanation.title]
    assert explanation.what_happened in markup.texts["p"]
    assert explanation.advice in markup.texts["p"]
    assert markup.texts["code"] == [failure]


@pytest.mark.parametrize("url", [url for url in EVERY_PAGE if url.startswith("/va-error")])
async def test_an_error_page_claims_nothing_that_nobody_checked(
    client: httpx.AsyncClient, url: str
) -> None:
    """It is rendered from a code in its address, which anyone can write."""
    markup = await markup_of(client, url)

    said = " ".join([*markup.texts["h1"], *markup.texts["h2"], *markup.texts["p"]]).lower()
    for claim in ("signed in", "signed out", "no longer valid", "expired", "10 min"):
        assert claim not in said, claim


def test_a_refusal_at_the_provider_blames_neither_the_person_nor_a_policy() -> None:
    explanation = EXPLANATIONS[SignInFailure.ACCESS_DENIED]

    for claim in ("you declined", "you chose not", "you didn't", "was declined"):
        assert claim not in f"{explanation.title} {explanation.what_happened}".lower(), claim
    assert "choose not to share" in explanation.what_happened
    assert "doesn't let your account sign in here" in explanation.what_happened
    assert "VetAssist support" in explanation.advice


async def test_a_page_says_that_a_session_stands_only_where_the_service_was_asked(
    client: httpx.AsyncClient,
) -> None:
    for url in SESSION_PAGES:
        markup = await markup_of(client, url)
        # The scripts show these for an answer of the service, and nothing else before it.
        titles = {
            found["data-state"]: found["data-title"]
            for _, found in markup.elements
            if "data-title" in found
        }
        assert titles.pop("signed-in")
        assert titles == {
            "loading": "Checking your session",
            "ended": "You are not signed in",
            "lapsed": "Do you want to continue?",
            "unavailable": "We can\N{RIGHT SINGLE QUOTATION MARK}t check your session right now",
            "signed-out": "You are signed out",
        }


@pytest.mark.parametrize("failure", SignInFailure)
async def test_trying_again_is_offered_where_it_can_help(
    client: httpx.AsyncClient, failure: SignInFailure
) -> None:
    markup = await markup_of(client, f"/va-error?error={failure}")

    assert (SIGN_IN in markup.links) == (failure not in FINAL_FAILURES)
    assert failure not in FINAL_FAILURES or "support" in EXPLANATIONS[failure].advice


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"error": ""},
        {"error": "ACCESS_DENIED"},
        {"error": "canary-code"},
        {"error": "<script>alert('canary')</script>"},
        {"error": '"><img src=x onerror=canary>'},
        {"error": "{{ canary }}"},
        {"error": "access_denied\x00canary"},
        {"error": ["access_denied", "canary"]},
        {"error": "login_expired", "error_description": "<b>canary</b>"},
    ],
)
async def test_what_a_link_makes_up_is_never_repeated(
    client: httpx.AsyncClient, query: dict[str, str | list[str]]
) -> None:
    answer = await client.get("/va-error", params=query)

    assert answer.status_code == 200
    assert "canary" not in answer.text
    explanation = GENERAL if "error_description" not in query else EXPLANATIONS["login_expired"]
    assert Markup.of(answer.text).texts["h1"] == [explanation.title]


SURFACES: Final = ("surface", "sunken")
PAIRS: Final = (
    *product(("text", "muted", "accent"), SURFACES),
    ("text", "page"),
    ("muted", "page"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("band-text", "band"),
    ("good", "good-surface"),
    ("caution", "caution-surface"),
)


@pytest.mark.parametrize(("text", "background"), PAIRS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme: str, text: str, background: str) -> None:
    colours = palette(scheme)

    # Source: WCAG 2.2, success criterion 1.4.3, level AA.
    assert contrast(colours[text], colours[background]) >= 4.5


@pytest.mark.parametrize("line", ["focus", "line-strong"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_edge_of_a_control_and_its_focus_can_be_seen(scheme: str, line: str) -> None:
    colours = palette(scheme)

    # Source: WCAG 2.2, success criterion 1.4.11, level AA.
    assert contrast(colours[line], colours["surface"]) >= 3


def palette(scheme: str) -> dict[str, str]:
    style = (STATIC / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", block)) for block in blocks)
    return light if scheme == "light" else light | dark


def contrast(one: str, other: str) -> float:
    """The ratio as WCAG 2.2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = (linear(value / 255) for value in bytes.fromhex(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
