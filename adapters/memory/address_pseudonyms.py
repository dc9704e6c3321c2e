"""Pseudonyms for network addresses, in memory."""

import ipaddress
import secrets
from typing import Final, final

from application.ports.address_pseudonyms import AddressPseudonyms

_BYTES: Final = 32
_IPV6_NETWORK_BITS: Final = 64


@final
class MemoryAddressPseudonyms(AddressPseudonyms):
    """Draws a pseudonym at first sight and remembers it: nothing links it to its address."""

    def __init__(self) -> None:
        self._pseudonyms: dict[object, str] = {}

    def pseudonym(self, address: str) -> str:
        return self._pseudonyms.setdefault(_visitor_of(address), secrets.token_hex(_BYTES))


def _visitor_of(address: str) -> object:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - the version of IP
        return parsed
    return parsed.ipv4_mapped or int(parsed) >> _IPV6_NETWORK_BITS
