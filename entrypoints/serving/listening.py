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

#: As many as wait in the kernel; more are refused or try again by themselves.
_BACKLOG: Final = 2048
#: Few, so that several workers on one socket get about the same share.
_ACCEPTED_AT_ONCE: Final = 8
_PAUSE_SECONDS: Final = 0.2
#: How many idle connections are closed when there are no file handles left.
_CLOSED_AT_ONCE: Final = 16
_ANY_IPV6: Final = "::"
_ANY_IPV4: Final = "0.0.0.0"  # noqa: S104 - what the operator asks for by `::`
#: An address of a family that this machine does not have.
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets for every address of ``host``; they do not listen yet.

    ``::`` is every address of the machine, whatever the system's default is.

    Raises:
        OSError: An address is taken, or none of them is this machine's.
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
                # Port 0 is any port, but the same one for each address.
                port = port or listener.getsockname()[1]
    if not bound:
        raise fault or OSError(errno.EADDRNOTAVAIL, "no such address")
    return bound


def _bound(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Clients that come by IPv4 are to be seen by their IPv4 addresses.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


@final
class Listener:
    """Accepts connections, and says when it cannot.

    uvloop's own server closes new connections without a word when the process has no file handle
    left. This one leaves them in the kernel's queue until there is one again.
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
        self._beginnings: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._failing = Seldom()

    def start(self) -> None:
        """Begin to accept."""
        self._socket.setblocking(False)
        self._socket.listen(_BACKLOG)
        self._resume()

    async def close(self) -> None:
        """Take what is in the queue, and stop listening. Closing alone would reset it."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket)
        # Clients that come faster than this must not keep it open.
        with suppress(OSError):
            for _ in range(_BACKLOG):
                if not self._accept_one():
                    break
        self._socket.close()
        if self._beginnings:
            await asyncio.wait(self._beginnings)

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
        """Accept a connection; whether there may be another one.

        Raises:
            OSError: There is none to be had at present.
        """
        try:
            accepted, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except ConnectionAbortedError:
            return True
        beginning = self._loop.create_task(self._begin(accepted))
        self._beginnings.add(beginning)
        beginning.add_done_callback(self._beginnings.discard)
        return True

    async def _begin(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, accepted)
        except OSError:
            # The client is gone already, or there was no handle for it.
            accepted.close()

    def _on_failure(self, error: OSError) -> None:
        """Wait a little: the socket stays readable, and the loop would spin."""
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
