"""HTTP as uvicorn speaks it, but for requests whose head never ends."""

from typing import Final, final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# An honest request's line and headers take a tenth of it.
_MAX_HEAD_BYTES: Final = 65_536


@final
class BoundedHTTP(HttpToolsProtocol):
    """Hangs up on a head of more than 64 KiB; the parser would keep whatever comes."""

    #: How much has come since the last request's end; None while a body is on its way.
    _head_bytes: int | None = 0

    def data_received(self, data: bytes) -> None:
        """Count, and pass on; a body may come along with its head, and does not count."""
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
        super().on_headers_complete()
        self._head_bytes = None

    def on_message_complete(self) -> None:
        """The next head may begin."""
        super().on_message_complete()
        self._head_bytes = 0
