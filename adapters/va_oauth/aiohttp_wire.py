"""Requests over aiohttp. Importing this module takes memory and time: see ``WireOnDemand``."""

import ssl
from collections.abc import Mapping
from typing import Final, final

import aiohttp
import certifi

from adapters.va_oauth.bounded_http import Received, TooLateError, Wire, is_redirect
from application.errors import ProviderUnavailableError

# If connecting takes longer, it is tried once more within the call's deadline. There is no other
# timeout: the deadline alone bounds the wait for an answer.
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=4.0)
_CONNECT_TRIES: Final = 2
#: Gateways send long policies. aiohttp's own limit is 8 KiB.
_MAX_HEADER_BYTES: Final = 65_536


def tls_context() -> ssl.SSLContext:
    """Returns a context that trusts the public certificate authorities.

    Raises:
        OSError: The file with the authorities can't be read: too many open files, for instance.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


@final
class AiohttpWire(Wire):
    """Uses a new connection for each request, and ignores the environment's proxy variables.

    A server may close an idle connection at any moment, and a code that was just sent on it would
    be lost, because it can't be sent twice. And no answer can be taken for that to another request.
    If a connection is lost, aiohttp repeats a GET request once, but never a POST request.

    It must be created while the event loop runs.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._session = aiohttp.ClientSession(
            # ``Bulkhead`` bounds the calls in progress by kind, so nothing queues here.
            connector=aiohttp.TCPConnector(ssl=tls, limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_TIMEOUT,
            auto_decompress=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        try:
            response = await self._begun(method, url, headers, body)
            # Leaving the block closes the connection, even if the body wasn't read to its end.
            async with response:
                content = b"" if is_redirect(response.status) else await _read(response, max_bytes)
        except aiohttp.ServerTimeoutError as error:
            raise TooLateError(type(error).__name__) from error
        except aiohttp.ClientError as error:
            raise ProviderUnavailableError(type(error).__name__) from error
        return Received(status=response.status, headers=response.headers, body=content)

    async def aclose(self) -> None:
        await self._session.close()

    async def _begun(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> aiohttp.ClientResponse:
        """Returns the response as soon as its headers are there."""
        for tries_left in reversed(range(_CONNECT_TRIES)):
            try:
                return await self._session.request(
                    method, url, headers=headers, data=body or None, allow_redirects=False
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                # Nothing was sent yet.
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes | None:
    """Returns the body, or None if it is longer than ``max_bytes``."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            response.close()
            return None
    return bytes(body)
