"""Checks with the session service whether a request has a VetAssist session.

Copy this file into your back end. It needs only httpx.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

import httpx

# The credential, and the headers that show whether another site made the request.
_FORWARDED: Final = frozenset({b"authorization", b"cookie", b"origin", b"sec-fetch-site"})
_DEADLINE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user and session of a request. Never take these from headers that the client sent."""

    user_id: UUID
    session_id: UUID


class Refused(Exception):  # noqa: N818 - it is an answer more than an error
    """The request must not be served. Answer with this status and these headers.

    401: There is no session. The front end sends the user to sign in.
    403: Another site made the request.
    503: The session can't be checked right now. It may still stand, so don't sign the user out.
    """

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = dict(headers)


class SessionCheck:
    """Asks the session service. Use one instance for all requests: it keeps connections open."""

    def __init__(self, client: httpx.AsyncClient, *, service_url: str) -> None:
        self._client = client
        self._url = f"{service_url.rstrip('/')}/api/v1/verify"

    @classmethod
    @asynccontextmanager
    async def opened(cls, service_url: str) -> AsyncIterator[Self]:
        """Opens a check. Keep it open for the lifespan of the back end."""
        client = httpx.AsyncClient(
            # Proxy variables and redirects must not send a token elsewhere.
            trust_env=False,
            follow_redirects=False,
            # Close an idle connection before the service does.
            limits=httpx.Limits(max_connections=100, keepalive_expiry=2),
        )
        async with client:
            yield cls(client, service_url=service_url)

    async def caller(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """Returns the caller of a request. The answer is valid for this request only.

        Args:
            method: The method of the request.
            headers: All headers as received. Only those needed are passed on.

        Raises:
            Refused: The request must not be served.
        """
        passed_on = [(name, value) for name, value in headers if name.lower() in _FORWARDED]
        # Not `client.get`, which would send the cookies of one caller with the next request.
        question = httpx.Request(
            "GET", self._url, headers=[*passed_on, (b"X-Forwarded-Method", method.encode())]
        )
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                answer = await self._client.send(question)
        except (TimeoutError, httpx.HTTPError) as error:
            raise _unavailable() from error
        return _caller_of(answer)


def _caller_of(answer: httpx.Response) -> Caller:
    if answer.status_code == httpx.codes.OK:
        try:
            return Caller(
                user_id=UUID(answer.headers["X-Auth-User"]),
                session_id=UUID(answer.headers["X-Auth-Session"]),
            )
        except (KeyError, ValueError) as error:
            # The answer isn't from the session service.
            raise _unavailable() from error
    if answer.status_code in {401, 403}:
        challenge = answer.headers.get("WWW-Authenticate")
        raise Refused(
            answer.status_code, {} if challenge is None else {"WWW-Authenticate": challenge}
        )
    raise _unavailable(answer.headers.get("Retry-After", "2"))


def _unavailable(retry_after: str = "2") -> Refused:
    return Refused(503, {"Retry-After": retry_after})
