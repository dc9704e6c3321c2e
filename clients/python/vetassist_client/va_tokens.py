"""Gets a Veteran's VA access token from the session service."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self, final

import httpx

from vetassist_client.connections import AsyncConnections, Connections
from vetassist_client.exchange import TOKEN_PATH, ClientCredential, VAToken, token_request, va_token
from vetassist_client.service_url import route

# The service may have to wait for VA.
DEADLINE_SECONDS: Final = 20.0


@final
class AsyncVATokens:
    """Gets VA's tokens for asyncio. Use one instance for all requests: it keeps connections open.

    It opens connections when it needs them. Close it at the end of the app, with ``lifespan``,
    ``async with`` or ``aclose``.

    Args:
        service_url: Where the back end reaches the service.
        credential: A ``ClientSecret``, or a ``ClientKey`` of ``vetassist_client.client_key``.
        deadline_seconds: How long one exchange may take.
        ssl_context: Which certificate authorities to trust, if not the public ones.
        transport: A transport of httpx, for tests.
    """

    def __init__(
        self,
        service_url: str,
        credential: ClientCredential,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = route(service_url, TOKEN_PATH)
        self._credential = credential
        self._connections = AsyncConnections(
            self._url,
            deadline_seconds=deadline_seconds,
            ssl_context=ssl_context,
            transport=transport,
        )

    async def token(self, jwt: str, *, purpose: str, scope: str | None = None) -> VAToken:
        """Returns the VA access token of the JWT's Veteran, who can see each call.

        Args:
            jwt: The JWT of the request: ``Caller.jwt``.
            purpose: What the token is needed for. The Veteran reads it.
            scope: The scopes that are needed, separated by spaces. Without it, everything that
                the client is registered for.

        Raises:
            SignInNeededError: The Veteran must sign in again: ``SessionEndedError`` or
                ``VASignInNeededError``.
            TokenNotAcceptedError: The JWT isn't valid: ask the front end for its newest one.
            ScopeNotGrantedError: The Veteran hasn't granted the scope.
            ClientNotAcceptedError: The credential isn't valid.
            RequestNotAcceptedError: A mistake of the back end, such as an unregistered purpose.
            UnavailableError: VA or the service doesn't answer.
        """
        request = token_request(self._url, self._credential, jwt=jwt, purpose=purpose, scope=scope)
        return va_token(await self._connections.send(request))

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """The lifespan of an app: closes the connections at its end."""
        try:
            yield
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections. The next exchange opens new ones."""
        await self._connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@final
class VATokens:
    """Gets VA's tokens for threads. Use one instance for all requests: it keeps connections open.

    The arguments are those of ``AsyncVATokens``.
    """

    def __init__(
        self,
        service_url: str,
        credential: ClientCredential,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = route(service_url, TOKEN_PATH)
        self._credential = credential
        self._connections = Connections(
            self._url,
            deadline_seconds=deadline_seconds,
            ssl_context=ssl_context,
            transport=transport,
        )

    def token(self, jwt: str, *, purpose: str, scope: str | None = None) -> VAToken:
        """Returns the VA access token of the JWT's Veteran, as ``AsyncVATokens.token`` does."""
        request = token_request(self._url, self._credential, jwt=jwt, purpose=purpose, scope=scope)
        return va_token(self._connections.send(request))

    def close(self) -> None:
        """Closes the connections. The next exchange opens new ones."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
