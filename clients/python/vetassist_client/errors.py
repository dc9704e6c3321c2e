"""What can keep a back end from an answer. Each case that is handled differently is a type.

VetAssistError
├── RequestRefusedError           don't serve the request: answer with its status and headers
│   ├── NoSessionError            401: the front end sends the user to sign in
│   ├── CrossSiteRequestError     403: another site made the request with the user's cookie
│   └── UnavailableError          503: nobody knows at the moment, so don't sign anyone out
├── SignInNeededError             no VA token until the Veteran signs in again
│   ├── SessionEndedError         the session has ended
│   └── VASignInNeededError       the session stands, but VA's tokens can no longer be used
├── TokenNotAcceptedError         the JWT isn't valid: ask the front end for its newest one
├── ScopeNotGrantedError          the Veteran hasn't granted the scope
├── ClientNotAcceptedError        the back end's credential isn't valid
└── RequestNotAcceptedError       a mistake of the back end, such as an unregistered purpose
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar


class VetAssistError(Exception):
    """Any error of this library."""


class RequestRefusedError(VetAssistError):
    """The request must not be served. Answer with this status and these headers.

    Attributes:
        status: The HTTP status.
        headers: Headers that belong to the status.
    """

    status: ClassVar[HTTPStatus]

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(self.status.phrase)
        self.headers = dict(headers or {})


class NoSessionError(RequestRefusedError):
    """There is no session, or it has ended."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, challenge: str = 'Bearer realm="vetassist"') -> None:
        super().__init__({"WWW-Authenticate": challenge})


class CrossSiteRequestError(RequestRefusedError):
    """Another site made the request with the user's cookie."""

    status = HTTPStatus.FORBIDDEN


class UnavailableError(RequestRefusedError):
    """The session service or VA doesn't answer. The session may still stand.

    Attributes:
        retry_after: The number of seconds after which to try again.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, retry_after: int = 2) -> None:
        super().__init__({"Retry-After": str(retry_after)})
        self.retry_after = retry_after


class SignInNeededError(VetAssistError):
    """There is no VA token until the Veteran signs in again."""


class SessionEndedError(SignInNeededError):
    """The Veteran signed out, or the session ended otherwise."""


class VASignInNeededError(SignInNeededError):
    """The session stands, but VA's tokens can no longer be used."""


class TokenNotAcceptedError(VetAssistError):
    """The JWT isn't one of the service's, or has expired."""


class ScopeNotGrantedError(VetAssistError):
    """The Veteran hasn't granted the scope."""


class ClientNotAcceptedError(VetAssistError):
    """The client is unknown or disabled, or its credential isn't valid."""


class RequestNotAcceptedError(VetAssistError):
    """The service doesn't accept the request. The message says why, for a developer."""
