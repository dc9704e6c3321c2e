"""Pseudonyms for visitors."""

import hmac
import ipaddress
from typing import Final, final

from adapters.encryption.audit_keys import AuditKey
from application.ports.visitor_pseudonyms import VisitorPseudonyms
from domain.va_identity import VAAccount

_ADDRESS: Final = b"address\0"
_USER_AGENT: Final = b"user agent\0"
_ACCOUNT: Final = b"account\0"
# A customer typically gets a /64 and can use any address in it.
_IPV6_NETWORK_BITS: Final = 64


@final
class HMACVisitorPseudonyms(VisitorPseudonyms):
    """HMAC-SHA256. Without the key, trying all 2^32 IPv4 addresses reveals nothing."""

    def __init__(self, key: AuditKey) -> None:
        self._key_id = key.id
        self._key = key.for_pseudonyms

    @property
    def key_id(self) -> str:
        return self._key_id

    def of_address(self, address: str) -> str:
        return self._pseudonym(_ADDRESS + _network(address).encode())

    def of_user_agent(self, user_agent: str) -> str:
        return self._pseudonym(_USER_AGENT + user_agent.encode())

    def of_account(self, account: VAAccount) -> str:
        # No issuer has a null character.
        return self._pseudonym(_ACCOUNT + f"{account.issuer}\0{account.subject}".encode())

    def _pseudonym(self, origin: bytes) -> str:
        return hmac.digest(self._key, origin, "sha256").hex()


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
