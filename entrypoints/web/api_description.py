"""The API in OpenAPI 3.1, by hand: every route, and every status it answers with.

Left out are what any route may answer when it is asked for something else (404, 405) or has a
bug (500), and the pages, which are no API.
"""

from importlib.metadata import version
from typing import Any, Final

from application.ports.readiness import ReadinessCheck
from domain.audit_event import AuditEventType
from domain.va_token_use import TokenPurpose
from entrypoints.settings import CALLBACK_PATH
from entrypoints.web.disclosure_endpoints import USES_PATH
from entrypoints.web.history_endpoints import EXPORT_PATH, HISTORY_PATH
from entrypoints.web.session_cookies import REDEEM_PATH, RENEW_PATH, SessionCookies
from entrypoints.web.session_endpoints import VERIFY_METHODS, VERIFY_PATH
from entrypoints.web.token_endpoint import TOKEN_PATH
from entrypoints.web.token_request import (
    ACCESS_TOKEN,
    JWT,
    JWT_BEARER,
    MAX_BYTES,
    TOKEN_EXCHANGE,
)

_Json = dict[str, Any]

_DISTRIBUTION: Final = "vetassist-va-session-service"

_SIGN_IN: Final = "Sign-in"
_SESSION: Final = "Session"
_BACK_ENDS: Final = "For back ends and proxies"
_OPERATION: Final = "Operation"


def describe(*, public_url: str, cookies: SessionCookies, delivers_by_cookie: bool) -> _Json:
    """The description of a service that is set up like this.

    Args:
        public_url: Where browsers reach it.
        cookies: What its cookies are called.
        delivers_by_cookie: Whether the session's cookie counts as a credential.
    """
    signed_in: list[_Json] = [{"bearer": []}]
    if delivers_by_cookie:
        signed_in.append({"sessionCookie": []})
    refusals = _refs("401", "503")
    unsafe_refusals = _refs("401", *(["403"] if delivers_by_cookie else []), "503")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "VetAssist VA session service",
            "version": version(_DISTRIBUTION),
            "summary": "Signs Veterans in with VA.gov and keeps their VetAssist sessions.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "tags": [{"name": name} for name in (_SIGN_IN, _SESSION, _BACK_ENDS, _OPERATION)],
        "paths": {
            "/api/v1/va/login": {"get": _LOGIN},
            CALLBACK_PATH: {"get": _CALLBACK},
            "/api/v1/session": {
                "get": _operation(
                    "showSession",
                    "The caller's session, and how long it lasts",
                    tag=_SESSION,
                    security=signed_in,
                    responses={"200": _json("The session stands.", "Session")} | refusals,
                ),
                "delete": _operation(
                    "logOut",
                    "Log out",
                    tag=_SESSION,
                    security=signed_in,
                    responses={"204": _ENDED} | unsafe_refusals,
                ),
            },
            RENEW_PATH: {"post": _RENEW},
            REDEEM_PATH: {"post": _REDEEM},
            "/api/v1/sessions": {
                "get": _operation(
                    "listSessions",
                    "Where the caller is signed in",
                    tag=_SESSION,
                    security=signed_in,
                    responses={"200": _json("Newest sign-in first.", "Sessions")} | refusals,
                ),
                "delete": _operation(
                    "endSessions",
                    "End all of the caller's sessions, or all others",
                    tag=_SESSION,
                    security=signed_in,
                    parameters=[
                        _query(
                            "except",
                            {"type": "string", "enum": ["current"]},
                            "Spares the session that asks.",
                        )
                    ],
                    responses={
                        "204": _ENDED,
                        "400": _problem("`except` is something else.", "bad_request"),
                    }
                    | unsafe_refusals,
                ),
            },
            "/api/v1/sessions/{session_id}": {
                "delete": _operation(
                    "endSession",
                    "End one of the caller's sessions",
                    tag=_SESSION,
                    security=signed_in,
                    parameters=[
                        {
                            "name": "session_id",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string", "format": "uuid"},
                        }
                    ],
                    responses={
                        "204": _ENDED,
                        "404": _problem("The caller has no such session.", "not_found"),
                    }
                    | unsafe_refusals,
                )
            },
            "/api/v1/va/link": {
                "delete": _operation(
                    "unlinkVA",
                    "Take the link to VA back",
                    tag=_SESSION,
                    security=signed_in,
                    responses={"204": _UNLINKED, "403": _UNLINK_REFUSED} | refusals,
                )
            },
            USES_PATH: {
                "get": _operation(
                    "listUses",
                    "Which back ends used the caller's VA connection, and what for",
                    tag=_SESSION,
                    security=signed_in,
                    parameters=[
                        _query(
                            "after",
                            {"type": "string", "maxLength": 200},
                            "The `next` of the page before this one.",
                        )
                    ],
                    responses={
                        "200": _json("Newest first.", "Uses"),
                        "400": _problem("`after` is not one of ours.", "bad_request"),
                    }
                    | refusals,
                )
            },
            HISTORY_PATH: {
                "get": _operation(
                    "listHistory",
                    "What happened to the caller's account, in plain words",
                    tag=_SESSION,
                    security=signed_in,
                    parameters=[
                        _query(
                            "after",
                            {"type": "string", "maxLength": 200},
                            "The `next` of the page before this one.",
                        )
                    ],
                    responses={
                        "200": _json("Newest first.", "History"),
                        "400": _problem("`after` is not one of ours.", "bad_request"),
                    }
                    | refusals,
                )
            },
            EXPORT_PATH: {
                "get": _operation(
                    "exportHistory",
                    "All of the caller's history as a file",
                    tag=_SESSION,
                    security=signed_in,
                    parameters=[
                        _query(
                            "format",
                            {"type": "string", "enum": ["json", "csv"], "default": "json"},
                            "What kind of file.",
                        )
                    ],
                    responses={
                        "200": _EXPORT,
                        "400": _problem("`format` is something else.", "bad_request"),
                    }
                    | refusals,
                )
            },
            TOKEN_PATH: {"post": _EXCHANGE},
            "/api/v1/user": {
                "get": _operation(
                    "showUser",
                    "Who the caller is signed in as",
                    tag=_SESSION,
                    security=signed_in,
                    responses={"200": _json("The user.", "User")} | refusals,
                )
            },
            VERIFY_PATH: {"get": _verify("GET", signed_in, unsafe_refusals)},
            f"{VERIFY_PATH}/{{path}}": {
                "description": "The same for proxies that ask by the client's own method and path "
                "(Envoy). The path may be of any number of segments; it is not looked at.",
                "parameters": [
                    {
                        "name": "path",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string"},
                    }
                ],
            }
            | {
                method.lower(): _verify(method, signed_in, unsafe_refusals, suffix="At")
                for method in VERIFY_METHODS
            },
            "/healthz": _polled("alive", "Whether the process answers", _ALIVE),
            "/readyz": _polled("ready", "Whether it can serve", _READY),
            "/openapi.json": {"get": _THIS},
        },
        "components": {
            "schemas": _SCHEMAS,
            "headers": _HEADERS,
            "responses": _RESPONSES,
            "securitySchemes": _security_schemes(cookies, with_session_cookie=delivers_by_cookie),
        },
    }


def _operation(name: str, summary: str, *, tag: str, responses: _Json, **more: Any) -> _Json:
    return {"operationId": name, "summary": summary, "tags": [tag], **more, "responses": responses}


def _query(name: str, schema: _Json, description: str) -> _Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _answer(description: str, *, headers: _Json | None = None, **content: _Json) -> _Json:
    always = {name: {"$ref": f"#/components/headers/{name}"} for name in _ALWAYS}
    return {"description": description, "headers": always | (headers or {}), **content}


def _json(description: str, schema: str, *, headers: _Json | None = None) -> _Json:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return _answer(
        description, headers=headers, content={"application/json": {"schema": reference}}
    )


def _problem(description: str, *codes: str, headers: tuple[str, ...] = ()) -> _Json:
    """An error, told apart from others of its status by one of ``codes``."""
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"properties": {"code": {"enum": list(codes)}}},
        ]
    }
    return _answer(
        description,
        headers={name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        content={"application/problem+json": {"schema": schema}},
    )


def _refs(*statuses: str) -> _Json:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _instant(description: str) -> _Json:
    return {"type": "string", "format": "date-time", "description": description}


def _object(properties: _Json, *, optional: tuple[str, ...] = ()) -> _Json:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


_ALWAYS: Final = ("Cache-Control", "X-Request-ID")
_HEADERS: Final[_Json] = {
    "Cache-Control": {"required": True, "schema": {"const": "no-store"}},
    "X-Request-ID": {
        "description": "Names the request in our log.",
        "required": True,
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "RFC 6750, section 3.",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
    },
    "Retry-After": {
        "description": "Seconds.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}
_SET_COOKIE: Final[_Json] = {
    "Set-Cookie": {"description": "One field a cookie.", "schema": {"type": "string"}}
}
_CLEARED: Final[_Json] = {
    "Set-Cookie": {
        "description": "Takes the cookies back when the session that asked has ended.",
        "schema": {"type": "string"},
    }
}

#: Visible, as in all of our tokens and codes.
_TEXT: Final[_Json] = {"type": "string", "pattern": "^[ -~]*$", "maxLength": 1024}
_UUID: Final[_Json] = {"type": "string", "format": "uuid"}
_OUTLOOK: Final[_Json] = {
    "idle_expires_at": _instant("When the session ends unless it is renewed before."),
    "absolute_expires_at": _instant("When the session ends in any case."),
    "can_extend": {
        "type": "boolean",
        "description": "Whether a renewal would move the idle limit.",
    },
    "warn_at": _instant("When to warn the user that the session is about to end."),
}
_EVENT: Final[_Json] = _object(
    {
        "occurred_at": _instant("When it happened."),
        "type": {"enum": [each.value for each in AuditEventType]},
        "summary": {"type": "string", "description": "What happened, to the Veteran."},
        "device": {
            "type": ["string", "null"],
            "description": "Where the session was opened, while the session is kept.",
            "examples": ["Firefox on Linux"],
        },
        "session_id": {"type": ["string", "null"], "format": "uuid"},
        "reference": {
            "type": ["string", "null"],
            "description": "The X-Request-ID of the request that it happened in.",
        },
        "details": {
            "type": "object",
            "description": "Codes, ids and counts.",
            "additionalProperties": {"type": ["string", "integer"]},
        },
    }
)
_PROBLEM: Final[_Json] = {
    "type": {"const": "about:blank"},
    "title": {"type": "string", "description": "The status in words."},
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "code": {"type": "string", "description": "For programs; stable."},
    "reference": {
        "type": "string",
        "description": "The X-Request-ID, to be quoted to support.",
    },
}
_SCHEMAS: Final[_Json] = {
    "Problem": {
        "description": "RFC 9457. Whatever was sent is not repeated.",
        **_object(_PROBLEM),
    },
    "NotReady": _object(
        {
            **_PROBLEM,
            "failing": {
                "type": "array",
                "items": {"enum": [check.value for check in ReadinessCheck]},
                "minItems": 1,
            },
        }
    ),
    "Session": _object(
        {
            "session_id": _UUID,
            "user_id": _UUID,
            "issued_at": _instant("When the user signed in."),
            "renewed_at": _instant("When the session was last renewed."),
            "expires_at": _instant("When the token that was shown expires."),
            "va_linked": {"const": True},
            **_OUTLOOK,
        }
    ),
    "Sessions": _object(
        {
            "sessions": {
                "type": "array",
                "items": _object(
                    {
                        "session_id": _UUID,
                        "device": {
                            "type": "string",
                            "description": "In plain words.",
                            "examples": ["Firefox on Linux"],
                        },
                        "issued_at": _instant("When the user signed in."),
                        "renewed_at": _instant("When the session was last renewed."),
                        "expires_at": _instant("When it ends unless it is renewed before."),
                        "current": {
                            "type": "boolean",
                            "description": "Whether it is the one that asks.",
                        },
                    }
                ),
            }
        }
    ),
    "Uses": _object(
        {
            "uses": {
                "type": "array",
                "maxItems": 25,
                "items": _object(
                    {
                        "client": {
                            "type": ["string", "null"],
                            "description": "What the back end is called.",
                        },
                        "purpose": {"enum": [*(each.value for each in TokenPurpose), None]},
                        "in_order_to": {
                            "type": ["string", "null"],
                            "description": "The purpose, as the end of a sentence.",
                            "examples": [TokenPurpose.VETERAN_STATUS.plain_name],
                        },
                        "scope": {
                            "type": "string",
                            "description": "All that the token covered.",
                        },
                        "used_at": _instant("When the back end was given the token."),
                    }
                ),
            },
            "next": {
                "type": ["string", "null"],
                "description": "For `after`; null on the last page.",
            },
        }
    ),
    "History": _object(
        {
            "events": {"type": "array", "maxItems": 25, "items": _EVENT},
            "next": {
                "type": ["string", "null"],
                "description": "For `after`; null on the last page.",
            },
        }
    ),
    "HistoryFile": _object({"events": {"type": "array", "items": _EVENT}}),
    "VAToken": {
        "description": "RFC 8693, section 2.2.1.",
        **_object(
            {
                "access_token": {"type": "string"},
                "issued_token_type": {"const": ACCESS_TOKEN},
                "token_type": {"const": "Bearer"},
                "expires_in": {"type": "integer", "minimum": 0, "description": "Seconds."},
                "scope": {"type": "string", "description": "All that the token covers."},
            }
        ),
    },
    "TokenError": {
        "description": "RFC 6749, section 5.2. Whatever was sent is not repeated.",
        **_object(
            {
                "error": {"type": "string"},
                "error_description": {"type": "string", "description": "For a developer."},
                "code": {"type": "string", "description": "For programs; finer than `error`."},
            },
            optional=("code",),
        ),
    },
    "Grant": _object(
        {
            "session_id": _UUID,
            "expires_at": _instant("When the new token expires."),
            **_OUTLOOK,
            "token": {
                "type": "string",
                "description": "The JWT; missing where it comes as a cookie.",
            },
            "refresh_token": {
                "type": "string",
                "description": "For the next renewal; missing where it comes as a cookie.",
            },
        },
        optional=("token", "refresh_token"),
    ),
    "User": _object(
        {
            "user_id": _UUID,
            "given_name": {"type": ["string", "null"]},
            "family_name": {"type": ["string", "null"]},
            "email": {"type": ["string", "null"]},
            "veteran_status": {"enum": ["confirmed", "not confirmed", "unknown"]},
            "last_login_at": {"type": ["string", "null"], "format": "date-time"},
            "va_sign_in_needed": {
                "type": "boolean",
                "description": "Nobody can act for the Veteran at VA until the next sign-in.",
            },
        }
    ),
    "Alive": _object({"status": {"const": "alive"}}),
    "Ready": _object({"status": {"const": "ready"}}),
}
_RESPONSES: Final[_Json] = {
    "401": _problem(
        "No token, more than one, or one that does not stand: sign in again.",
        "invalid_token",
        headers=("WWW-Authenticate",),
    ),
    "403": _problem(
        "A cookie vouches for an unsafe request that does not come from our own front end.",
        "forbidden",
    ),
    "503": _problem(
        "The database does not answer. Nobody is logged out by it: try again.",
        "unavailable",
        headers=("Retry-After",),
    ),
}
_ENDED: Final = _answer(
    "Done: every check that begins from now on is refused. Ending what has ended changes nothing.",
    headers=_CLEARED,
)

_UNLINKED: Final = _answer(
    "Done: VA's tokens and the key that sealed them are destroyed, every session has ended, and VA "
    "is asked to revoke. Signing in again finds the same account.",
    headers=_CLEARED,
)
_UNLINK_REFUSED: Final = _problem(
    "The sign-in was not only just now: sign in again first. Or a cookie vouches for a request "
    "that does not come from our own front end.",
    "fresh_sign_in_needed",
    "forbidden",
)

_LOGIN: Final = _operation(
    "logIn",
    "Send the browser to VA",
    tag=_SIGN_IN,
    parameters=[
        _query(
            "return_to",
            {"type": "string", "pattern": r"^/[!-\[\]-~]*$", "maxLength": 512},
            "Where in the front end to go on once signed in: a path, without `//`, `.` or `..` "
            "in it, however often it is percent-encoded.",
        )
    ],
    responses={
        "303": _answer(
            "To VA. The attempt is bound to this browser by a cookie.",
            headers={
                "Location": {"required": True, "schema": {"type": "string", "format": "uri"}},
                **_SET_COOKIE,
            },
        ),
        "400": _problem(
            "A parameter stands twice or is no clean text, or `return_to` is no path of ours.",
            "malformed_parameters",
            "invalid_return_to",
        ),
        "429": _problem(
            "Too many sign-ins were started from this address.",
            "too_many_logins",
            headers=("Retry-After",),
        ),
        "503": _problem(
            "VA, or our database, does not answer, or too many sign-ins are in progress at VA.",
            "provider_unavailable",
            "unavailable",
            headers=("Retry-After",),
        ),
    },
)
_CALLBACK: Final = _operation(
    "completeLogin",
    "Take VA's answer",
    tag=_SIGN_IN,
    description="Where VA sends the browser back to. Whatever it brings, the browser goes on to "
    "`/va-success` or `/va-error` of the front end.",
    parameters=[
        _query(name, {"type": "string"}, description)
        for name, description in (
            ("state", "The attempt; it counts once, and from the browser that began it."),
            ("code", "RFC 6749, section 4.1.2."),
            ("error", "RFC 6749, section 4.1.2.1."),
            ("iss", "RFC 9207."),
        )
    ],
    responses={
        "303": _answer(
            "To the front end: with the session, in the way that is set, or with the reason why "
            "there is none.",
            headers={
                "Location": {
                    "required": True,
                    "schema": {"type": "string", "pattern": r"/va-(success[?#]|error\?error=)"},
                },
                **_SET_COOKIE,
            },
        )
    },
)


def _takes_json(schema: _Json, *, required: bool) -> _Json:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


_BODY_REFUSALS: Final[_Json] = {
    "400": _problem("The body is no such JSON object.", "bad_request"),
    "408": _problem("The body took too long to arrive.", "request_timeout"),
    "413": _problem("The body is longer than 4096 bytes.", "content_too_large"),
    "415": _problem("The body is not called `application/json`.", "unsupported_media_type"),
}
_GRANTED: Final = _json("The tokens, in the body or as cookies.", "Grant", headers=_SET_COOKIE)
_RENEW: Final = _operation(
    "renewSession",
    "A new JWT for a live session",
    tag=_SESSION,
    description="Against the refresh token in the cookie, or in the body; the next one comes the "
    "same way. The one before the newest gets the same answer for a moment, as an answer may be "
    "lost; any older one ends the session.",
    security=[{"refreshCookie": []}, {}],
    requestBody=_takes_json(
        {
            "type": "object",
            "properties": {"refresh_token": _TEXT},
            "additionalProperties": False,
        },
        required=False,
    ),
    responses={"200": _GRANTED}
    | _BODY_REFUSALS
    | {
        "401": _problem(
            "No refresh token, one that is none of ours (`invalid_token`), one whose session has "
            "ended (`session_ended`), or one that was used before (`token_reused`).",
            "invalid_token",
            "session_ended",
            "token_reused",
            headers=("WWW-Authenticate",),
        )
    }
    | _refs("403", "503"),
)
_REDEEM: Final = _operation(
    "redeemCode",
    "The one-time code for the session",
    tag=_SIGN_IN,
    description="Where sessions are delivered by code: once, within 60 seconds, by the browser "
    "that signed in.",
    security=[{"handoffCookie": []}],
    requestBody=_takes_json(
        {
            "type": "object",
            "properties": {
                "code": _TEXT,
                "refresh": {
                    "enum": ["cookie", "body"],
                    "default": "cookie",
                    "description": "How to hand over the refresh token.",
                },
            },
            "required": ["code"],
            "additionalProperties": False,
        },
        required=True,
    ),
    responses={"200": _GRANTED}
    | _BODY_REFUSALS
    | {
        "401": _problem(
            "No such code for this browser (`invalid_token`), or its session has ended meanwhile "
            "(`session_ended`).",
            "invalid_token",
            "session_ended",
            headers=("WWW-Authenticate",),
        )
    }
    | _refs("403", "503"),
)


def _refused_token(description: str, *errors: str, headers: _Json | None = None) -> _Json:
    """An answer of the token endpoint without a token."""
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/TokenError"},
            {"properties": {"error": {"enum": list(errors)}}},
        ]
    }
    return _answer(
        description,
        headers=_NOT_CACHED | (headers or {}),
        content={"application/json": {"schema": schema}},
    )


_NOT_CACHED: Final[_Json] = {"Pragma": {"required": True, "schema": {"const": "no-cache"}}}
_WAIT: Final[_Json] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
_EXCHANGE: Final = _operation(
    "exchangeToken",
    "The Veteran's JWT for VA's access token",
    tag=_BACK_ENDS,
    description="Token exchange (RFC 8693) for registered back ends. They authenticate by HTTP "
    "Basic, by `client_id` and `client_secret`, or by a signed assertion (RFC 7523). Each use is "
    "audited, and shown to the Veteran.",
    security=[{"clientSecret": []}, {}],
    requestBody={
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "grant_type": {"const": TOKEN_EXCHANGE},
                        "subject_token": {"type": "string", "description": "The Veteran's JWT."},
                        "subject_token_type": {"enum": [JWT, ACCESS_TOKEN]},
                        "requested_token_type": {"const": ACCESS_TOKEN},
                        "purpose": {
                            "enum": [purpose.value for purpose in TokenPurpose],
                            "description": "Ours: what for.",
                        },
                        "scope": {
                            "type": "string",
                            "description": "Separated by spaces; left out: all that the client is "
                            "registered for.",
                        },
                        "audience": {"type": "string", "description": "VA, if anybody."},
                        "resource": {"type": "string", "description": "An API of VA's."},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                        "client_assertion_type": {"const": JWT_BEARER},
                        "client_assertion": {"type": "string"},
                    },
                    "required": ["grant_type", "subject_token", "subject_token_type", "purpose"],
                }
            }
        },
    },
    responses={
        "200": _json("A token that is good for a while yet.", "VAToken", headers=_NOT_CACHED),
        "400": _refused_token(
            "Malformed, or not to be had: `code` may say why.",
            "invalid_request",
            "unsupported_grant_type",
            "unauthorized_client",
            "invalid_scope",
            "invalid_target",
            "invalid_grant",
        ),
        "401": _refused_token(
            "The client has not shown that it is one.",
            "invalid_client",
            headers={
                "WWW-Authenticate": {
                    "required": True,
                    "schema": {"type": "string", "pattern": "^Basic "},
                }
            },
        ),
        "408": _refused_token("The body took too long to arrive.", "invalid_request"),
        "413": _refused_token(f"The body is longer than {MAX_BYTES} bytes.", "invalid_request"),
        "415": _refused_token("The body is no form.", "invalid_request"),
        "429": _refused_token(
            "Too many requests from this address were refused.",
            "temporarily_unavailable",
            headers=_WAIT,
        ),
        "503": _refused_token(
            "VA, or our database, does not answer.", "temporarily_unavailable", headers=_WAIT
        ),
    },
)
_ALIVE: Final[_Json] = {"200": _json("It does.", "Alive")}
_READY: Final[_Json] = {
    "200": _json("A request could be served.", "Ready"),
    "503": _answer(
        "A request could not be served: the checks that fail say why.",
        headers={"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
        content={"application/problem+json": {"schema": {"$ref": "#/components/schemas/NotReady"}}},
    ),
}
_EXPORT: Final = _answer(
    "Newest first.",
    headers={
        "Content-Disposition": {
            "description": "What to call the file.",
            "required": True,
            "schema": {"type": "string", "pattern": "^attachment; "},
        }
    },
    content={
        "application/json": {"schema": {"$ref": "#/components/schemas/HistoryFile"}},
        "text/csv": {"schema": {"type": "string"}},
    },
)
_THIS: Final = _operation(
    "showDescription",
    "This description",
    tag=_OPERATION,
    responses={
        "200": _answer("OpenAPI 3.1.", content={"application/json": {"schema": {"type": "object"}}})
    },
)


def _verify(method: str, security: list[_Json], refusals: _Json, *, suffix: str = "") -> _Json:
    """A proxy's question, by one method."""
    responses = {
        "200": _answer(
            "Yes. The headers say whose request it is.",
            headers={
                "X-Auth-User": {"required": True, "schema": _UUID},
                "X-Auth-Session": {"required": True, "schema": _UUID},
            },
        )
    } | refusals
    return _operation(
        f"verify{suffix}{method.capitalize() if suffix else ''}",
        "Whether to let a request through",
        tag=_BACK_ENDS,
        security=security,
        parameters=[
            {
                "name": name,
                "in": "header",
                "description": "How the client asked the proxy. Where a cookie vouches for an "
                "unsafe method, Origin and Sec-Fetch-Site are judged.",
                "schema": {"type": "string"},
            }
            for name in ("X-Forwarded-Method", "X-Original-Method")
        ],
        responses=_bodiless(responses) if method == "HEAD" else responses,
    )


def _polled(name: str, summary: str, responses: _Json) -> _Json:
    """What an orchestrator asks, by GET or by HEAD."""
    return {
        "get": _operation(name, summary, tag=_OPERATION, responses=responses),
        "head": _operation(f"{name}Head", summary, tag=_OPERATION, responses=_bodiless(responses)),
    }


def _bodiless(responses: _Json) -> _Json:
    """The answers to HEAD in place of GET."""
    whole = {
        status: _RESPONSES[status] if "$ref" in answer else answer
        for status, answer in responses.items()
    }
    return {
        status: {key: part for key, part in answer.items() if key != "content"}
        for status, answer in whole.items()
    }


def _security_schemes(cookies: SessionCookies, *, with_session_cookie: bool) -> _Json:
    def cookie(name: str, description: str) -> _Json:
        return {"type": "apiKey", "in": "cookie", "name": name, "description": description}

    schemes = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "refreshCookie": cookie(cookies.refresh_name, "The refresh token, for the renewal only."),
        "clientSecret": {"type": "http", "scheme": "basic"},
        "handoffCookie": cookie(cookies.handoff_name, "The browser of a one-time code."),
    }
    if with_session_cookie:
        schemes["sessionCookie"] = cookie(cookies.session_name, "The JWT.")
    return schemes
