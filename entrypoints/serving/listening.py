"""The sockets that the server listens on."""

import asyncio
import errno
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, final

import structlog

from entrypoints.serving.connection_table import ConnectionTable, Seldom

_log = structlog.stdlib.get_logger("vetassist.server")

#: The length of the kernel's queue. Further clients are refused, or retry by themselves.
_BACKLOG: Final = 2048
#: A small number, so that workers on one socket get about equal shares.
_ACCEPTED_AT_ONCE: Final = 8
_PAUSE_SECONDS: Final = 0.2
#: The number of idle connections that are closed when no file handle is left.
_CLOSED_AT_ONCE: Final = 16
_ANY_IPV6: Final = "::"
_ANY_IPV4: Final = "0.0.0.0"  # noqa: S104 - what `::` means to the operator
#: The machine doesn't have the address, or its family.
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets for every address of ``host``. They don't listen yet.

    ``::`` means every IPv6 and IPv4 address of the machine, whatever the system's default is.

    Raises:
        OSError: An address is in use, or the machine has none of them.
    """
    bound: list[socket.socket] = []
    fault: OSError | None = None
    hosts = [_ANY_IPV6, _ANY_IPV4] if host == _ANY_IPV6 else [host]
    for name in hosts:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            name or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            try:
                listener = _bound(family, kind, protocol, address)
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                fault = error
            else:
                bound.append(listener)
                # Port 0 means any port, but the same one for each address.
                port = port or listener.getsockname()[1]
    if not bound:
        raise fault or OSError(errno.EADDRNOTAVAIL, "no such address")
    return bound


def _bound(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 clients must appear with IPv4 addresses.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


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
