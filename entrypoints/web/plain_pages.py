"""Pages for errors, made without templates: they work when rendering a template fails.

They look like the other pages, and have the same footer (`layout.html`). Where the front end is
elsewhere they have no style, because the service serves no files there.
"""

from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import Final, final
from urllib.parse import urlsplit

import structlog
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse

from domain.front_end import FrontEnd
from entrypoints.logs import description_of
from entrypoints.web.languages import (
    N_,
    Language,
    LanguageCookie,
    Translate,
    headers_of,
    in_english,
    translation,
)
from entrypoints.web.pages.contacts import Policies, Support

_log = structlog.stdlib.get_logger("vetassist.pages")

_NOT_FOUND: Final = (
    N_("Page not found"),
    N_("There is no page at this address. The link may be old, or part of it may be missing."),
)
_WRONG_METHOD: Final = (
    N_("This page can't be opened this way"),
    N_("The address belongs to VetAssist, but not to a page that you can open in a browser."),
)
_UNREADABLE: Final = (
    N_("We couldn't read what your browser sent"),
    N_("Nothing was changed. Go back and try again."),
)
_BUSY: Final = (
    N_("VetAssist isn't available right now"),
    N_("You did nothing wrong. Wait a few minutes and try again."),
)
_BROKEN: Final = (
    N_("Something went wrong"),
    N_("Something on our side didn't work. You did nothing wrong. Wait and try again."),
)
_PROMISE: Final = N_("You sign in to VetAssist through VA.gov. We never see your VA.gov password.")
_CRISIS: Final = N_(
    "Are you in crisis, or worried about someone? Help is free and private, day and night."
)
_CRISIS_LINE: Final = (
    ("tel:988", N_("Call 988, then press 1")),
    ("sms:838255", N_("Text 838255")),
    (
        "https://www.veteranscrisisline.net/get-help-now/chat/",
        N_("Chat at veteranscrisisline.net"),
    ),
)
_PAGE: Final = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · VetAssist</title>
{style}</head>
<body>
<header class="masthead">
<div class="inner">
<a class="brand" href="{home}">VetAssist</a>
{languages}</div>
</header>
<main id="main">
<section class="card">
<h1>{title}</h1>
<p>{text}</p>
{contact}<p class="actions"><a class="button primary" href="{home}">{way_on}</a></p>
{reference}</section>
</main>
<footer class="colophon">
<section class="crisis" aria-labelledby="crisis-heading">
<h2 id="crisis-heading">{crisis}</h2>
<p>{crisis_text}</p>
{crisis_line}</section>
{support}<p>{promise}</p>
{policies}</footer>
</body>
</html>
"""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPages:
    """Makes the page of an error.

    Attributes:
        frontend_url: Where the front end is.
        serves_front_end: Whether the service is its own front end.
        support: How to reach a human.
        policies: The operator's policies.
        languages: Which language a visitor reads.
    """

    frontend_url: str
    serves_front_end: bool
    support: Support
    policies: Policies
    languages: LanguageCookie

    def page(
        self,
        request: HTTPConnection,
        status: HTTPStatus,
        *,
        reference: str | None,
        front_end: FrontEnd | None = None,
    ) -> HTMLResponse:
        """The page of a status, in the visitor's language.

        Args:
            request: What failed. Nothing of it is on the page.
            status: What the response has, too.
            reference: What support can find the failure by.
            front_end: Where the way on leads. None: to the front end of the settings.
        """
        language, translate = self._language(request)
        title, text = _words_of(status)
        contact = self._contact(translate)
        home = self.frontend_url if front_end is None else front_end.url
        content = _PAGE.format(
            language=language.value,
            title=escape(translate(title)),
            style=self._style(),
            home=escape(f"{home}/"),
            languages=self._languages(language, translate),
            text=escape(translate(text)),
            contact=contact,
            way_on=escape(translate(N_("Go to VetAssist"))),
            reference=_reference(reference, translate),
            crisis=escape(translate(N_("Veterans Crisis Line"))),
            crisis_text=escape(translate(_CRISIS)),
            crisis_line=_list("", [_link(url, translate(name)) for url, name in _CRISIS_LINE]),
            support=_support(contact, translate),
            promise=escape(translate(_PROMISE)),
            policies=self._policies(translate),
        )
        return HTMLResponse(content, status_code=status, headers=headers_of(language))

    def _language(self, request: HTTPConnection) -> tuple[Language, Translate]:
        """The visitor's language. English, if the catalogue can't be read."""
        language = self.languages.language(request)
        try:
            return language, translation(language)
        except Exception as error:  # noqa: BLE001 - a page in English is better than none
            _log.error("catalogue_unreadable", **description_of(error))
            return Language.ENGLISH, in_english

    @property
    def _base(self) -> str:
        return urlsplit(self.frontend_url).path

    def _style(self) -> str:
        if not self.serves_front_end:
            return ""
        static = escape(f"{self._base}/static")
        return (
            f'<link rel="icon" href="{static}/logo.svg" type="image/svg+xml">\n'
            f'<link rel="stylesheet" href="{static}/style.css">\n'
        )

    def _languages(self, language: Language, translate: Translate) -> str:
        """Links to the other languages, if there is somebody to keep the choice."""
        if not self.serves_front_end:
            return ""
        links = "".join(
            f'<a href="{escape(self._base)}/language/{other.value}" lang="{other.value}"'
            f' hreflang="{other.value}">{other.own_name}</a>\n'
            for other in Language
            if other is not language
        )
        label = escape(translate(N_("Language")))
        return f'<nav class="languages" aria-label="{label}">\n{links}</nav>\n'

    def _contact(self, translate: Translate) -> str:
        support, items = self.support, []
        if support.phone:
            link = _link(support.phone_url, support.phone)
            items.append(f"{escape(translate(N_('Phone:')))} {link}")
        if support.email:
            link = _link(support.email_url, support.email)
            items.append(f"{escape(translate(N_('Email:')))} {link}")
        if support.url:
            items.append(_link(support.url, translate(N_("VetAssist support website"))))
        return _list("contact", items)

    def _policies(self, translate: Translate) -> str:
        policies = (
            (self.policies.privacy, N_("Privacy policy")),
            (self.policies.terms, N_("Terms of use")),
        )
        return _list("policies", [_link(url, translate(name)) for url, name in policies if url])


def _words_of(status: HTTPStatus) -> tuple[str, str]:
    """Title and text, in English."""
    if status is HTTPStatus.NOT_FOUND:
        return _NOT_FOUND
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        return _WRONG_METHOD
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return _BUSY
    return _BROKEN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _UNREADABLE


def _support(contact: str, translate: Translate) -> str:
    if not contact:
        return ""
    heading = escape(translate(N_("VetAssist support")))
    return (
        '<section aria-labelledby="support-heading">\n'
        f'<h2 id="support-heading">{heading}</h2>\n{contact}</section>\n'
    )


def _reference(reference: str | None, translate: Translate) -> str:
    if reference is None:
        return ""
    name = escape(translate(N_("Reference (for support)")))
    return (
        f'<dl class="reference"><div><dt>{name}</dt>'
        f"<dd><code>{escape(reference)}</code></dd></div></dl>\n"
    )


def _list(kind: str, items: list[str]) -> str:
    if not items:
        return ""
    opening = f'<ul class="{kind}">' if kind else "<ul>"
    return f"{opening}\n{''.join(f'<li>{item}</li>' for item in items)}\n</ul>\n"


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>'
