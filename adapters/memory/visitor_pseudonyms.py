"""Pseudonyms for visitors, without cryptography."""

import ipaddress
import secrets
from typing import Final, final

from application.ports.visitor_pseudonyms import VisitorPseudonyms
from domain.va_identity import VAAccount

_BYTES: Final = 32
_KEY_ID_BYTES: Final = 8
_IPV6_NETWORK_BITS: Final = 64


@final
class MemoryVisitorPseudonyms(VisitorPseudonyms):
    """Remembers a random pseudonym for each value. It reveals nothing about the value."""

    def __init__(self) -> None:
        self._key_id = secrets.token_hex(_KEY_ID_BYTES)
        self._pseudonyms: dict[tuple[str, object], str] = {}

    @property
    def key_id(self) -> str:
        return self._key_id

    def of_address(self, address: str) -> str:
        return self._drawn("address", _visitor_of(address))

    def of_user_agent(self, user_agent: str) -> str:
        return self._drawn("user agent", user_agent)

    def of_account(self, account: VAAccount) -> str:
        return self._drawn("account", account)

    def _drawn(self, kind: str, origin: object) -> str:
        return self._pseudonyms.setdefault((kind, origin), secrets.token_hex(_BYTES))


def _visitor_of(address: str) -> object:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - the IP version
        return parsed
    return parsed.ipv4_mapped or int(parsed) >> _IPV6_NETWORK_BITS
