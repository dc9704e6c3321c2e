"""httptools' parser of requests, for a server that upgrades no connection."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final, final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CONNECT: Final = b"CONNECT"
_UPGRADE: Final = b"upgrade"


@final
class RequestParser:
    """Ignores offers to upgrade, as a server may (RFC 9110, section 7.8).

    Java's HttpClient offers HTTP/2 with its first request (`Upgrade: h2c`), whatever the method.
    httptools ends such a request after its head, and leaves the body to the other protocol. Here,
    another parser then reads the same head without the offer, silently, and reads on.

    Args:
        protocol: What is told about each part of a request.
    """

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._parser = _parser(
            on_message_begin=protocol.on_message_begin,
            on_url=protocol.on_url,
            on_header=protocol.on_header,
            on_headers_complete=protocol.on_headers_complete,
            on_body=protocol.on_body,
            on_message_complete=self._on_message_complete,
        )

    def feed_data(self, data: bytes) -> None:
        """Parse the next bytes of the connection."""
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if not self._is_ignored_offer:
                    raise
                (offset,) = upgrade.args
                data = data[offset:]
                self._read_without_offer()
            else:
                return

    def release(self) -> None:
        """Let go of the connection, so that its memory is free without a garbage collection."""
        del self._parser, self._protocol

    def get_method(self) -> bytes:
        """The method of the request."""
        return self._parser.get_method()

    def get_http_version(self) -> str:
        """The version of the request, such as `1.1`."""
        return self._parser.get_http_version()

    def should_keep_alive(self) -> bool:
        """Whether the connection can be used for another request."""
        return self._parser.should_keep_alive()

    def should_upgrade(self) -> bool:
        """Never."""
        return False

    @property
    def _is_ignored_offer(self) -> bool:
        """Whether the request offers an upgrade. CONNECT is more than an offer."""
        return self._parser.should_upgrade() and self._parser.get_method() != _CONNECT

    def _on_message_complete(self) -> None:
        if not self._is_ignored_offer:
            self._protocol.on_message_complete()

    def _read_without_offer(self) -> None:
        is_replayed = True

        def unless_replayed(event: Callable[..., None]) -> Callable[..., None]:
            def tell(*arguments: bytes) -> None:
                if not is_replayed:
                    event(*arguments)

            return tell

        protocol = self._protocol
        head = [
            b"%s %s HTTP/%s" % (self.get_method(), protocol.url, self.get_http_version().encode()),
            *(b"%s: %s" % field for field in protocol.headers if field[0] != _UPGRADE),
        ]
        self._parser = _parser(
            on_message_begin=unless_replayed(protocol.on_message_begin),
            on_url=unless_replayed(protocol.on_url),
            on_header=unless_replayed(protocol.on_header),
            on_headers_complete=unless_replayed(protocol.on_headers_complete),
            on_body=protocol.on_body,
            on_message_complete=self._on_message_complete,
        )
        # A request without a body ends here.
        self._parser.feed_data(b"\r\n".join(head) + b"\r\n\r\n")
        is_replayed = False


def _parser(**events: Callable[..., Any]) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(SimpleNamespace(**events))
    # As uvicorn has it: a client may send more after a request that closes the connection.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
