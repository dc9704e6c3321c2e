"""Offers to upgrade a connection, which a server may ignore (RFC 9110, section 7.8).

Java's HttpClient offers HTTP/2 with its first request (`Upgrade: h2c`), whatever the method.
httptools ends such a request after its head, and leaves the body to the other protocol. Here,
another parser then reads the same head without the offer, silently, and reads on.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CONNECT: Final = b"CONNECT"
_UPGRADE: Final = b"upgrade"


def is_offer(parser: httptools.HttpRequestParser) -> bool:
    """Whether the request being read offers an upgrade. CONNECT is more than an offer."""
    return parser.should_upgrade() and parser.get_method() != _CONNECT


def read_without_offer(protocol: HttpToolsProtocol) -> None:
    """Replace the protocol's parser by one that has read the same head without the offer."""
    is_replayed = True

    def unless_replayed(event: Callable[..., None]) -> Callable[..., None]:
        def tell(*arguments: bytes) -> None:
            if not is_replayed:
                event(*arguments)

        return tell

    before = protocol.parser
    head = [
        b"%s %s HTTP/%s" % (before.get_method(), protocol.url, before.get_http_version().encode()),
        *(b"%s: %s" % field for field in protocol.headers if field[0] != _UPGRADE),
    ]
    events = SimpleNamespace(
        on_message_begin=unless_replayed(protocol.on_message_begin),
        on_url=unless_replayed(protocol.on_url),
        on_header=unless_replayed(protocol.on_header),
        on_headers_complete=unless_replayed(protocol.on_headers_complete),
        on_body=protocol.on_body,
        on_message_complete=protocol.on_message_complete,
    )
    protocol.parser = httptools.HttpRequestParser(events)
    # As uvicorn has it: a client may send more after a request that closes the connection.
    protocol.parser.set_dangerous_leniencies(lenient_data_after_close=True)
    # A request without a body ends here.
    protocol.parser.feed_data(b"\r\n".join(head) + b"\r\n\r\n")
    is_replayed = False
