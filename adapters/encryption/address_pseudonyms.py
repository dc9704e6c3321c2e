"""Pseudonyms for network addresses."""

import hmac
import ipaddress
from typing import Final, final

from application.ports.address_pseudonyms import AddressPseudonyms

_PURPOSE: Final = b"vetassist/client-address\0"
# One IPv6 customer holds a /64 and changes within it at will.
_IPV6_NETWORK_BITS: Final = 64


@final
class HMACAddressPseudonyms(AddressPseudonyms):
    """HMAC-SHA256: without the key, the 2^32 IPv4 addresses cannot be tried through."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def pseudonym(self, address: str) -> str:
        return hmac.digest(self._key, _PURPOSE + _network(address).encode(), "sha256").hex()


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed.packed, _IPV6_NETWORK_BITS), strict=False))
    return str(parsed)
