"""HTTP as uvicorn speaks it, but nothing waits for a client without a deadline."""

from asyncio import Transport
from asyncio.events import TimerHandle
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final, final

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from entrypoints.serving.connection_table import ConnectionTable
from entrypoints.web.errors import problem

# An honest request's line and headers take a tenth of it.
_MAX_HEAD_BYTES: Final = 65_536
_HEAD_SECONDS: Final = 10.0
_BODY_SECONDS: Final = 10.0
_READ_SECONDS: Final = 30.0
#: Of an answer that is given before the application sees the request.
_LAST_ANSWER: Final = {
    "Connection": "close",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class _Owed(Enum):
    """What a client has to send before its deadline."""

    HEAD = auto()
    BODY = auto()
    NEXT_REQUEST = auto()


@final
class BoundedHTTP(HttpToolsProtocol):
    """Bounds what uvicorn leaves unbounded: a head's size, and every wait for a client.

    - A head: 64 KiB, and ten seconds from its first byte; the first one of a connection from the
      connection's begin, so that a silent client is closed, too.
    - A body: ten seconds from the head's end, also where nobody reads it.
    - Between two requests: uvicorn's ``timeout_keep_alive``.
    - An answer that the client does not read: thirty seconds without progress.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        table: ConnectionTable,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._table = table
        #: How much has come since the last request's end; None while a body is on its way.
        self._head_bytes: int | None = 0
        #: Requests whose answers are not complete; several when the client pipelines.
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
        """Let go of everything."""
        super().connection_lost(exc)
        self._table.closed(self)
        self._expect(None)
        # uvicorn keeps this one after an error, and with it the whole connection.
        for timer in (self._reading_deadline, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Count, and pass on; a body may come along with its head, and does not count."""
        if self._head_bytes is not None and self._head_bytes + len(data) > _MAX_HEAD_BYTES:
            self._receive_in_parts(data)
        else:
            if self._head_bytes is not None:
                self._head_bytes += len(data)
            super().data_received(data)
        # Nearly always the client has sent a whole request and nothing else.
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
            super().data_received(part)
            if not data or self.transport.is_closing():
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is over."""
        if self._table.is_overloaded:
            self.app = _refuse
        super().on_headers_complete()
        self._head_bytes = None
        self._unanswered += 1
        if self._table.is_ending:
            self.shutdown()

    def on_message_complete(self) -> None:
        """The next head may begin."""
        super().on_message_complete()
        self._head_bytes = 0
        if self._unanswered:
            self._table.works(self)

    def on_response_complete(self) -> None:
        """It is the client's turn, unless it has sent another request already."""
        self._unanswered -= 1
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reading()
        elif not self._unanswered:
            self._table.waits(self)

    def pause_writing(self) -> None:
        """The client does not read as fast as the application writes."""
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
        """Let the answer that is on its way, if there is one, be the connection's last."""
        if self._unanswered:
            self.shutdown()

    def give_way(self) -> None:
        """Close, because others need the connection more."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _set_deadline(self) -> None:
        """Decide what the client owes after it has sent something."""
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
            # The answer was there before the body's end, and uvicorn has ended its own wait.
            self._expect(_Owed.NEXT_REQUEST)

    def _expect(self, owed: _Owed | None) -> None:
        """Begin the wait for ``owed``; one for the same thing goes on as it is."""
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
            # Closes at once, or with the answer if that is not complete.
            self.shutdown()
        elif self._unanswered:
            # Half of a pipelined head: the answer to the request before it comes first.
            self._owed = None
            self._expect(owed)
        else:
            if self._head_bytes:
                self.transport.write(_timed_out(self.server_state.default_headers))
            # A client that has said nothing is told nothing: it would take that for an answer to
            # the request which it is about to send.
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


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in place of the application: too many requests are at work."""
    answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", headers=_LAST_ANSWER)
    await answer(scope, receive, send)


def _timed_out(default_headers: list[tuple[bytes, bytes]]) -> bytes:
    status = HTTPStatus.REQUEST_TIMEOUT
    document = problem(status, "request_timeout", headers=_LAST_ANSWER)
    headers = [*default_headers, *document.raw_headers]
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(document.body)
