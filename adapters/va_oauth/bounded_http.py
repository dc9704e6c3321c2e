"""HTTP calls that end in time and read no more than they should."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, final

import anyio
import httpx

from application.errors import ProviderUnavailableError, UpstreamRejectedError

_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
# A connection that is not made by then is replaced once, within the deadline of the call. Nothing
# else has a time-out of httpx's: the deadline is the one bound on waiting for an answer.
_TIMEOUT: Final = httpx.Timeout(None, connect=4.0)
_CONNECT_RETRIES: Final = 1


class TooLateError(ProviderUnavailableError):
    """There was no whole answer in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer, within bounds.

    Attributes:
        retry_after: The header of that name as it came; None when there was none.
    """

    status: int
    body: bytes
    retry_after: str | None = None

    @property
    def means_not_now(self) -> bool:
        """Whether the other side says that it cannot answer at present."""
        return self.status == _TOO_MANY_REQUESTS or self.status >= _SERVER_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCall:
    """One call that is over, in words that name nobody.

    Attributes:
        operation: What was asked for.
        outcome: The status's class (``2xx``), or why there is no whole answer.
        began_at: Unix time in nanoseconds.
        seconds: How long it took.
    """

    operation: str
    outcome: str
    began_at: int
    seconds: float


#: Is told of each call when it is over.
CallObserver = Callable[[ProviderCall], None]


def nobody(_call: ProviderCall) -> None:
    """An observer that does not care."""


def http_client() -> httpx.AsyncClient:
    """A client that no variable of the environment can redirect, and no answer either.

    Each call has a connection of its own. The other side may close an idle connection at any
    moment; a code that was just sent on it would be lost, as it cannot be sent twice.
    """
    return httpx.AsyncClient(
        transport=_TransportOnDemand(),
        timeout=_TIMEOUT,
        trust_env=False,
        follow_redirects=False,
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
        },
    )


@final
class _TransportOnDemand(httpx.AsyncBaseTransport):
    """httpx's transport, made for the first request.

    It reads every certificate authority there is: 3 MiB and 50 ms that a start does without, and
    so does a process that only ever validates.
    """

    def __init__(self) -> None:
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._making: asyncio.Task[httpx.AsyncHTTPTransport] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = self._transport or await self._made()
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        # One that is still being made has no connection to close, so nobody waits for it.
        if self._transport is not None:
            await self._transport.aclose()

    async def _made(self) -> httpx.AsyncHTTPTransport:
        if self._making is None:
            self._making = asyncio.create_task(self._make())
        try:
            # Shielded: one that gives up waiting takes it from nobody else.
            return await asyncio.shield(self._making)
        except OSError as error:
            # The authorities' file cannot be read: too many files are open, for instance.
            raise httpx.ConnectError("no certificate authorities") from error

    async def _make(self) -> httpx.AsyncHTTPTransport:
        try:
            self._transport = await asyncio.to_thread(_transport)
        finally:
            # After a failure the next request tries again.
            self._making = None
        return self._transport


def _transport() -> httpx.AsyncHTTPTransport:
    # What is in progress is bounded by kind (``Bulkhead``), so nothing queues here.
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncHTTPTransport(trust_env=False, limits=limits, retries=_CONNECT_RETRIES)


@final
class BoundedHTTP:
    """Bounds each call as a whole; httpx's own time-outs bound its single steps only."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        deadline: timedelta,
        max_bytes: int,
        observer: CallObserver = nobody,
    ) -> None:
        self._client = client
        self._deadline = deadline.total_seconds()
        self._max_bytes = max_bytes
        self._observer = observer

    async def get(
        self, url: str, *, operation: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """GET. Raises as ``post``."""
        return await self._observed(
            operation, self._client.build_request("GET", url, headers=headers)
        )

    async def post(
        self,
        url: str,
        *,
        operation: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Reply:
        """POST a form; ``operation`` is what the call is counted as.

        Raises:
            TooLateError: No whole answer within the deadline.
            ProviderUnavailableError: The connection could not be made, or broke.
            UpstreamRejectedError: A redirect, or an answer too large or compressed.
        """
        return await self._observed(
            operation, self._client.build_request("POST", url, data=form, headers=headers)
        )

    async def _observed(self, operation: str, request: httpx.Request) -> Reply:
        began_at, began = time.time_ns(), time.perf_counter()
        outcome = "given_up"
        try:
            reply = await self._send(request)
            outcome = f"{reply.status // 100}xx"
        except TooLateError:
            outcome = "timeout"
            raise
        except ProviderUnavailableError:
            outcome = "unreachable"
            raise
        except UpstreamRejectedError:
            outcome = "unacceptable"
            raise
        finally:
            self._observer(
                ProviderCall(
                    operation=operation,
                    outcome=outcome,
                    began_at=began_at,
                    seconds=time.perf_counter() - began,
                )
            )
        return reply

    async def _send(self, request: httpx.Request) -> Reply:
        try:
            with anyio.fail_after(self._deadline):
                response = await self._client.send(request, stream=True)
                try:
                    return await self._read(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TooLateError(type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnavailableError(type(error).__name__) from error

    async def _read(self, response: httpx.Response) -> Reply:
        if response.has_redirect_location or response.is_redirect:
            raise UpstreamRejectedError("redirect")
        # Asked for identity; a compressed answer could grow without bound while it is read.
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise UpstreamRejectedError("compressed_answer")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                raise UpstreamRejectedError("answer_too_large")
        return Reply(
            status=response.status_code,
            body=bytes(body),
            retry_after=response.headers.get("retry-after"),
        )
