"""The operations of a sign-in."""

from typing import Final

from entrypoints.web.api.parts import (
    JSON,
    SET_COOKIE,
    SIGN_IN,
    UUID,
    answer,
    operation,
    problem,
    query,
)

_PREFETCHED: Final = answer(
    "The browser only fetches ahead (`Sec-Purpose: prefetch` and its like). Nothing happens."
)
LOGIN: Final = operation(
    "logIn",
    "Send the browser to VA",
    tag=SIGN_IN,
    description="A browser (`Accept` names `text/html`, or `Sec-Fetch-Mode: navigate`) is sent to "
    "`/va-error` of the front end where other clients get a problem, and signs in without a "
    "`return_to` that is not allowed.",
    parameters=[
        query(
            "return_to",
            {
                "type": "string",
                "pattern": r"^/(?!/)[^\\\u0000-\u001f\u007f-\u009f]*$",
                "maxLength": 2048,
            },
            "Where in the front end to continue after the sign-in: a path of it, with an optional "
            "query and fragment. It is brought to the form that a browser would show, of at most "
            "2,048 characters.",
        ),
        query(
            "front_end",
            UUID,
            "The id of a registered front end: where the sign-in ends, and whose delivery and "
            "limits apply. Default: the front end of the settings.",
        ),
    ],
    responses={
        "204": _PREFETCHED,
        "303": answer(
            "To VA. Cookies bind the attempt to this browser. Or to `/va-error`, if the browser "
            "can't be sent to VA.",
            headers={
                "Location": {"required": True, "schema": {"type": "string", "format": "uri"}},
                **SET_COOKIE,
            },
        ),
        "400": problem(
            "A parameter appears twice or is not UTF-8, `return_to` is not allowed, or there is no "
            "such front end.",
            "malformed_parameters",
            "invalid_return_to",
            "unknown_front_end",
        ),
        "429": problem(
            "Too many sign-ins were started from this address.",
            "too_many_logins",
            headers=("Retry-After",),
        ),
        "503": problem(
            "VA, or our database, does not answer, or too many sign-ins are in progress at VA.",
            "provider_unavailable",
            "unavailable",
            headers=("Retry-After",),
        ),
    },
)
_APP_PARAMETERS: Final = [
    query(
        "code_challenge",
        {"type": "string", "pattern": "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"},
        "For an app that keeps no cookies: the SHA-256 of `code_verifier`, in base64url without "
        "padding (RFC 7636). Needs `code_challenge_method`.",
    ),
    query("code_challenge_method", {"const": "S256"}, "Goes with `code_challenge`."),
]
_APP_REFUSED: Final = problem(
    "A parameter appears twice or is not clean text, `return_to` or `code_challenge` is not "
    "allowed, or there is no such front end.",
    "malformed_parameters",
    "invalid_return_to",
    "unknown_front_end",
    "invalid_code_challenge",
)
CALLBACK: Final = operation(
    "completeLogin",
    "Process VA's response",
    tag=SIGN_IN,
    description="VA sends the browser back to this URL. The browser continues to `/va-success` or "
    "`/va-error` of the front end. If it comes back with an attempt that is used or too old, it is "
    "sent to VA once more.",
    parameters=[
        query(name, {"type": "string"}, description)
        for name, description in (
            ("state", "The attempt. It is valid once, and in the browser that started it."),
            ("code", "RFC 6749, section 4.1.2."),
            ("error", "RFC 6749, section 4.1.2.1."),
            ("iss", "RFC 9207."),
        )
    ],
    responses={
        "204": _PREFETCHED,
        "303": answer(
            "To the front end: with the session, by the configured delivery, or with the reason "
            "why there is none. Or to VA, if the sign-in starts again.",
            headers={
                "Location": {
                    "required": True,
                    "schema": {"type": "string", "format": "uri"},
                },
                **SET_COOKIE,
            },
        ),
    },
)


def login(*, by_apps: bool) -> JSON:
    """The start of a sign-in, where apps can start one or where they can't."""
    if not by_apps:
        return LOGIN
    return LOGIN | {
        "parameters": [*LOGIN["parameters"], *_APP_PARAMETERS],
        "responses": LOGIN["responses"] | {"400": _APP_REFUSED},
    }
