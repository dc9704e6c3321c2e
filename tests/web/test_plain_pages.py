"""The pages of errors, which work when nothing else does."""

import re
from collections.abc import AsyncIterator
from html import escape
from http import HTTPStatus
from typing import Any, Final

import pytest
from jinja2 import Template
from pytest_mock import MockerFixture
from starlette.requests import HTTPConnection

from application.errors import NotFoundError
from application.use_cases.history.view_user import ViewUser
from entrypoints.web import languages
from entrypoints.web.authentication import Authenticator
from entrypoints.web.languages import Language, LanguageCookie
from entrypoints.web.origin_guard import OriginGuard
from entrypoints.web.pages.contacts import Policies, Support
from entrypoints.web.plain_pages import PlainPages
from tests.support.product import SERVICE_URL, Product, running_product
from tests.web.test_account_pages import FORMS, OURS, RENEW, heading, outage

PERSON: Final = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
SPANISH: Final = PERSON | {"Accept-Language": "es-MX;q=0.9"}
SUPPORT: Final[dict[str, Any]] = {
    "support_phone": "800-555-0100",
    "support_email": "help@example.org",
    "support_url": "https://help.example.org/?a=1&b=2",
    "privacy_url": "https://example.org/privacy",
    "terms_url": "https://example.org/terms",
}
WORDS: Final = {
    HTTPStatus.NOT_FOUND: ("Page not found", "Página no encontrada"),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This page can't be opened this way",
        "Esta página no se puede abrir de esta manera",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "We couldn't read what your browser sent",
        "No pudimos leer lo que envió su navegador",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "VetAssist isn't available right now",
        "VetAssist no está disponible en este momento",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("Something went wrong", "Algo salió mal"),
}


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product(
        frontend_url=SERVICE_URL, session_delivery="cookie", **SUPPORT
    ) as started:
        yield started


def footer(html: str) -> str:
    """The footer, without the white space between its elements."""
    (found,) = re.findall(r"<footer.*</footer>", html, re.DOTALL)
    return re.sub(r"\s*\n\s*", "", str(found))


@pytest.mark.parametrize("headers", [PERSON, SPANISH])
async def test_its_footer_and_languages_are_those_of_every_page(
    product: Product, headers: dict[str, str]
) -> None:
    browser = product.browser()
    page = await browser.get("/nowhere", headers=headers)
    start = await browser.get("/", headers=headers)

    assert footer(page.text) == footer(start.text)
    for name in ("content-language", "vary"):
        assert page.headers[name] == start.headers[name]
    (link,) = re.findall(r'href="(/language/[^"?]+)"', page.text)
    other = await browser.get(link)
    assert other.headers["location"] == "/"
    again = await browser.get("/nowhere", headers=headers)
    assert again.headers["content-language"] == link[-2:] != page.headers["content-language"]


@pytest.mark.parametrize("status", WORDS)
@pytest.mark.parametrize("language", Language)
def test_every_error_has_a_page_in_every_language_for_a_front_end_elsewhere(
    status: HTTPStatus, language: Language
) -> None:
    pages = PlainPages(
        frontend_url="https://front.example",
        serves_front_end=False,
        support=Support(),
        policies=Policies(),
        languages=LanguageCookie(secure=False),
    )
    accepted = (b"accept-language", language.value.encode())
    request = HTTPConnection({"type": "http", "headers": [accepted]})

    page = pages.page(request, status, reference=None)

    text = bytes(page.body).decode()
    english, spanish = WORDS[status]
    title = english if language is Language.ENGLISH else spanish
    assert (page.status_code, page.headers["content-language"]) == (status, language.value)
    assert f"<title>{escape(title)} · VetAssist</title>" in text
    assert f"<h1>{escape(title)}</h1>" in text
    assert 'href="tel:988"' in text
    # Nobody there serves our files, or keeps the language.
    assert set(re.findall(r'href="([^"]*front[^"]*|/[^"]*)"', text)) == {"https://front.example/"}


async def test_a_page_that_cannot_be_rendered_leads_to_one_with_a_reference(
    product: Product, mocker: MockerFixture
) -> None:
    browser = product.browser()
    mocker.patch.object(Template, "render", side_effect=RuntimeError("a bug"))

    page = await browser.get("/", headers=SPANISH)

    assert page.status_code == 500
    assert heading(page) == "Algo salió mal"
    assert f"<code>{page.headers['x-request-id']}</code>" in page.text
    assert 'href="tel:8005550100"' in page.text
    assert 'href="tel:988"' in page.text


async def test_without_a_catalogue_it_is_in_english(
    product: Product, mocker: MockerFixture
) -> None:
    mocker.patch.object(languages, "_messages", side_effect=OSError)

    page = await product.browser().get("/nowhere", headers=SPANISH)

    assert page.status_code == 404
    assert page.headers["content-language"] == "en"
    assert heading(page) == "Page not found"


async def test_it_needs_no_database(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    outage(monkeypatch)

    page = await product.browser().get("/nowhere", headers=PERSON)

    assert (page.status_code, heading(page)) == (404, "Page not found")


async def test_a_use_case_that_refuses_a_page_leads_to_a_page(
    product: Product, mocker: MockerFixture
) -> None:
    browser = product.browser()
    await browser.sign_in()
    mocker.patch.object(ViewUser, "execute", side_effect=NotFoundError)
    page = await browser.get("/va-success", headers=PERSON)
    assert (page.status_code, heading(page)) == (404, "Page not found")


async def test_a_form_that_is_too_large_leads_to_a_page(product: Product) -> None:
    browser = (await product.sign_in()).browser

    page = await browser.post(RENEW, content=b"a" * 5000, headers=PERSON | OURS)

    assert page.status_code == 413
    assert heading(page) == "We couldn't read what your browser sent"


@pytest.mark.parametrize("path", FORMS)
async def test_a_bug_behind_a_form_leads_to_a_page(
    product: Product, mocker: MockerFixture, path: str
) -> None:
    browser = (await product.sign_in()).browser
    for name in ("session", "sign_out_proof"):
        mocker.patch.object(Authenticator, name, side_effect=RuntimeError("a bug"))
    mocker.patch.object(OriginGuard, "check", side_effect=RuntimeError("a bug"))

    page = await browser.post(path, headers=PERSON | OURS)

    assert (page.status_code, heading(page)) == (500, "Something went wrong")
