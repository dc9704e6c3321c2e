"""uvicorn's HTTP protocol, with a deadline for each wait for a client."""

from asyncio import Transport
from asyncio.events import TimerHandle
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final, final

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from entrypoints.crowds import TURNED_AWAY
from entrypoints.serving.connection_table import ConnectionTable
from entrypoints.serving.turnstile import Turnstile
from entrypoints.serving.upgrade_offers import is_offer, read_without_offer
from entrypoints.web.errors import problem

# About ten times what the request line and headers of a legitimate request need.
_MAX_HEAD_BYTES: Final = 65_536
_HEAD_SECONDS: Final = 10.0
_BODY_SECONDS: Final = 10.0
_READ_SECONDS: Final = 30.0
_NOT_HTTP: Final = "Invalid HTTP request received."
#: Headers of a response that the application doesn't produce.
_LAST_ANSWER: Final = {
    "Connection": "close",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class _Admission(Enum):
    """What the turnstile decided about a request."""

    LET_IN = auto()
    TURNED_AWAY = auto()


class _Owed(Enum):
    """What a client must send before its deadline."""

    HEAD = auto()
    BODY = auto()
    NEXT_REQUEST = auto()


@final
class BoundedHTTP(HttpToolsProtocol):
    """Limits what uvicorn doesn't: the size of a head, and each wait for a client.

    A request of a crowd waits at the turnstile first, as bytes.

    A head is the request line and the headers of a request.

    - A head: 64 KiB, and ten seconds from its first byte. For the first request of a connection,
      ten seconds from the start of the connection, so that silent clients time out too.
    - A body: ten seconds from the end of the head, even if the application doesn't read it.
    - Between two requests: uvicorn's ``timeout_keep_alive``.
    - A response that the client doesn't read: thirty seconds without progress.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        table: ConnectionTable,
        turnstile: Turnstile,
        refusal: ASGIApp,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._table = table
        self._turnstile = turnstile
        self._application, self._refusal = self.app, refusal
        #: What a request that waits at the turnstile begins with.
        self._held: bytes | None = None
        #: What the turnstile decided about the next request. None if it wasn't asked.
        self._admission: _Admission | None = None
        #: Bytes received since the end of the last request. None while a body arrives.
        self._head_bytes: int | None = 0
        #: Requests without a complete response. More than one if the client pipelines.
        self._unanswered = 0
        self._owed: _Owed | None = None
        self._deadline: TimerHandle | None = None
        self._reading_deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Give the client time for its first request."""
        super().connection_made(transport)
        self._table.opened(self)
        self._expect(_Owed.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave everything, and cancel all timers."""
        super().connection_lost(exc)
        self._table.closed(self)
        if self._held is not None:
            self._held = None
            self._turnstile.give_up(self)
        self._expect(None)
        # After an error, uvicorn keeps its timer, which keeps the whole connection in memory.
        for timer in (self._reading_deadline, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what the client sent, or keep it until the request may begin."""
        if self._held is not None:
            self._held += data
            if len(self._held) > _MAX_HEAD_BYTES:
                self.transport.pause_reading()
        elif self._may_have_to_wait(data):
            self._held = data
            self._turnstile.arrive(self)
            if self._held is not None:
                # The client waits for us, and not we for the client.
                self._table.works(self)
                self._expect(None)
                self._stop_keep_alive_timer()
        else:
            self._take(data)

    def _may_have_to_wait(self, data: bytes) -> bool:
        # At the end, the line only gets shorter.
        is_next_request = self._head_bytes == 0 and not self._unanswered
        return is_next_request and self._turnstile.concerns(data) and not self._table.is_ending

    def enter(self) -> None:
        """Begin the request."""
        self._release(_Admission.LET_IN)
        if self._admission is not None:
            # Its head isn't complete, and nobody knows when it will be.
            self._admission = None
            self._turnstile.left()

    def turn_away(self) -> None:
        """Refuse the request."""
        self._release(_Admission.TURNED_AWAY)
        self._admission = None

    def _release(self, admission: _Admission) -> None:
        data, self._held = self._held, None
        self._admission = admission
        if data is not None and not self.transport.is_closing():
            self._table.waits(self)
            self.transport.resume_reading()
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Count the bytes of the head, and pass them on. Bytes of a body don't count."""
        if self._head_bytes is not None and self._head_bytes + len(data) > _MAX_HEAD_BYTES:
            self._receive_in_parts(data)
        else:
            if self._head_bytes is not None:
                self._head_bytes += len(data)
            self._parse(data)
        # Usually the client has sent exactly one whole request, and no deadline changes.
        if self._head_bytes or self._head_bytes is None or self._owed or not self._unanswered:
            self._set_deadline()

    def _receive_in_parts(self, data: bytes) -> None:
        while self._head_bytes is not None:
            room = _MAX_HEAD_BYTES - self._head_bytes
            if room == 0:
                self.send_400_response("The request's headers are too long.")
                return
            self._head_bytes += min(room, len(data))
            part, data = data[:room], data[room:]
            self._parse(part)
            if not data or self.transport.is_closing():
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse the next bytes, as uvicorn does, but ignore offers to upgrade."""
        self._stop_keep_alive_timer()
        try:
            while data:
                try:
                    self.parser.feed_data(data)
                except httptools.HttpParserUpgrade as upgrade:
                    if not is_offer(self.parser):
                        return
                    (offset,) = upgrade.args
                    data = data[offset:]
                    read_without_offer(self)
                else:
                    return
        except httptools.HttpParserError:
            self.logger.warning(_NOT_HTTP)
            self.send_400_response(_NOT_HTTP)

    def on_headers_complete(self) -> None:
        """Count a request, or refuse it if the server is overloaded."""
        self.app = self._refusal if self._table.is_overloaded else self._application
        if self._admission is _Admission.LET_IN:
            self.app = self._until_it_ends(self.app)
        elif self._admission is _Admission.TURNED_AWAY:
            self.scope["state"][TURNED_AWAY] = True
        self._admission = None
        super().on_headers_complete()
        self._head_bytes = None
        self._unanswered += 1
        if self._table.is_ending:
            self.shutdown()

    def on_message_complete(self) -> None:
        """Start to count the next head."""
        if is_offer(self.parser):
            # Its body is still to come.
            return
        super().on_message_complete()
        self._head_bytes = 0
        if self._unanswered:
            self._table.works(self)

    def on_response_complete(self) -> None:
        """Wait for the client, unless it has already sent another request."""
        self._unanswered -= 1
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reading()
        elif not self._unanswered:
            self._table.waits(self)

    def pause_writing(self) -> None:
        """The client reads more slowly than the application writes."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """The client has read nearly everything."""
        super().resume_writing()
        # A closing connection still has to become empty.
        if self._reading_deadline is not None and not self.transport.is_closing():
            self._reading_deadline.cancel()
            self._reading_deadline = None

    def end_with_answer(self) -> None:
        """Close the connection after the response in progress, if there is one."""
        if self._unanswered:
            self.shutdown()

    def give_way(self) -> None:
        """Close, to make room for another connection."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _until_it_ends(self, app: ASGIApp) -> ASGIApp:
        """Return the app for a request that the turnstile let in."""

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            finally:
                self._turnstile.left()

        return run

    def _stop_keep_alive_timer(self) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def _set_deadline(self) -> None:
        """Set the deadline for what the client must send next."""
        if self.transport.is_closing():
            self._expect(None)
            self._expect_reading()
        elif self._head_bytes is None:
            self._expect(_Owed.BODY)
        elif self._head_bytes:
            self._expect(_Owed.HEAD)
        elif self._unanswered:
            self._expect(None)
        else:
            # The response was complete before the body, so uvicorn has no timer running.
            self._expect(_Owed.NEXT_REQUEST)

    def _expect(self, owed: _Owed | None) -> None:
        """Start the timer for ``owed``. A timer for the same thing keeps running."""
        if owed is self._owed:
            return
        self._owed = owed
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if owed is not None:
            self._deadline = self.loop.call_later(self._seconds_for(owed), self._on_deadline, owed)

    def _seconds_for(self, owed: _Owed) -> float:
        if owed is _Owed.HEAD:
            return _HEAD_SECONDS
        return _BODY_SECONDS if owed is _Owed.BODY else self.timeout_keep_alive

    def _on_deadline(self, owed: _Owed) -> None:
        if owed is _Owed.BODY:
            # Closes immediately, or after the response if one is in progress.
            self.shutdown()
        elif self._unanswered:
            # Part of a pipelined head. The previous request is answered first.
            self._owed = None
            self._expect(owed)
        else:
            if self._head_bytes:
                self.transport.write(_timed_out(self.server_state.default_headers))
            # A client that has sent nothing gets no response. It would take it for the response to
            # the request that it is about to send.
            self.transport.close()
        if self.transport.is_closing():
            self._expect_reading()

    def _expect_reading(self) -> None:
        """Give the client time to read what is written already."""
        unread = self.transport.get_write_buffer_size()
        if self._reading_deadline is None and unread:
            self._reading_deadline = self.loop.call_later(
                _READ_SECONDS, self._on_reading_deadline, unread
            )

    def _on_reading_deadline(self, unread: int) -> None:
        self._reading_deadline = None
        if self.transport.get_write_buffer_size() < unread:
            self._expect_reading()
        else:
            self.transport.abort()


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond instead of the application, because too many requests are in progress."""
    answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", headers=_LAST_ANSWER)
    await answer(scope, receive, send)


def _timed_out(default_headers: list[tuple[bytes, bytes]]) -> bytes:
    status = HTTPStatus.REQUEST_TIMEOUT
    document = problem(status, "request_timeout", headers=_LAST_ANSWER)
    headers = [*default_headers, *document.raw_headers]
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(document.body)
