"""The operations that hand over and renew a session."""

from typing import Final

from entrypoints.web.api.parts import (
    JSON,
    SESSION,
    SET_COOKIE,
    SIGN_IN,
    TEXT,
    json_answer,
    object_of,
    operation,
    problem,
    refs,
)


def _takes_json(schema: JSON, *, required: bool) -> JSON:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


_BODY_REFUSALS: Final[JSON] = {
    "400": problem("The body is not such a JSON object.", "bad_request"),
    "408": problem("The body took too long to arrive.", "request_timeout"),
    "413": problem("The body is longer than 4096 bytes.", "content_too_large"),
    "415": problem("The Content-Type is not `application/json`.", "unsupported_media_type"),
}
_GRANTED: Final = json_answer("The tokens, in the body or as cookies.", "Grant", headers=SET_COOKIE)
RENEW: Final = operation(
    "renewSession",
    "A new JWT for a session",
    tag=SESSION,
    description="For the refresh token in the cookie or in the body. The next one comes the same "
    "way. The previous one gets the same response for a moment, because a response may be lost. "
    "Any older one ends the session.",
    security=[{"refreshCookie": []}, {}],
    requestBody=_takes_json(
        {
            "type": "object",
            "properties": {"refresh_token": TEXT},
            "additionalProperties": False,
        },
        required=False,
    ),
    responses={"200": _GRANTED}
    | _BODY_REFUSALS
    | {
        "401": problem(
            "No refresh token or an unknown one (`invalid_token`), one whose session has ended "
            "(`session_ended`), or one that was used before (`token_reused`).",
            "invalid_token",
            "session_ended",
            "token_reused",
            headers=("WWW-Authenticate",),
        )
    }
    | refs("403", "503"),
)
REDEEM: Final = operation(
    "redeemCode",
    "The session for a one-time code",
    tag=SIGN_IN,
    description="If sessions are delivered by code: once, within 60 seconds, and from the browser "
    "that signed in. If an app started the sign-in with `code_challenge`, the app redeems the code "
    "with `code_verifier` instead, and needs no cookie.",
    security=[{"handoffCookie": []}, {}],
    requestBody=_takes_json(
        {
            "oneOf": [
                object_of(
                    {
                        "code": TEXT,
                        "refresh": {
                            "enum": ["cookie", "body"],
                            "default": "cookie",
                            "description": "How to deliver the refresh token.",
                        },
                    },
                    optional=("refresh",),
                ),
                object_of(
                    {
                        "code": TEXT,
                        "code_verifier": {
                            "type": "string",
                            "pattern": "^[A-Za-z0-9._~-]{43,128}$",
                            "description": "The secret of the app (RFC 7636).",
                        },
                        "refresh": {"const": "body", "description": "An app gets no cookies."},
                    },
                    optional=("refresh",),
                ),
            ]
        },
        required=True,
    ),
    responses={"200": _GRANTED}
    | _BODY_REFUSALS
    | {
        "400": problem(
            "The body is not such a JSON object, or `code_verifier` is malformed.",
            "bad_request",
            "invalid_code_verifier",
        ),
        "401": problem(
            "No such code for this browser or app (`invalid_token`), or its session has ended "
            "(`session_ended`).",
            "invalid_token",
            "session_ended",
            headers=("WWW-Authenticate",),
        ),
    }
    | refs("403", "503"),
)
