"""Requests over libcurl. Importing this module takes memory and time: see ``WireOnDemand``."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final, final

import pycurl

from adapters.va_oauth.bounded_http import Received, TooLateError, Wire, is_redirect
from application.errors import ProviderUnavailableError

# If connecting takes longer, it is tried once more within the call's deadline. There is no other
# timeout: the deadline alone bounds the wait for an answer.
_CONNECT_MILLISECONDS: Final = 4_000
_CONNECT_TRIES: Final = 2
_NAMES_KEPT_SECONDS: Final = 10
#: Nothing was sent yet.
_NOT_CONNECTED: Final = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_SSL_CONNECT_ERROR,
        # Only connecting has a timeout.
        pycurl.E_OPERATION_TIMEDOUT,
    }
)
_OPTIONS: Final = (
    (pycurl.CONNECTTIMEOUT_MS, _CONNECT_MILLISECONDS),
    (pycurl.DNS_CACHE_TIMEOUT, _NAMES_KEPT_SECONDS),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    # Signals would belong to the whole process.
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    # An empty text means no proxy, whatever the environment says.
    (pycurl.PROXY, ""),
)
#: What a callback returns so that libcurl ends the transfer.
_LEAVE: Final = -1
_END_OF_HEAD: Final = frozenset({b"\r\n", b"\n"})
_STATUS_LINE: Final = re.compile(rb"HTTP/\S+ ([0-9]{3})\b")


@final
class CurlWire(Wire):
    """Uses a new connection for each request, and ignores the environment's proxy variables.

    A server may close an idle connection at any moment, and a code that was just sent on it would
    be lost, because it can't be sent twice. And no answer can be taken for that to another person's
    request. So only a conversation keeps a connection, for its next GET.

    Args:
        authorities: The file with the certificate authorities to trust.
    """

    def __init__(self, authorities: str) -> None:
        self._transfers = pycurl.AsyncCurlMulti()
        # Copied for each request, because that is faster than to set all options again.
        self._template = pycurl.Curl()
        for option, value in (*_OPTIONS, (pycurl.CAINFO, authorities)):
            self._template.setopt(option, value)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        return await self.exchanged(method, url, headers, body, max_bytes=max_bytes, kept=None)

    @contextmanager
    def conversation(self) -> Iterator[Wire]:
        with closing(pycurl.CurlShare()) as kept:
            kept.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_CONNECT)
            yield _Conversation(self, kept)

    async def exchanged(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        max_bytes: int,
        kept: pycurl.CurlShare | None,
    ) -> Received:
        """Like ``send``, but with the connections that a conversation keeps."""
        for tries_left in reversed(range(_CONNECT_TRIES)):
            answer = _Answer(max_bytes)
            try:
                with closing(self._request(method, url, headers, body, kept)) as request:
                    request.setopt(pycurl.HEADERFUNCTION, answer.lines.append)
                    request.setopt(pycurl.WRITEFUNCTION, answer.add_to_body)
                    await self._transfers.perform(request)
            except asyncio.CancelledError:
                if _is_cancelled():
                    raise
                # The wire was closed.
                raise ProviderUnavailableError("closed") from None
            except pycurl.error as error:
                code = error.args[0]
                if tries_left and code in _NOT_CONNECTED:
                    continue
                if code == pycurl.E_OPERATION_TIMEDOUT:
                    raise TooLateError("connecting") from error
                if not answer.was_left:
                    raise ProviderUnavailableError(f"curl_{code}") from error
            return answer.received()
        raise AssertionError("the last try returns or raises")

    async def aclose(self) -> None:
        await self._transfers.aclose()
        self._template.close()

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        kept: pycurl.CurlShare | None,
    ) -> pycurl.Curl:
        request = self._template.duphandle()
        request.setopt(pycurl.URL, url)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        is_post = method == "POST"
        if kept is not None:
            request.setopt(pycurl.SHARE, kept)
        if is_post:
            request.setopt(pycurl.POSTFIELDS, body)
        if is_post or kept is None:
            request.setopt(pycurl.FRESH_CONNECT, 1)
        if not is_post or kept is None:
            request.setopt(pycurl.FORBID_REUSE, 1)
            lines.append("Connection: close")
        request.setopt(pycurl.HTTPHEADER, lines)
        return request


@final
class _Conversation(Wire):
    """A POST still has a new connection. A GET takes the one that a POST left, and closes it.

    If the server has closed it meanwhile, libcurl sends the GET again on a new one.
    """

    def __init__(self, wire: CurlWire, kept: pycurl.CurlShare) -> None:
        self._wire = wire
        self._kept = kept

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        return await self._wire.exchanged(
            method, url, headers, body, max_bytes=max_bytes, kept=self._kept
        )

    async def aclose(self) -> None:
        """Does nothing: the end of the conversation closes its connections."""


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())


@final
class _Answer:
    """An answer while it arrives. libcurl calls with one whole header, or a part of the body.

    Attributes:
        lines: The lines of the head. There may be provisional heads before it, and trailers behind.
        was_left: Whether the rest isn't wanted.
    """

    def __init__(self, max_bytes: int) -> None:
        self.lines: list[bytes] = []
        self.was_left = False
        self._max_bytes = max_bytes
        self._body = bytearray()
        self._is_too_long = False

    def add_to_body(self, part: bytes) -> int | None:
        self._is_too_long = len(self._body) + len(part) > self._max_bytes
        self.was_left = self._is_too_long or is_redirect(self._head()[0])
        if self.was_left:
            return _LEAVE
        self._body += part
        return None

    def received(self) -> Received:
        """Returns what arrived until the transfer ended.

        Raises:
            ProviderUnavailableError: That was only a part of the head, which libcurl accepts.
        """
        status, lines = self._head()
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            headers.setdefault(name.lower(), value.strip())
        body = None if self._is_too_long else bytes(self._body)
        return Received(status=status, headers=headers, body=body)

    def _head(self) -> tuple[int, list[bytes]]:
        """Returns the status, and the lines of the headers."""
        begin = 0
        for end, line in enumerate(self.lines):
            if line in _END_OF_HEAD:
                status = _STATUS_LINE.match(self.lines[begin])
                # What comes before is provisional, such as "100 Continue".
                if status is not None and not status[1].startswith(b"1"):
                    return int(status[1]), self.lines[begin + 1 : end]
                begin = end + 1
        raise ProviderUnavailableError("half_a_head")
