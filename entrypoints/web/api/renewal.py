"""The operations that hand over and renew a session."""

from typing import Final

from entrypoints.web.api.parts import (
    JSON,
    SESSION,
    SET_COOKIE,
    SIGN_IN,
    TEXT,
    json_answer,
    operation,
    problem,
    refs,
)


def _takes_json(schema: JSON, *, required: bool) -> JSON:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


_BODY_REFUSALS: Final[JSON] = {
    "400": problem("The body is no such JSON object.", "bad_request"),
    "408": problem("The body took too long to arrive.", "request_timeout"),
    "413": problem("The body is longer than 4096 bytes.", "content_too_large"),
    "415": problem("The body is not called `application/json`.", "unsupported_media_type"),
}
_GRANTED: Final = json_answer("The tokens, in the body or as cookies.", "Grant", headers=SET_COOKIE)
RENEW: Final = operation(
    "renewSession",
    "A new JWT for a live session",
    tag=SESSION,
    description="Against the refresh token in the cookie, or in the body; the next one comes the "
    "same way. The one before the newest gets the same answer for a moment, as an answer may be "
    "lost; any older one ends the session.",
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
            "No refresh token, one that is none of ours (`invalid_token`), one whose session has "
            "ended (`session_ended`), or one that was used before (`token_reused`).",
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
    "The one-time code for the session",
    tag=SIGN_IN,
    description="Where sessions are delivered by code: once, within 60 seconds, by the browser "
    "that signed in.",
    security=[{"handoffCookie": []}],
    requestBody=_takes_json(
        {
            "type": "object",
            "properties": {
                "code": TEXT,
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
        "401": problem(
            "No such code for this browser (`invalid_token`), or its session has ended meanwhile "
            "(`session_ended`).",
            "invalid_token",
            "session_ended",
            headers=("WWW-Authenticate",),
        )
    }
    | refs("403", "503"),
)
