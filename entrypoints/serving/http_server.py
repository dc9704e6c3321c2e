"""uvicorn's server, with deadlines for clients and for the shutdown."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final, final

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from entrypoints.serving.bounded_http import BoundedHTTP, refuse
from entrypoints.serving.connection_table import ConnectionTable
from entrypoints.serving.listening import Listener
from entrypoints.serving.turnstile import CrowdLimits, Turnstile
from entrypoints.sockets import cannot_listen
from entrypoints.starting import fail

_log = structlog.stdlib.get_logger("vetassist.server")

#: From the first signal to the end of the process.
END_SECONDS: Final = 29.0
#: For requests in progress. The rest is for the shutdown of the application.
REQUEST_SECONDS: Final = 24
#: For requests that a proxy sends while the server is about to close the connection.
_LINGER_SECONDS: Final = 0.5
_MOST_CONNECTIONS: Final = 1_000
_TICKS_PER_BEAT: Final = 10


def no_beat() -> None:
    """Do nothing: no parent waits for a beat."""


def server_config(
    app: ASGIApp | Callable[[], ASGIApp], *, keep_alive_seconds: int, is_factory: bool = False
) -> uvicorn.Config:
    """How each of our servers is run.

    Args:
        app: The application, or what makes it.
        keep_alive_seconds: How long an idle connection stays open.
        is_factory: Whether ``app`` makes the application.
    """
    return uvicorn.Config(
        app,
        factory=is_factory,
        workers=1,
        lifespan="on",
        # Our own log line has no URL. `trusted_proxies` decides on the client's address.
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=REQUEST_SECONDS,
    )


@final
class HTTPServer(uvicorn.Server):
    """Accepts connections itself, and shuts down in time without an error for any client.

    Args:
        config: Its ``timeout_graceful_shutdown`` applies to requests in progress.
        most_connections: At this number, each new connection closes the one that is idle longest.
        beat: Called about once a second while the event loop runs.
        refusal: Responds instead of the application if too many requests are in progress.
        crowded: The paths that crowds come to.
        crowd_limits: The limits of a crowd.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        most_connections: int = _MOST_CONNECTIONS,
        beat: Callable[[], None] = no_beat,
        refusal: ASGIApp = refuse,
        crowded: Sequence[str] = (),
        crowd_limits: CrowdLimits | None = None,
    ) -> None:
        super().__init__(config)
        self._table = ConnectionTable(most_connections)
        self._turnstile = Turnstile(crowded, crowd_limits)
        self._beat = beat
        self._refusal = refusal
        self._listeners: list[Listener] = []
        self._has_signal = False

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on ``sockets`` until a signal, and then exit with status 0."""
        # uvicorn raises the signal again once it has stopped.
        signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
        with suppress(KeyboardInterrupt):
            super().run(sockets)

    def end(self) -> None:
        """Stop once the requests in progress are answered. Safe to call from any thread."""
        self.should_exit = True
        last_resort = threading.Timer(END_SECONDS, _end_process)
        last_resort.daemon = True
        last_resort.start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Shut down at the first signal, and exit immediately at the second."""
        if self._has_signal:
            os._exit(128 + sig)
        self._has_signal = True
        super().handle_exit(sig, frame)
        self.end()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept connections on ``sockets``."""
        # Without sockets, uvicorn starts the application but accepts no connection.
        await super().startup(sockets=[])
        for each in sockets or []:
            host, port, *_ = each.getsockname()
            listener = Listener(each, self._new_connection, self._table)
            try:
                listener.start()
            except OSError as error:
                # Another program began to listen after the socket was bound.
                await self.lifespan.shutdown()
                fail([str(cannot_listen(host, port, error))], STARTUP_FAILURE)
            self._listeners.append(listener)
            _log.info("listening", host=host, port=port)

    async def on_tick(self, counter: int) -> bool:
        """Report that the event loop runs."""
        if counter % _TICKS_PER_BEAT == 0:
            self._beat()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, answer the requests in progress, and close.

        A proxy may send a request on an idle connection just as the server closes it, and can't
        know whether it is safe to retry. So each connection stays open for a moment. The response
        to a request in that time says that the connection closes.
        """
        self._table.is_ending = True
        for listener in self._listeners:
            await listener.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, BoundedHTTP):
                connection.end_with_answer()
        await self._let_the_crowd_in()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                await self._table.all_closed()
        await super().shutdown(sockets)

    async def _let_the_crowd_in(self) -> None:
        """Wait for those who wait. The time counts for the requests in progress as well."""
        loop, grace = asyncio.get_running_loop(), self.config.timeout_graceful_shutdown
        began = loop.time()
        await self._turnstile.nobody_waits()
        if grace is not None:
            self.config.timeout_graceful_shutdown = max(0, grace - round(loop.time() - began))

    def _new_connection(self) -> BoundedHTTP:
        return BoundedHTTP(
            self.config,
            self.server_state,
            self.lifespan.state,
            table=self._table,
            turnstile=self._turnstile,
            refusal=self._refusal,
        )


def _end_process() -> None:
    _log.error("ended_by_deadline", seconds=END_SECONDS)
    os._exit(1)
