"""Connections of clients that say little or nothing, to a server in another process."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import httpx

from entrypoints.serving.connection_table import raise_file_limit

HALF_A_HEAD: Final = b"GET /healthz HTTP/1.1\r\nHost: vetassist\r\nX-Half: "
HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: vetassist\r\n\r\n"
_PATIENCE_SECONDS: Final = 60


def connection_to(url: str) -> socket.socket:
    """A connection whose reads do not wait for ever."""
    parts = httpx.URL(url)
    return socket.create_connection((parts.host, parts.port), timeout=_PATIENCE_SECONDS)


@contextmanager
def crowd(url: str, *, silent: int = 0, half: int = 0, idle: int = 0) -> Iterator[None]:
    """Hold connections open: without a word, with half a head, and after a whole request."""
    raise_file_limit()
    with ExitStack() as stack:
        for _ in range(silent):
            stack.enter_context(connection_to(url))
        for _ in range(half):
            stack.enter_context(connection_to(url)).sendall(HALF_A_HEAD)
        for _ in range(idle):
            each = stack.enter_context(connection_to(url))
            each.sendall(HEALTH)
            assert each.recv(65_536).startswith(b"HTTP/1.1 200 ")
        yield


def is_listening(url: str) -> bool:
    """Whether somebody accepts connections there."""
    try:
        connection_to(url).close()
    except ConnectionError:
        return False
    return True
