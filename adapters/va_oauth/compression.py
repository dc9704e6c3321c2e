"""Decompresses an answer within bounds. We request no compression, but some servers compress."""

import zlib
from contextlib import suppress
from typing import Final

#: More would take long to read, however small they are.
_MAX_MEMBERS: Final = 100
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = (16 + zlib.MAX_WBITS,)
#: The zlib formats of each coding. By RFC 9110, section 8.4.1.2, deflate has a zlib header, which
#: some servers leave out.
_FORMATS: Final = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}


class TooLargeError(Exception):
    """The body has too many bytes when it is decompressed."""


class NotCompressedError(Exception):
    """The body isn't what its coding says, or it is cut short."""


def decompressed(body: bytes, content_encoding: str, *, max_bytes: int) -> bytes:
    """Returns the body without the codings of a `Content-Encoding` header.

    Ignores a coding that it doesn't know: some servers name a charset there.

    Raises:
        TooLargeError: The result has more than ``max_bytes`` bytes.
        NotCompressedError: The body isn't what its codings say.
    """
    for coding in reversed(content_encoding.lower().split(",")):
        formats = _FORMATS.get(coding.strip())
        if formats is not None and body:
            body = _inflated(body, formats, max_bytes)
    return body


def _inflated(body: bytes, formats: tuple[int, ...], max_bytes: int) -> bytes:
    for window_bits in formats:
        with suppress(zlib.error):
            return _joined_members(body, window_bits, max_bytes)
    raise NotCompressedError


def _joined_members(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    """Returns the contents of all members, of which only gzip has several (RFC 1952, 2.2)."""
    inflated = b""
    for _ in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(window_bits)
        # One byte more than is allowed, and not the gigabytes that a bomb holds.
        inflated += inflater.decompress(body, max_bytes + 1 - len(inflated))
        if len(inflated) > max_bytes:
            raise TooLargeError
        if not inflater.eof:
            raise zlib.error("cut short")
        body = inflater.unused_data
        if not body.startswith(_GZIP_MAGIC):
            return inflated
    raise TooLargeError
