"""Which URLs are safe to send secrets to."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

# No characters that some parsers drop or rewrite and others don't.
_PLAIN: Final = re.compile(r"https?://[!-\[\]-~]+", re.ASCII)


def is_safe_url(url: str) -> bool:
    """Whether a URL is https and plainly written, without credentials or a fragment.

    Plain http is accepted for loopback hosts: `localhost`, every name under it, and every
    loopback address (RFC 6761, section 6.3; RFC 8252, section 8.3).
    """
    if not _PLAIN.fullmatch(url) or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
