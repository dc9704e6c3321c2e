"""The API in OpenAPI 3.1, by hand: every route, and every status it answers with.

Not described are responses that any route may give to a wrong request (404, 405) or for a bug
(500), and the pages, which are no API.
"""

from importlib.metadata import version
from typing import Final

from entrypoints.settings import CALLBACK_PATH
from entrypoints.web.api import back_ends, health, history, renewal, sessions, sign_in
from entrypoints.web.api.access import Access
from entrypoints.web.api.parts import BACK_ENDS, HEADERS, JSON, OPERATION, SESSION, SIGN_IN, refs
from entrypoints.web.api.responses import RESPONSES
from entrypoints.web.api.schemas import SCHEMAS
from entrypoints.web.disclosure_endpoints import USES_PATH
from entrypoints.web.history_endpoints import EXPORT_PATH, HISTORY_PATH
from entrypoints.web.session_cookies import REDEEM_PATH, RENEW_PATH, SessionCookies
from entrypoints.web.session_endpoints import OWN_VERIFY_PATH, VERIFY_PATH
from entrypoints.web.token_endpoint import TOKEN_PATH

# As OpenAPI writes it, without the convertor.
_OWN_VERIFY: Final = OWN_VERIFY_PATH.replace(":str", "")
_DISTRIBUTION: Final = "vetassist-va-session-service"


def describe(
    *,
    public_url: str,
    cookies: SessionCookies,
    delivers_by_cookie: bool,
    has_app_sign_ins: bool = False,
) -> JSON:
    """The description of this service with these settings.

    Args:
        public_url: The URL that browsers reach it at.
        cookies: The names of its cookies.
        delivers_by_cookie: Whether the session cookie is accepted as a credential.
        has_app_sign_ins: Whether apps can start sign-ins.
    """
    signed_in: list[JSON] = [{"bearer": []}]
    if delivers_by_cookie:
        signed_in.append({"sessionCookie": []})
    access = Access(
        signed_in=signed_in,
        refusals=refs("401", "503"),
        unsafe_refusals=refs("401", "403", "503"),
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "VetAssist VA session service",
            "version": version(_DISTRIBUTION),
            "summary": "Signs Veterans in with VA.gov and keeps their VetAssist sessions.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "tags": [{"name": name} for name in (SIGN_IN, SESSION, BACK_ENDS, OPERATION)],
        "paths": {
            "/api/v1/va/login": {"get": sign_in.login(by_apps=has_app_sign_ins)},
            CALLBACK_PATH: {"get": sign_in.CALLBACK},
            "/api/v1/session": sessions.session(access),
            RENEW_PATH: {"post": renewal.RENEW},
            REDEEM_PATH: {"post": renewal.REDEEM},
            "/api/v1/sessions": sessions.sessions(access),
            "/api/v1/sessions/{session_id}": sessions.one_session(access),
            "/api/v1/va/link": sessions.link(access),
            USES_PATH: history.uses(access),
            HISTORY_PATH: history.events(access),
            EXPORT_PATH: history.export(access),
            TOKEN_PATH: {"post": back_ends.EXCHANGE},
            "/api/v1/user": sessions.user(access),
            VERIFY_PATH: back_ends.verify(access),
            f"{VERIFY_PATH}/{{path}}": back_ends.verify_at_path(access),
            _OWN_VERIFY: back_ends.verify_own(access),
            f"{_OWN_VERIFY}/{{path}}": back_ends.verify_own_at_path(access),
            "/healthz": health.alive(),
            "/readyz": health.ready(),
            "/openapi.json": {"get": health.DESCRIPTION},
        },
        "components": {
            "schemas": SCHEMAS,
            "headers": HEADERS,
            "responses": RESPONSES,
            "securitySchemes": _security_schemes(cookies, with_session_cookie=delivers_by_cookie),
        },
    }


def _security_schemes(cookies: SessionCookies, *, with_session_cookie: bool) -> JSON:
    def cookie(name: str, description: str) -> JSON:
        return {"type": "apiKey", "in": "cookie", "name": name, "description": description}

    schemes = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "refreshCookie": cookie(cookies.refresh_name, "The refresh token."),
        "clientSecret": {"type": "http", "scheme": "basic"},
        "handoffCookie": cookie(cookies.handoff_name, "Marks the browser of a one-time code."),
    }
    if with_session_cookie:
        schemes["sessionCookie"] = cookie(cookies.session_name, "The JWT.")
    return schemes
