"""Kept connections, with one deadline for each exchange as a whole."""

import asyncio
import os
import ssl
import threading
from typing import Final, final
from weakref import WeakKeyDictionary

import httpx

from vetassist_client.deadline import Deadline, DeadlineTransport
from vetassist_client.errors import UnavailableError
from vetassist_client.question import Answer

# The service closes a connection after 75 idle seconds, a proxy in between perhaps earlier.
LIMITS: Final = httpx.Limits(max_connections=100, keepalive_expiry=20)
#: More than any answer of the service has.
MAX_BYTES: Final = 65_536
# The server closed a kept connection, or it broke.
_BROKEN: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


@final
class AsyncConnections:
    """Connections for asyncio. Each event loop has its own, as they can't be shared."""

    def __init__(
        self,
        url: httpx.URL,
        *,
        deadline_seconds: float,
        ssl_context: ssl.SSLContext | None,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._ssl_context = ssl_context or _ssl_context(url)
        self._transport = transport
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    async def send(self, request: httpx.Request, *, is_repeatable: bool = False) -> Answer:
        """Returns the complete answer.

        Args:
            request: The request. Cookies of earlier answers are never added.
            is_repeatable: Whether to repeat it once on another connection if one breaks.

        Raises:
            UnavailableError: There is no complete answer before the deadline.
        """
        try:
            async with asyncio.timeout(self._deadline_seconds):
                try:
                    return await self._sent(request)
                except _BROKEN:
                    if not is_repeatable:
                        raise
                    return await self._sent(request)
        except (TimeoutError, httpx.HTTPError) as error:
            raise UnavailableError from error

    async def aclose(self) -> None:
        """Closes the connections. The next request opens new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def _sent(self, request: httpx.Request) -> Answer:
        response = await self._client().send(request, stream=True)
        body = bytearray()
        try:
            # A transport for tests may have read it.
            if response.is_stream_consumed:
                body += response.content
            else:
                async for chunk in response.aiter_raw():
                    body += chunk
                    _check_size(body)
        finally:
            await response.aclose()
        return Answer(status=response.status_code, headers=response.headers, body=bytes(body))

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = httpx.AsyncClient(
                # Proxy variables and redirects must not send a token elsewhere.
                trust_env=False,
                follow_redirects=False,
                timeout=None,  # noqa: S113 - the deadline bounds all of it
                limits=LIMITS,
                verify=self._ssl_context,
                transport=self._transport,
            )
        return self._clients[loop]


@final
class Connections:
    """Connections for threads. A forked process has its own, as they can't be shared."""

    def __init__(
        self,
        url: httpx.URL,
        *,
        deadline_seconds: float,
        ssl_context: ssl.SSLContext | None,
        transport: httpx.BaseTransport | None,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._ssl_context = ssl_context or _ssl_context(url)
        self._transport = transport
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._process = os.getpid()

    def send(self, request: httpx.Request, *, is_repeatable: bool = False) -> Answer:
        """Returns the complete answer, as ``AsyncConnections.send`` does."""
        client = self._opened()
        try:
            with Deadline.after(self._deadline_seconds):
                try:
                    return _sent(client, request)
                except _BROKEN:
                    if not is_repeatable:
                        raise
                    return _sent(client, request)
        except httpx.HTTPError as error:
            raise UnavailableError from error

    def close(self) -> None:
        """Closes the connections. The next request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None or self._process != os.getpid():
                self._process = os.getpid()
                self._client = httpx.Client(
                    # As above.
                    trust_env=False,
                    follow_redirects=False,
                    timeout=None,  # noqa: S113 - as above
                    transport=self._transport
                    or DeadlineTransport(limits=LIMITS, ssl_context=self._ssl_context),
                )
            return self._client


def _ssl_context(url: httpx.URL) -> ssl.SSLContext:
    """Trusts the public authorities with https, and otherwise nobody, which takes no time."""
    if url.scheme == "https":
        return httpx.create_ssl_context(trust_env=False)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _sent(client: httpx.Client, request: httpx.Request) -> Answer:
    response = client.send(request, stream=True)
    body = bytearray()
    try:
        # As above.
        if response.is_stream_consumed:
            body += response.content
        else:
            for chunk in response.iter_raw():
                body += chunk
                _check_size(body)
    finally:
        response.close()
    return Answer(status=response.status_code, headers=response.headers, body=bytes(body))


def _check_size(body: bytearray) -> None:
    if len(body) > MAX_BYTES:
        raise UnavailableError
