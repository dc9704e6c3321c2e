"""Builds the service's own pages.

What they need is imported on use: most deployments have their own front end and need no templates.
"""

from typing import TYPE_CHECKING

from application.front_end_roster import FrontEndRoster
from application.ports.clock import Clock
from application.use_cases.history.list_disclosures import ListDisclosures
from application.use_cases.history.read_history import ReadHistory
from application.use_cases.history.view_user import ViewUser
from application.use_cases.sessions.list_sessions import ListSessions
from application.use_cases.sessions.renew_session import RenewSession
from application.use_cases.sessions.revoke_sessions import RevokeSessions
from application.use_cases.sessions.sign_out import SignOut
from domain.front_end import SessionDelivery
from entrypoints.settings import Settings
from entrypoints.web.authentication import Authenticator
from entrypoints.web.languages import LanguageCookie
from entrypoints.web.link_endpoints import Unlinking
from entrypoints.web.origin_guard import OriginGuard
from entrypoints.web.pages.contacts import Policies, Support
from entrypoints.web.plain_pages import PlainPages
from entrypoints.web.session_cookies import SessionCookies
from entrypoints.web.visitors import VisitorReader

if TYPE_CHECKING:
    from entrypoints.web.pages.account_forms import AccountForms
    from entrypoints.web.pages.account_pages import AccountPages
    from entrypoints.web.pages.pages import Pages
    from entrypoints.web.pages.renderer import Renderer


def plain_pages(settings: Settings, *, languages: LanguageCookie) -> PlainPages:
    """The pages of errors, with the operator's contacts."""
    return PlainPages(
        frontend_url=settings.frontend_url,
        serves_front_end=settings.serves_front_end,
        support=_support(settings),
        policies=_policies(settings),
        languages=languages,
    )


def renderer(settings: Settings) -> "Renderer":
    """Renders the templates, with the operator's contacts."""
    from entrypoints.web.pages.renderer import Renderer, Site  # noqa: PLC0415

    site = Site(
        public_url=settings.public_url,
        support=_support(settings),
        policies=_policies(settings),
        is_for_developers=settings.developer_pages,
    )
    return Renderer(site)


def account_pages(
    renderer: "Renderer",
    settings: Settings,
    *,
    authenticator: Authenticator,
    view_user: ViewUser,
    list_sessions: ListSessions,
    list_disclosures: ListDisclosures,
    read_history: ReadHistory,
    front_ends: FrontEndRoster,
    clock: Clock,
) -> "AccountPages":
    """The pages of a session in a cookie."""
    from entrypoints.web.pages.account_pages import AccountPages  # noqa: PLC0415

    return AccountPages(
        renderer=renderer,
        authenticator=authenticator,
        view_user=view_user,
        list_sessions=list_sessions,
        list_disclosures=list_disclosures,
        read_history=read_history,
        front_ends=front_ends,
        limits=settings.session_limits,
        clock=clock,
    )


def account_forms(
    renderer: "Renderer",
    settings: Settings,
    *,
    authenticator: Authenticator,
    guard: OriginGuard,
    sign_out: SignOut,
    revoke_sessions: RevokeSessions,
    renew_session: RenewSession,
    unlinking: Unlinking,
    cookies: SessionCookies,
    visitors: VisitorReader,
) -> "AccountForms":
    """The forms of those pages."""
    from entrypoints.web.pages.account_forms import AccountForms  # noqa: PLC0415

    return AccountForms(
        renderer=renderer,
        authenticator=authenticator,
        guard=guard,
        sign_out=sign_out,
        revoke_sessions=revoke_sessions,
        renew_session=renew_session,
        unlinking=unlinking,
        cookies=cookies,
        visitors=visitors,
        front_end=settings.front_end,
    )


def pages(
    settings: Settings,
    *,
    renderer: "Renderer",
    account_pages: "AccountPages",
    account_forms: "AccountForms",
) -> "Pages":
    """All pages, for the way in which sessions are delivered."""
    from entrypoints.web.pages.pages import Pages, ScriptedPages  # noqa: PLC0415

    if settings.session_delivery is SessionDelivery.COOKIE:
        forms = account_forms.routes(account_pages.show_disconnect)
        routes = [*account_pages.routes, *forms]
    else:
        routes = ScriptedPages(renderer).routes
    return Pages(renderer=renderer, account_routes=routes)


def _support(settings: Settings) -> Support:
    return Support(
        phone=settings.support_phone, email=settings.support_email, url=settings.support_url
    )


def _policies(settings: Settings) -> Policies:
    return Policies(privacy=settings.privacy_url, terms=settings.terms_url)
