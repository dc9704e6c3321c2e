"""The schemas of bodies."""

from typing import Final

from application.ports.readiness import ReadinessCheck
from domain.audit_event import AuditEventType
from domain.va_token_use import TokenPurpose
from entrypoints.web.api.parts import JSON, UUID, instant, object_of
from entrypoints.web.token_request import ACCESS_TOKEN

_OUTLOOK: Final[JSON] = {
    "idle_expires_at": instant("When the session ends unless it is renewed."),
    "absolute_expires_at": instant("When the session ends in any case."),
    "can_extend": {
        "type": "boolean",
        "description": "Whether a renewal would move the idle limit.",
    },
    "warn_at": instant("When to warn the user that the session is about to end."),
}
_EVENT: Final[JSON] = object_of(
    {
        "occurred_at": instant("When it happened."),
        "type": {"enum": [each.value for each in AuditEventType]},
        "summary": {"type": "string", "description": "What happened, in words for the Veteran."},
        "device": {
            "type": ["string", "null"],
            "description": "The device of the session, as long as the session is stored.",
            "examples": ["Firefox on Linux"],
        },
        "session_id": {"type": ["string", "null"], "format": "uuid"},
        "reference": {
            "type": ["string", "null"],
            "description": "The X-Request-ID of the request that caused it.",
        },
        "details": {
            "type": "object",
            "description": "Codes, ids and counts.",
            "additionalProperties": {"type": ["string", "integer"]},
        },
    }
)
_PROBLEM: Final[JSON] = {
    "type": {"const": "about:blank"},
    "title": {"type": "string", "description": "The status in words."},
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "code": {"type": "string", "description": "Stable, for programs."},
    "reference": {
        "type": "string",
        "description": "The X-Request-ID, for support.",
    },
}
SCHEMAS: Final[JSON] = {
    "Problem": {
        "description": "RFC 9457. It repeats nothing from the request.",
        **object_of(_PROBLEM),
    },
    "NotReady": object_of(
        {
            **_PROBLEM,
            "failing": {
                "type": "array",
                "items": {"enum": [check.value for check in ReadinessCheck]},
                "minItems": 1,
            },
        }
    ),
    "Session": object_of(
        {
            "session_id": UUID,
            "user_id": UUID,
            "issued_at": instant("When the user signed in."),
            "renewed_at": instant("When the session was last renewed."),
            "expires_at": instant("When the token of the request expires."),
            "va_linked": {"const": True},
            **_OUTLOOK,
        }
    ),
    "Sessions": object_of(
        {
            "sessions": {
                "type": "array",
                "items": object_of(
                    {
                        "session_id": UUID,
                        "device": {
                            "type": "string",
                            "description": "In plain words.",
                            "examples": ["Firefox on Linux"],
                        },
                        "front_end": {
                            "type": ["string", "null"],
                            "description": "The name of the front end where the user signed in. "
                            "The host, for the front end of the settings.",
                        },
                        "issued_at": instant("When the user signed in."),
                        "renewed_at": instant("When the session was last renewed."),
                        "expires_at": instant("When it ends unless it is renewed."),
                        "current": {
                            "type": "boolean",
                            "description": "Whether it is the session of the request.",
                        },
                    }
                ),
            }
        }
    ),
    "Uses": object_of(
        {
            "uses": {
                "type": "array",
                "maxItems": 25,
                "items": object_of(
                    {
                        "client": {
                            "type": ["string", "null"],
                            "description": "The name of the back end.",
                        },
                        "purpose": {"enum": [*(each.value for each in TokenPurpose), None]},
                        "in_order_to": {
                            "type": ["string", "null"],
                            "description": "The purpose, as the end of a sentence.",
                            "examples": [TokenPurpose.VETERAN_STATUS.plain_name],
                        },
                        "scope": {
                            "type": "string",
                            "description": "All scopes of the token.",
                        },
                        "used_at": instant("When the back end got the token."),
                    }
                ),
            },
            "next": {
                "type": ["string", "null"],
                "description": "For `after`. Null on the last page.",
            },
        }
    ),
    "History": object_of(
        {
            "events": {"type": "array", "maxItems": 25, "items": _EVENT},
            "next": {
                "type": ["string", "null"],
                "description": "For `after`. Null on the last page.",
            },
        }
    ),
    "HistoryFile": object_of({"events": {"type": "array", "items": _EVENT}}),
    "VAToken": {
        "description": "RFC 8693, section 2.2.1.",
        **object_of(
            {
                "access_token": {"type": "string"},
                "issued_token_type": {"const": ACCESS_TOKEN},
                "token_type": {"const": "Bearer"},
                "expires_in": {"type": "integer", "minimum": 0, "description": "Seconds."},
                "scope": {"type": "string", "description": "All scopes of the token."},
            }
        ),
    },
    "TokenError": {
        "description": "RFC 6749, section 5.2. It repeats nothing from the request.",
        **object_of(
            {
                "error": {"type": "string"},
                "error_description": {"type": "string", "description": "For a developer."},
                "code": {
                    "type": "string",
                    "description": "For programs. More precise than `error`.",
                },
            },
            optional=("code",),
        ),
    },
    "Grant": object_of(
        {
            "session_id": UUID,
            "expires_at": instant("When the new token expires."),
            **_OUTLOOK,
            "token": {
                "type": "string",
                "description": "The JWT. Missing if it is in a cookie.",
            },
            "refresh_token": {
                "type": "string",
                "description": "For the next renewal. Missing if it is in a cookie.",
            },
        },
        optional=("token", "refresh_token"),
    ),
    "User": object_of(
        {
            "user_id": UUID,
            "given_name": {"type": ["string", "null"]},
            "family_name": {"type": ["string", "null"]},
            "email": {"type": ["string", "null"]},
            "veteran_status": {"enum": ["confirmed", "not confirmed", "unknown"]},
            "last_login_at": {"type": ["string", "null"], "format": "date-time"},
            "va_sign_in_needed": {
                "type": "boolean",
                "description": "No back end can act for the Veteran at VA until the next sign-in.",
            },
        }
    ),
    "Alive": object_of({"status": {"const": "alive"}}),
    "Ready": object_of({"status": {"const": "ready"}}),
}
