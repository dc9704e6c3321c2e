"""Asks the session service whether a request has a session that stands."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self, final
from uuid import UUID

import httpx

from vetassist_client.connections import AsyncConnections, Connections
from vetassist_client.question import Caller, Headers, Question
from vetassist_client.service_url import route

VERIFY_PATH: Final = "/api/v1/verify"
FRONT_END_VERIFY_PATH: Final = "/api/v1/front-ends/{}/verify"
DEADLINE_SECONDS: Final = 2.0


@final
class AsyncSessionCheck:
    """Asks for asyncio. Use one instance for all requests: it keeps connections open.

    It opens connections when it needs them. Close it at the end of the app, with ``lifespan``,
    ``async with`` or ``aclose``.

    Args:
        service_url: Where the back end reaches the service.
        front_end: The id of a registered front end: only its cookies count, and its sessions.
            None: the cookies of the front end that the service's settings describe, and the bearer
            tokens of any front end.
        deadline_seconds: How long one check may take.
        ssl_context: Which certificate authorities to trust, if not the public ones.
        transport: A transport of httpx, for tests.

    Raises:
        ValueError: The URL or the id can't be read.
    """

    def __init__(
        self,
        service_url: str,
        *,
        front_end: UUID | str | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._front_end = _front_end_id(front_end)
        self._url = route(service_url, _path(self._front_end))
        self._connections = AsyncConnections(
            self._url,
            deadline_seconds=deadline_seconds,
            ssl_context=ssl_context,
            transport=transport,
        )

    async def caller(self, method: str, headers: Headers) -> Caller:
        """Returns the caller of a request. The answer is valid for this request only.

        Args:
            method: The method of the request. If the request changes something although its
                method is a safe one, such as the handshake of a WebSocket, pass "POST".
            headers: All headers as received. Only those needed are passed on.

        Raises:
            NoSessionError: There is no session that stands.
            CrossSiteRequestError: Another site made the request with the user's cookie.
            UnavailableError: The service doesn't answer. The session may still stand.
        """
        question = Question.about(method, headers, front_end=self._front_end)
        request = httpx.Request("GET", self._url, headers=question.headers)
        return question.caller(await self._connections.send(request, is_repeatable=True))

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """The lifespan of an app: closes the connections at its end."""
        try:
            yield
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections. The next check opens new ones."""
        await self._connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@final
class SessionCheck:
    """Asks for threads. Use one instance for all requests: it keeps connections open.

    The arguments are those of ``AsyncSessionCheck``.
    """

    def __init__(
        self,
        service_url: str,
        *,
        front_end: UUID | str | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._front_end = _front_end_id(front_end)
        self._url = route(service_url, _path(self._front_end))
        self._connections = Connections(
            self._url,
            deadline_seconds=deadline_seconds,
            ssl_context=ssl_context,
            transport=transport,
        )

    def caller(self, method: str, headers: Headers) -> Caller:
        """Returns the caller of a request, as ``AsyncSessionCheck.caller`` does.

        Flask's `request.headers` and Django's `request.headers.items()` can be passed.
        """
        question = Question.about(method, headers, front_end=self._front_end)
        request = httpx.Request("GET", self._url, headers=question.headers)
        return question.caller(self._connections.send(request, is_repeatable=True))

    def close(self) -> None:
        """Closes the connections. The next check opens new ones."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _front_end_id(text: UUID | str | None) -> UUID | None:
    if text is None or isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError as error:
        raise ValueError("the id of a front end must be a UUID") from error


def _path(front_end: UUID | None) -> str:
    return VERIFY_PATH if front_end is None else FRONT_END_VERIFY_PATH.format(front_end)
