"""The way to the provider, prepared for the first request."""

import asyncio
import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import final

import certifi

from adapters.va_oauth.bounded_http import Received, Wire
from application.errors import ProviderUnavailableError


@final
class WireOnDemand(Wire):
    """Imports libcurl for the first request.

    That takes 15 MiB and 0.2 s. A start, and a process that only validates sessions, does without.
    """

    def __init__(self) -> None:
        self._wire: Wire | None = None
        self._creating: asyncio.Task[Wire] | None = None

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        wire = self._wire or await self._created()
        return await wire.send(method, url, headers, body, max_bytes=max_bytes)

    def conversation(self) -> AbstractContextManager[Wire]:
        return nullcontext(self) if self._wire is None else self._wire.conversation()

    async def aclose(self) -> None:
        # A wire that is still being created has no connection yet, and needs none anymore.
        if self._creating is not None:
            self._creating.cancel()
        if self._wire is not None:
            await self._wire.aclose()

    async def _created(self) -> Wire:
        if self._creating is None:
            self._creating = asyncio.create_task(self._create())
        try:
            # Shielded: a caller that gives up must not cancel it for the others.
            return await asyncio.shield(self._creating)
        except OSError as error:
            raise ProviderUnavailableError("no certificate authorities") from error

    async def _create(self) -> Wire:
        try:
            authorities = await asyncio.to_thread(_authorities)
            # Imported in that thread.
            from adapters.va_oauth.curl_wire import CurlWire  # noqa: PLC0415

            self._wire = CurlWire(authorities)
        finally:
            # After a failure the next request tries again.
            self._creating = None
        return self._wire


def _authorities() -> str:
    """Returns the file with the public certificate authorities.

    Raises:
        OSError: It can't be read: too many open files, for instance.
    """
    importlib.import_module("adapters.va_oauth.curl_wire")
    path = certifi.where()
    with Path(path).open("rb"):
        return path
