"""How the server accepts connections."""

import asyncio
import errno
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, final

import structlog

from entrypoints.serving.connection_table import ConnectionTable, Seldom

_log = structlog.stdlib.get_logger("vetassist.server")

#: The length of the kernel's queue. Further clients are refused, or retry by themselves.
_BACKLOG: Final = 2048
#: A small number, so that workers on one socket get about equal shares, and a crowd that connects
#: at the same moment doesn't delay validations.
_ACCEPTED_AT_ONCE: Final = 2
_PAUSE_SECONDS: Final = 0.2
#: The number of idle connections that are closed when no file handle is left.
_CLOSED_AT_ONCE: Final = 16


@final
class Listener:
    """Accepts connections, and logs when it can't.

    uvloop's own server silently closes new connections when the process has no file handle left.
    This one leaves them in the kernel's queue until a handle is free.
    """

    def __init__(
        self,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        table: ConnectionTable,
    ) -> None:
        self._socket = listening
        self._protocol = protocol
        self._table = table
        self._loop = asyncio.get_running_loop()
        self._starting: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._failing = Seldom()

    def start(self) -> None:
        """Start to accept connections."""
        self._socket.setblocking(False)
        self._socket.listen(_BACKLOG)
        self._resume()

    async def close(self) -> None:
        """Accept the connections in the queue, then stop. Closing alone would reset them."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket)
        # A limit, so that a stream of new clients can't keep the socket open.
        with suppress(OSError):
            for _ in range(_BACKLOG):
                if not self._accept_one():
                    break
        self._socket.close()
        if self._starting:
            await asyncio.wait(self._starting)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        try:
            for _ in range(_ACCEPTED_AT_ONCE):
                if not self._accept_one():
                    return
        except OSError as error:
            self._on_failure(error)

    def _accept_one(self) -> bool:
        """Accept a connection. Returns whether there may be another one.

        Raises:
            OSError: No connection can be accepted now.
        """
        try:
            accepted, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except ConnectionAbortedError:
            return True
        task = self._loop.create_task(self._start_connection(accepted))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return True

    async def _start_connection(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, accepted)
        except OSError:
            # The client is gone, or no file handle was free.
            accepted.close()

    def _on_failure(self, error: OSError) -> None:
        """Pause. The socket stays readable, so the loop would spin."""
        if self._failing.is_due():
            _log.error(
                "cannot_accept",
                error=errno.errorcode.get(error.errno or 0, "unknown"),
                open=len(self._table),
                file_limit=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            )
        self._table.make_room(_CLOSED_AT_ONCE)
        self._loop.remove_reader(self._socket)
        self._pause = self._loop.call_later(_PAUSE_SECONDS, self._resume)
