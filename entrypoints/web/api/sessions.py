"""The operations on the caller's sessions and account."""

from typing import Final

from entrypoints.web.api.access import Access
from entrypoints.web.api.parts import (
    COOKIES_CLEARED,
    JSON,
    LANGUAGE,
    SESSION,
    answer,
    json_answer,
    operation,
    problem,
    query,
    refs,
)

_ENDED: Final = answer(
    "Done: from now on, the session is refused. Ending it again changes nothing.",
    headers=COOKIES_CLEARED,
)
_SIGNED_OUT: Final = answer(
    "Done: the session has ended, and no renewal brings it back.", headers=COOKIES_CLEARED
)
_NOT_SIGNED_OUT: Final = problem(
    "No token, more than one, or one that isn't genuine. Nothing changed.",
    "invalid_token",
    headers=("WWW-Authenticate",),
)
_UNLINKED: Final = answer(
    "Done: VA's tokens and their key are destroyed, all sessions have ended, and the tokens are "
    "revoked at VA. A new sign-in finds the same account.",
    headers=COOKIES_CLEARED,
)
_UNLINK_REFUSED: Final = problem(
    "The sign-in is not recent: sign in again first. Or a request with a cookie does not come "
    "from our own front end.",
    "fresh_sign_in_needed",
    "forbidden",
)


def session(access: Access) -> JSON:
    """The session of the caller."""
    return {
        "get": operation(
            "showSession",
            "The caller's session, and how long it lasts",
            tag=SESSION,
            security=access.signed_in,
            responses={"200": json_answer("The session stands.", "Session")} | access.refusals,
        ),
        "delete": operation(
            "logOut",
            "Sign out",
            tag=SESSION,
            description="Also with a JWT that has expired, or with the refresh token in its "
            "cookie alone. A session that is already over stays as it is.",
            security=[*access.signed_in, {"refreshCookie": []}],
            responses={"204": _SIGNED_OUT, "401": _NOT_SIGNED_OUT} | refs("403", "503"),
        ),
    }


def sessions(access: Access) -> JSON:
    """All sessions of the caller."""
    return {
        "get": operation(
            "listSessions",
            "Where the caller is signed in",
            tag=SESSION,
            security=access.signed_in,
            responses={"200": json_answer("Newest sign-in first.", "Sessions", headers=LANGUAGE)}
            | access.refusals,
        ),
        "delete": operation(
            "endSessions",
            "End all of the caller's sessions, or all others",
            tag=SESSION,
            security=access.signed_in,
            parameters=[
                query(
                    "except",
                    {"type": "string", "enum": ["current"]},
                    "Keeps the session of the request.",
                )
            ],
            responses={
                "204": _ENDED,
                "400": problem("`except` has another value.", "bad_request"),
            }
            | access.unsafe_refusals,
        ),
    }


def one_session(access: Access) -> JSON:
    """One session of the caller."""
    return {
        "delete": operation(
            "endSession",
            "End one of the caller's sessions",
            tag=SESSION,
            security=access.signed_in,
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
                "404": problem("The caller has no such session.", "not_found"),
            }
            | access.unsafe_refusals,
        )
    }


def link(access: Access) -> JSON:
    """The caller's link to VA."""
    return {
        "delete": operation(
            "unlinkVA",
            "Unlink the account from VA",
            tag=SESSION,
            security=access.signed_in,
            responses={"204": _UNLINKED, "403": _UNLINK_REFUSED} | access.refusals,
        )
    }


def user(access: Access) -> JSON:
    """The caller's account."""
    return {
        "get": operation(
            "showUser",
            "Who the caller is signed in as",
            tag=SESSION,
            security=access.signed_in,
            responses={"200": json_answer("The user.", "User")} | access.refusals,
        )
    }
