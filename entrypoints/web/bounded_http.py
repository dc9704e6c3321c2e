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
        """Count, and pass on."""
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.send_400_response("The request's headers are too long.")
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
