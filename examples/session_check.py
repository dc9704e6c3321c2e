"""Whether a request has a VetAssist session: one question to the session service.

Copy this file into a back end of yours; it needs httpx and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

import httpx

# The credential, and what tells a request of our own pages from one that another site made.
_FORWARDED: Final = frozenset({b"authorization", b"cookie", b"origin", b"sec-fetch-site"})
_DEADLINE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose request it is. Take it from here, never from a header that the client sent."""

    user_id: UUID
    session_id: UUID


class Refused(Exception):  # noqa: N818 - it is an answer more than an error
    """The request must not be served; answer with this status and these headers.

    401: no session; the front end sends the user to sign in. 403: another site made the request.
    503: nobody can say just now; the session may well stand, so nobody is logged out.
    """

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = dict(headers)


class SessionCheck:
    """Asks the session service. One instance, and its open connections, serve every request."""

    def __init__(self, client: httpx.AsyncClient, *, service_url: str) -> None:
        self._client = client
        self._url = f"{service_url.rstrip('/')}/api/v1/verify"

    @classmethod
    @asynccontextmanager
    async def opened(cls, service_url: str) -> AsyncIterator[Self]:
        """For the lifespan of the back end."""
        client = httpx.AsyncClient(
            # No proxy variable and no redirect may lead a token elsewhere.
            trust_env=False,
            follow_redirects=False,
            # Let go of an idle connection before the service does.
            limits=httpx.Limits(max_connections=100, keepalive_expiry=2),
        )
        async with client:
            yield cls(client, service_url=service_url)

    async def caller(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """Who makes a request. The answer holds for this request only: keep it no longer.

        Args:
            method: The request's own.
            headers: All of them, as they came; only what is needed is passed on.

        Raises:
            Refused: It must not be served.
        """
        passed_on = [(name, value) for name, value in headers if name.lower() in _FORWARDED]
        # Not the client's own `get`, which would send cookies of one caller along for the next.
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
            # Whoever said so is not the session service.
            raise _unavailable() from error
    if answer.status_code in {401, 403}:
        challenge = answer.headers.get("WWW-Authenticate")
        raise Refused(
            answer.status_code, {} if challenge is None else {"WWW-Authenticate": challenge}
        )
    raise _unavailable(answer.headers.get("Retry-After", "2"))


def _unavailable(retry_after: str = "2") -> Refused:
    return Refused(503, {"Retry-After": retry_after})
