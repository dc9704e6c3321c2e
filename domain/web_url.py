"""URLs and origins, written as browsers write them."""

import ipaddress
import re
from typing import Final

# Printable ASCII without the backslash, which browsers read as a slash.
_URL: Final = re.compile(r"(?i)(https?)://([^/?#]*)([!-\[\]-~]*)", re.ASCII)
_AUTHORITY: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]@]+)(?::([0-9]*))?", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII)
_MAX_HOST: Final = 253
_MAX_PORT: Final = 65_535
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def canonical_url(url: str) -> str:
    """The URL with scheme, host and port as browsers write them. The rest stays as it is.

    The scheme and the host are in lower case, without the dot that can end a host. A default port
    is left out, and an IPv6 address has its shortest form (WHATWG URL, sections 3.5 and 4.5).

    Raises:
        ValueError: It isn't an http or https URL in ASCII. The message doesn't quote it.
    """
    whole = _URL.fullmatch(url)
    if whole is None:
        raise ValueError("must be a URL that begins with https://")
    scheme, authority, rest = whole[1].lower(), whole[2], whole[3]
    if "@" in authority:
        raise ValueError("must not contain a user name or a password")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ValueError(
            "has an unusable host or port: write a host, or a host, a colon and a port"
        )
    return f"{scheme}://{_host(parts[1])}{_port(parts[2], scheme)}{rest}"


def origin_of(url: str) -> str:
    """The origin of a URL: scheme, host and, unless it is the default, port.

    Raises:
        ValueError: It isn't an http or https URL.
    """
    return "/".join(re.split("[/?#]", canonical_url(url))[:3])


def is_origin(text: str) -> bool:
    """Whether ``text`` is an origin and nothing else."""
    whole = _URL.fullmatch(text)
    return whole is not None and not whole[3]


def _host(host: str) -> str:
    if host.startswith("["):
        return f"[{_address(host[1:-1])}]"
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("has an unusable host: it may have letters, digits, dots and hyphens")
    if labels[-1].isdigit() or re.fullmatch("0x[0-9a-f]*", labels[-1]):
        # Browsers read such a host as an IPv4 address, in whatever form.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError(
                "has an unusable host: write an IPv4 address as four decimal numbers"
            ) from None
    return host


def _address(text: str) -> str:
    """An IPv6 address. The standard library's form of mapped IPv4 addresses isn't a browser's."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError("has an unusable IPv6 address") from None
    if address.ipv4_mapped is None:
        return address.compressed
    high, low = divmod(int(address.ipv4_mapped), 65_536)
    return f"::ffff:{high:x}:{low:x}"


def _port(digits: str | None, scheme: str) -> str:
    if not digits:
        return ""
    # A longer number could be too long to convert.
    port = int(digits) if len(digits.lstrip("0")) <= len(str(_MAX_PORT)) else 0
    if not 0 < port <= _MAX_PORT:
        raise ValueError(f"has an unusable port: it must be 1 to {_MAX_PORT}")
    return "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
