"""Reads whether an app without cookies starts a sign-in."""

from typing import Final, final

from starlette.requests import Request

from domain.app_challenge import AppChallenge
from domain.errors import InvalidAppChallengeError
from entrypoints.web.parameters import single_values

_CHALLENGE: Final = "code_challenge"
_METHOD: Final = "code_challenge_method"
_S256: Final = "S256"


@final
class AppSignIns:
    """Reads the challenge of an app, if the operator allows apps to sign in.

    Otherwise, the parameters mean nothing: a link could take a code away from the browser that
    signs in.
    """

    def __init__(self, *, are_allowed: bool) -> None:
        self._are_allowed = are_allowed

    def challenge(self, request: Request) -> AppChallenge | None:
        """The challenge of the app that starts the sign-in, or None if no app does.

        Raises:
            InvalidAppChallengeError: It is malformed, or its method isn't S256.
            MalformedParametersError: One of the parameters appears twice, or isn't clean text.
        """
        if not self._are_allowed:
            return None
        values = single_values(request, [_CHALLENGE, _METHOD])
        if _CHALLENGE not in values:
            return None
        if values.get(_METHOD) != _S256:
            raise InvalidAppChallengeError
        return AppChallenge.parse(values[_CHALLENGE])
