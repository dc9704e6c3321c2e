"""uvicorn's server, as this service waits and ends."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, final

import structlog
import uvicorn

from entrypoints.serving.bounded_http import BoundedHTTP
from entrypoints.serving.connection_table import ConnectionTable
from entrypoints.serving.listening import Listener

_log = structlog.stdlib.get_logger("vetassist.server")

#: From the first signal to the process's end, whatever happens.
END_SECONDS: Final = 29.0
#: For the requests at work; the rest is for what the application closes.
REQUEST_SECONDS: Final = 24
#: For requests that a proxy has sent on a connection while we decided to close it.
_LINGER_SECONDS: Final = 0.5
_MOST_CONNECTIONS: Final = 1_000
_TICKS_PER_BEAT: Final = 10


def _nothing() -> None:
    """Nobody wants to know."""


@final
class HTTPServer(uvicorn.Server):
    """Accepts by itself, and ends without an error for anybody and within a time of its own.

    Args:
        config: Its ``timeout_graceful_shutdown`` is for requests at work.
        most_connections: From so many on, the longest idle one has to go for each new one.
        beat: Called about every second while the event loop runs.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        most_connections: int = _MOST_CONNECTIONS,
        beat: Callable[[], None] = _nothing,
    ) -> None:
        super().__init__(config)
        self._table = ConnectionTable(most_connections)
        self._beat = beat
        self._listeners: list[Listener] = []
        self._has_signal = False

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on ``sockets`` until a signal, which is an end and no failure."""
        # Once uvicorn has stopped it raises the signal again.
        signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
        with suppress(KeyboardInterrupt):
            super().run(sockets)

    def end(self) -> None:
        """Stop when the requests at work are answered; from any thread, and at any time."""
        self.should_exit = True
        last_resort = threading.Timer(END_SECONDS, _end_process)
        last_resort.daemon = True
        last_resort.start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End with the first signal, and with the second one at once."""
        if self._has_signal:
            os._exit(128 + sig)
        self._has_signal = True
        super().handle_exit(sig, frame)
        self.end()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and then accept on ``sockets``."""
        # Without sockets uvicorn starts the application and accepts nothing.
        await super().startup(sockets=[])
        for each in sockets or []:
            listener = Listener(each, self._new_connection, self._table)
            listener.start()
            self._listeners.append(listener)
            host, port, *_ = each.getsockname()
            _log.info("listening", host=host, port=port)

    async def on_tick(self, counter: int) -> bool:
        """Show that the event loop runs."""
        if counter % _TICKS_PER_BEAT == 0:
            self._beat()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more, answer what is on its way, and close.

        A proxy may send a request on an idle connection in the moment in which it is closed, and
        cannot know whether it may send it again. So each connection has a moment for one more
        request, whose answer announces that it is the last.
        """
        self._table.is_ending = True
        for listener in self._listeners:
            await listener.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, BoundedHTTP):
                connection.end_with_answer()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                await self._table.all_closed()
        await super().shutdown(sockets)

    def _new_connection(self) -> BoundedHTTP:
        return BoundedHTTP(self.config, self.server_state, self.lifespan.state, self._table)


def _end_process() -> None:
    _log.error("ended_by_deadline", seconds=END_SECONDS)
    os._exit(1)
