"""Calls to a provider that is an application in this process, or a function of a test."""

from collections.abc import Mapping
from typing import final

import httpx

from adapters.va_oauth.bounded_http import Received, TooLateError, Wire
from application.errors import ProviderUnavailableError


@final
class HttpxWire(Wire):
    """Carries requests over an httpx client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        try:
            async with self._client.stream(method, url, headers=headers, content=body) as response:
                content: bytes | None = b""
                if not response.is_redirect:
                    content = await _read(response, max_bytes)
        except httpx.TimeoutException as error:
            raise TooLateError(type(error).__name__) from error
        except httpx.HTTPError as error:
            raise ProviderUnavailableError(type(error).__name__) from error
        return Received(status=response.status_code, headers=response.headers, body=content)

    async def aclose(self) -> None:
        await self._client.aclose()


async def _read(response: httpx.Response, max_bytes: int) -> bytes | None:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)
