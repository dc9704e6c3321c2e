"""Renders the templates in the visitor's language."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from domain.errors import InvalidReturnPathError
from domain.return_path import ReturnPath
from domain.sign_in_failure import SignInFailure
from entrypoints.web.languages import Language, LanguageCookie, headers_of, translation
from entrypoints.web.pages.contacts import Policies, Support
from entrypoints.web.parameters import MalformedParametersError, single_values
from entrypoints.web.timestamps import rfc3339

TEMPLATES: Final = Path(__file__).parent / "templates"
RETURN_TO: Final = "return_to"
#: What the pages themselves read. Links to the same page keep it, and nothing else: an address may
#: hold a token.
_ERROR: Final = "error"
_AFTER: Final = "after"
_OWN_PARAMETERS: Final = (_ERROR, RETURN_TO, _AFTER)
_MARK: Final = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
#: The pages that a sign-in comes back to.
_DESTINATIONS: Final = frozenset({"/sessions", "/uses", "/history", "/disconnect"})
# VA's own zone. Scripts change times to the zone of the device.
_ZONE: Final = ZoneInfo("America/New_York")
_MOST_MINUTES: Final = timedelta(minutes=90)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all pages of a deployment have in common.

    Attributes:
        public_url: Where browsers reach the service.
        support: How to reach a human.
        policies: The operator's policies.
        is_for_developers: Whether the pages show what developers want to see.
    """

    public_url: str
    support: Support
    policies: Policies
    is_for_developers: bool = False

    @property
    def base(self) -> str:
        """The path of the public URL. Usually empty."""
        return urlsplit(self.public_url).path.rstrip("/")

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the service over TLS."""
        return self.public_url.startswith("https://")

    @property
    def sign_in_url(self) -> str:
        """Where a sign-in starts.

        The URL is absolute because the sign-in's cookie must be set on the host that VA.gov
        redirects to. Otherwise, a browser at 127.0.0.1 would return to localhost without it.
        """
        return f"{self.public_url.rstrip('/')}/api/v1/va/login"


@final
class Renderer:
    """Turns a template into a response.

    The markup has no inline styles or event handlers, only one inline script (`address_script`),
    and loads nothing from another host, so it works with a strict Content-Security-Policy.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.language_cookie = LanguageCookie(secure=site.is_https)
        self._environment = environment()
        self._environment.globals |= {
            "base": site.base,
            "sign_in_url": site.sign_in_url,
            "support": site.support,
            "policies": site.policies,
            "developer": site.is_for_developers,
            "languages": list(Language),
        }

    def language(self, request: Request) -> Language:
        """The language of the visitor."""
        return self.language_cookie.language(request)

    def page(
        self, request: Request, template: str, *, status: int = 200, **context: Any
    ) -> Response:
        """A page in the visitor's language. The context is the template's own."""
        language = self.language(request)
        here = context.pop("here", None) or _address_of(request)
        content = self._environment.get_template(template).render(
            language=language,
            translate=translation(language),
            here=here,
            sign_in_again_url=self.sign_in_url(return_path(request) or self._destination(request)),
            **context,
        )
        return HTMLResponse(content, status_code=status, headers=headers_of(language))

    def _destination(self, request: Request) -> str | None:
        """The page itself, if a sign-in can come back to it."""
        path = request.url.path
        return self.site.base + path if path in _DESTINATIONS else None

    def sign_in_url(self, return_to: str | None) -> str:
        """The link that starts a sign-in that comes back to a path."""
        if return_to is None:
            return self.site.sign_in_url
        return f"{self.site.sign_in_url}?return_to={quote(return_to, safe='')}"


def environment(folder: Path = TEMPLATES) -> Environment:
    """The environment of a folder of templates, without what differs between deployments."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {"moment": _moment, "span": _span, "rfc3339": rfc3339}
    return made


def return_path(request: Request) -> str | None:
    """The path of the front end that the address names, if it is one."""
    try:
        wanted = single_values(request, [RETURN_TO]).get(RETURN_TO)
        return None if wanted is None else ReturnPath.parse(wanted).value
    except (MalformedParametersError, InvalidReturnPathError):
        return None


def _address_of(request: Request) -> str:
    """The path of the page, with what it reads of the query. Nothing made up is repeated."""
    try:
        kept = single_values(request, _OWN_PARAMETERS)
    except MalformedParametersError:
        kept = {}
    if kept.get(_ERROR) not in set(SignInFailure):
        kept.pop(_ERROR, None)
    if not _MARK.fullmatch(kept.get(_AFTER, "")):
        kept.pop(_AFTER, None)
    if return_path(request) is None:
        kept.pop(RETURN_TO, None)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept.items())
    return request.url.path + (f"?{query}" if query else "")


@pass_context
def _gettext(context: Context, message: str) -> str:
    translated: str = context["translate"](message)
    return translated


@pass_context
def _ngettext(context: Context, singular: str, plural: str, number: int) -> str:
    return _gettext(context, singular if number == 1 else plural)


@pass_context
def _moment(context: Context, instant: datetime) -> str:
    """Date, time and time zone."""
    locale = _locale(context)
    local = instant.astimezone(_ZONE)
    day = format_date(local, "long", locale=locale)
    return f"{day}, {format_time(local, 'short', locale=locale)} {local.tzname()}"


@pass_context
def _span(context: Context, span: timedelta) -> str:
    """A span in words, such as "29 minutes"."""
    locale = _locale(context)
    if span <= _MOST_MINUTES:
        return format_timedelta(span, granularity="minute", threshold=100, locale=locale)
    return format_timedelta(span, granularity="hour", threshold=100, locale=locale)


def _locale(context: Context) -> Locale:
    return Locale.parse(context["language"].locale, sep="-")
