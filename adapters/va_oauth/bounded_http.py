"""HTTP calls with a deadline and a limit on the size of the answer."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from typing import Final, Protocol, final
from urllib.parse import urlencode

from adapters.va_oauth.compression import NotCompressedError, TooLargeError, decompressed
from application.errors import ProviderUnavailableError, UpstreamRejectedError

_OK: Final = 200
_REDIRECTION: Final = 300
_CLIENT_ERROR: Final = 400
#: The server got the request too slowly, or too early, or too often.
_NOT_NOW: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_FORM: Final = "application/x-www-form-urlencoded"
_HEADERS: Final = {
    # Userinfo may be a JWT, and keys have a media type of their own. A strict server would
    # answer 406.
    "Accept": "application/json, */*;q=0.1",
    "Accept-Encoding": "identity",
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An answer as it came.

    Attributes:
        headers: The headers, by their names in lower case.
        body: The body, or None if it is longer than was wanted. Not read if this is a redirect.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def is_redirect(self) -> bool:
        """Whether the status is one of a redirect."""
        return is_redirect(self.status)


def is_redirect(status: int) -> bool:
    """Whether an answer with this status says that the resource is elsewhere."""
    return _REDIRECTION <= status < _CLIENT_ERROR


class Wire(Protocol):
    """What carries a request to a server. It follows no redirects, and keeps no cookies."""

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        """Sends a request, and returns the answer with up to ``max_bytes`` of its body.

        Raises:
            TooLateError: No connection could be made in time.
            ProviderUnavailableError: There is no answer, or only part of one.
        """

    def conversation(self) -> AbstractContextManager["Wire"]:
        """Lends a wire for the requests of one person's sign-in, which may share connections."""
        return nullcontext(self)

    async def aclose(self) -> None:
        """Closes all connections."""


@final
class BoundedHTTP:
    """Bounds each call as a whole."""

    def __init__(
        self,
        wire: Wire,
        *,
        deadline: timedelta,
        max_bytes: int,
        observer: CallObserver = nobody,
    ) -> None:
        self._wire = wire
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._observer = observer

    @contextmanager
    def conversation(self) -> Iterator["BoundedHTTP"]:
        """Lends a client with the same bounds for the calls of one person's sign-in."""
        with self._wire.conversation() as wire:
            yield BoundedHTTP(
                wire,
                deadline=self._deadline,
                max_bytes=self._max_bytes,
                observer=self._observer,
            )

    async def get(
        self, url: str, *, operation: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Sends a GET request. Raises the same errors as ``post``."""
        return await self._observed(operation, "GET", url, {**_HEADERS, **(headers or {})}, b"")

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
        headers = {**_HEADERS, **headers, "Content-Type": _FORM}
        return await self._observed(operation, "POST", url, headers, urlencode(form).encode())

    async def _observed(
        self, operation: str, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        began_at, began = time.time_ns(), time.perf_counter()
        outcome = "given_up"
        try:
            reply = await self._send(method, url, headers, body)
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

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                received = await self._wire.send(
                    method, url, headers, body, max_bytes=self._max_bytes
                )
        except TimeoutError as error:
            raise TooLateError("deadline") from error
        if received.is_redirect:
            raise UpstreamRejectedError("redirect")
        return self._reply(received)

    def _reply(self, received: Received) -> Reply:
        body, fault = self._body(received)
        content_type = received.headers.get("content-type", "")
        return Reply(
            status=received.status,
            body=body,
            fault=fault,
            media_type=content_type.partition(";")[0].strip().lower(),
            charset=_charset_of(content_type),
            retry_after=received.headers.get("retry-after"),
        )

    def _body(self, received: Received) -> tuple[bytes, str | None]:
        """Returns the body, and why it could not be read. The status may be all that matters."""
        if received.body is None:
            return b"", "answer_too_large"
        encoding = received.headers.get("content-encoding", "")
        try:
            return decompressed(received.body, encoding, max_bytes=self._max_bytes), None
        except TooLargeError:
            return b"", "answer_too_large"
        except NotCompressedError:
            return b"", "compressed_answer"


def _charset_of(content_type: str) -> str | None:
    if ";" not in content_type:
        return None
    message = Message()
    message["Content-Type"] = content_type
    return message.get_content_charset(failobj=None)
