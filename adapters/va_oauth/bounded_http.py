"""HTTP calls with a deadline and a limit on the size of the answer."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, final

import anyio
import httpx

from adapters.va_oauth.compression import NotCompressedError, TooLargeError, decompressed
from application.errors import ProviderUnavailableError, UpstreamRejectedError

_OK: Final = 200
_REDIRECTION: Final = 300
#: The server got the request too slowly, or too early, or too often.
_NOT_NOW: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
# If connecting takes longer, httpx tries once more within the call's deadline. httpx has no other
# timeout: the deadline alone bounds the wait for an answer.
_TIMEOUT: Final = httpx.Timeout(None, connect=4.0)
_CONNECT_RETRIES: Final = 1


class TooLateError(ProviderUnavailableError):
    """The answer was not complete before the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete answer.

    Attributes:
        body: The body, decompressed. Empty if it could not be read.
        fault: Why the body could not be read, or None.
        media_type: The media type in lower case, or an empty text.
        charset: The declared charset, or None.
        retry_after: The `Retry-After` header as received, or None if there was none.
    """

    status: int
    body: bytes
    fault: str | None = None
    media_type: str = ""
    charset: str | None = None
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the server did what it was asked to do."""
        return _OK <= self.status < _REDIRECTION

    @property
    def means_not_now(self) -> bool:
        """Whether the server says that it can't answer at present."""
        return self.status in _NOT_NOW or self.status >= _SERVER_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCall:
    """A finished call, without personal data.

    Attributes:
        operation: The kind of call.
        outcome: The status class (``2xx``), or why there is no complete answer.
        began_at: Unix time in nanoseconds.
        seconds: How long the call took.
    """

    operation: str
    outcome: str
    began_at: int
    seconds: float


#: Called with each finished call.
CallObserver = Callable[[ProviderCall], None]


def nobody(_call: ProviderCall) -> None:
    """An observer that does nothing."""


def http_client() -> httpx.AsyncClient:
    """Returns a client that ignores proxy variables and doesn't follow redirects.

    Each call uses its own connection. A server may close an idle connection at any moment, and a
    code that was just sent on it would be lost, because it can't be sent twice.
    """
    return httpx.AsyncClient(
        transport=_TransportOnDemand(),
        timeout=_TIMEOUT,
        trust_env=False,
        follow_redirects=False,
        headers={
            # Userinfo may be a JWT, and keys have a media type of their own. A strict server would
            # answer 406.
            "Accept": "application/json, */*;q=0.1",
            "Accept-Encoding": "identity",
            "Connection": "close",
        },
    )


@final
class _TransportOnDemand(httpx.AsyncBaseTransport):
    """Creates httpx's transport for the first request.

    Creating it loads all certificate authorities, which takes 3 MiB and 50 ms. A start, and a
    process that only validates sessions, does without them.
    """

    def __init__(self) -> None:
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._creating: asyncio.Task[httpx.AsyncHTTPTransport] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = self._transport or await self._created()
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        # A transport that is still being created has no connection to close.
        if self._transport is not None:
            await self._transport.aclose()

    async def _created(self) -> httpx.AsyncHTTPTransport:
        if self._creating is None:
            self._creating = asyncio.create_task(self._create())
        try:
            # Shielded: a caller that gives up must not cancel it for the others.
            return await asyncio.shield(self._creating)
        except OSError as error:
            # The file with the authorities can't be read: too many open files, for instance.
            raise httpx.ConnectError("no certificate authorities") from error

    async def _create(self) -> httpx.AsyncHTTPTransport:
        try:
            self._transport = await asyncio.to_thread(_transport)
        finally:
            # After a failure the next request tries again.
            self._creating = None
        return self._transport


def _transport() -> httpx.AsyncHTTPTransport:
    # ``Bulkhead`` bounds the calls in progress by kind, so nothing queues here.
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncHTTPTransport(trust_env=False, limits=limits, retries=_CONNECT_RETRIES)


@final
class BoundedHTTP:
    """Bounds each call as a whole. httpx's own timeouts bound only its single steps."""

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
        """Sends a GET request. Raises the same errors as ``post``."""
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
        """Posts a form. The observer sees ``operation`` as the kind of call.

        Raises:
            TooLateError: The answer was not complete before the deadline.
            ProviderUnavailableError: The connection failed.
            UpstreamRejectedError: The answer is a redirect.
        """
        return await self._observed(
            operation, self._client.build_request("POST", url, data=form, headers=headers)
        )

    async def _observed(self, operation: str, request: httpx.Request) -> Reply:
        began_at, began = time.time_ns(), time.perf_counter()
        outcome = "given_up"
        try:
            reply = await self._send(request)
            outcome = f"{reply.status // 100}xx" if reply.fault is None else "unacceptable"
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
        body, fault = await self._body(response)
        return Reply(
            status=response.status_code,
            body=body,
            fault=fault,
            media_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            charset=response.charset_encoding,
            retry_after=response.headers.get("retry-after"),
        )

    async def _body(self, response: httpx.Response) -> tuple[bytes, str | None]:
        """Returns the body, and why it could not be read. The status may be all that matters."""
        encoding = response.headers.get("content-encoding", "")
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._max_bytes:
                    return b"", "answer_too_large"
            return decompressed(bytes(body), encoding, max_bytes=self._max_bytes), None
        except TooLargeError:
            return b"", "answer_too_large"
        except NotCompressedError:
            return b"", "compressed_answer"
