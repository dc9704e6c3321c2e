"""Sockets to listen on, and why there can't be one."""

import errno
import socket
from ipaddress import IPv6Address
from typing import Any, Final

MAX_PORT: Final = 65_535

_ANY_IPV6: Final = "::"
_ANY_IPV4: Final = "0.0.0.0"  # noqa: S104 - what `::` means to the operator
#: The machine doesn't have the address, or its family.
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_REASONS: Final = {
    errno.EADDRINUSE: "address already in use: stop the program that listens there, or choose "
    "another port",
    errno.EACCES: "permission denied: choose a port from 1024 up, or allow this user lower ones",
    errno.EADDRNOTAVAIL: "this machine has no such address: choose one that it has",
    errno.EAFNOSUPPORT: "this machine has no such kind of address: choose one that it has",
}


class CannotListenError(Exception):
    """No socket can listen there. The text says why, in one line.

    Attributes:
        is_taken: Whether another program listens there.
    """

    def __init__(self, host: str, port: int, reason: str, *, is_taken: bool = False) -> None:
        super().__init__(f"cannot listen on {host}, port {port}: {reason}")
        self.is_taken = is_taken


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets for every address of ``host``. They don't listen yet.

    ``::`` means every IPv6 and IPv4 address of the machine, whatever the system's default is. An
    IPv6 address may have brackets.

    Raises:
        CannotListenError: An address is in use, or the machine has none of them.
    """
    name = host.removeprefix("[").removesuffix("]")
    try:
        return _bound_sockets([_ANY_IPV6, _ANY_IPV4] if _is_any_ipv6(name) else [name], port)
    except (socket.gaierror, ValueError):
        # A name that can't be one, such as one with an empty label, is a ValueError.
        raise CannotListenError(
            host, port, "there is no such host: choose an address of this machine"
        ) from None
    except OSError as error:
        raise cannot_listen(host, port, error) from error


def cannot_listen(host: str, port: int, error: OSError) -> CannotListenError:
    """What to raise if the operating system refuses."""
    reason = _REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
    return CannotListenError(host, port, reason, is_taken=error.errno == errno.EADDRINUSE)


def listening_sockets(host: str, port: int) -> list[socket.socket]:
    """The same, but they listen already.

    Raises:
        CannotListenError: As for ``bound_sockets``, or another program was faster.
    """
    bound = bound_sockets(host, port)
    try:
        for each in bound:
            each.listen()
    except OSError as error:
        for each in bound:
            each.close()
        raise cannot_listen(host, port, error) from error
    return bound


def require_free(host: str, port: int) -> None:
    """Check that a server could listen there now.

    Raises:
        CannotListenError: It couldn't.
    """
    for each in listening_sockets(host, port):
        each.close()


def _bound_sockets(hosts: list[str], port: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    fault: OSError | None = None
    try:
        for name in hosts:
            found = socket.getaddrinfo(
                name or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            # A name can stand for the same address twice.
            for family, kind, protocol, _, address in dict.fromkeys(found):
                try:
                    listener = _bound(family, kind, protocol, _with_port(address, port))
                except OSError as error:
                    if error.errno not in _NOT_HERE:
                        raise
                    fault = error
                else:
                    bound.append(listener)
                    # Port 0 means any port, but the same one for each address.
                    port = port or listener.getsockname()[1]
    except OSError:
        for each in bound:
            each.close()
        raise
    if not bound:
        raise fault or OSError(errno.EADDRNOTAVAIL, "no such address")
    return bound


def _is_any_ipv6(name: str) -> bool:
    try:
        return IPv6Address(name).is_unspecified
    except ValueError:
        return False


def _with_port(address: Any, port: int) -> Any:
    host, _, *rest = address
    return (host, port, *rest)


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
