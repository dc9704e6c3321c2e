"""From a request to the session behind it."""

import re
from typing import Final, final

from starlette.requests import Request

from application.errors import UnauthenticatedError
from application.use_cases.validate_session import (
    ValidateSession,
    ValidateSessionCommand,
    ValidSession,
)

# RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1).
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.ASCII | re.IGNORECASE)


@final
class Authenticator:
    """Accepts a bearer token in one Authorization header; never in a URL."""

    def __init__(self, *, validate_session: ValidateSession) -> None:
        self._validate_session = validate_session

    async def session(self, request: Request) -> ValidSession:
        """The session whose token the request carries.

        Raises:
            UnauthenticatedError: No token, more than one, or one that does not stand.
            UnavailableError: Storage did not answer.
        """
        headers = request.headers.getlist("authorization")
        match = _BEARER.fullmatch(headers[0].strip()) if len(headers) == 1 else None
        if match is None:
            raise UnauthenticatedError
        return await self._validate_session.execute(ValidateSessionCommand(token=match[1]))
