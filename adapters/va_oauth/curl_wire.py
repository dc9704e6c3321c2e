"""Requests over libcurl. Importing this module takes memory and time: see ``WireOnDemand``."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
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
    (pycurl.FORBID_REUSE, 1),
    (pycurl.FRESH_CONNECT, 1),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    # Signals would belong to the whole process.
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    # An empty text means no proxy, whatever the environment says.
    (pycurl.PROXY, ""),
)
#: What a callback returns so that libcurl ends the transfer.
_LEAVE: Final = -1


@final
class CurlWire(Wire):
    """Uses a new connection for each request, and ignores the environment's proxy variables.

    A server may close an idle connection at any moment, and a code that was just sent on it would
    be lost, because it can't be sent twice. And no answer can be taken for that to another request.

    Args:
        authorities: The file with the certificate authorities to trust.
    """

    def __init__(self, authorities: str) -> None:
        self._options = (*_OPTIONS, (pycurl.CAINFO, authorities))
        self._transfers = pycurl.AsyncCurlMulti()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        for tries_left in reversed(range(_CONNECT_TRIES)):
            answer = _Answer(max_bytes)
            try:
                with closing(self._request(method, url, headers, body)) as request:
                    request.setopt(pycurl.HEADERFUNCTION, answer.add_header)
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

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> pycurl.Curl:
        request = pycurl.Curl()
        for option, value in self._options:
            request.setopt(option, value)
        request.setopt(pycurl.URL, url)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        request.setopt(pycurl.HTTPHEADER, ["Connection: close", *lines])
        if method == "POST":
            request.setopt(pycurl.POSTFIELDS, body)
        return request


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())


@final
class _Answer:
    """An answer while it arrives. libcurl calls with one whole header, or a part of the body."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._is_too_long = False
        self._has_whole_head = False
        #: Whether the rest isn't wanted.
        self.was_left = False

    def add_header(self, line: bytes) -> int | None:
        if line.startswith(b"HTTP/"):
            # What came before was provisional, such as "100 Continue".
            self._status = int(line.split(maxsplit=2)[1])
            self._headers.clear()
            self._has_whole_head = False
            return None
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            self._headers.setdefault(name.lower(), value.strip())
            return None
        # The empty line after the last header.
        self._has_whole_head = True
        self.was_left = is_redirect(self._status)
        return _LEAVE if self.was_left else None

    def add_to_body(self, part: bytes) -> int | None:
        self._is_too_long = len(self._body) + len(part) > self._max_bytes
        if self._is_too_long:
            self.was_left = True
            return _LEAVE
        self._body += part
        return None

    def received(self) -> Received:
        """Returns what arrived until the transfer ended.

        Raises:
            ProviderUnavailableError: That was only a part of the head, which libcurl accepts.
        """
        if not self._has_whole_head:
            raise ProviderUnavailableError("half_a_head")
        body = None if self._is_too_long else bytes(self._body)
        return Received(status=self._status, headers=self._headers, body=body)
