"""Finds the visitor of a request."""

import ipaddress
from collections.abc import Sequence
from typing import Final, final

from starlette.requests import Request

from application.ports.visitor_pseudonyms import VisitorPseudonyms
from domain.visitor import Visitor
from entrypoints.request_ids import REQUEST_ID

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAX_USER_AGENT: Final = 256


@final
class VisitorReader:
    """Turns a request into a Visitor. No other code sees the address itself."""

    def __init__(
        self, *, pseudonyms: VisitorPseudonyms, trusted_proxies: Sequence[Network]
    ) -> None:
        self._pseudonyms = pseudonyms
        self._trusted_proxies = trusted_proxies

    def read(self, request: Request) -> Visitor:
        """The visitor of a request."""
        address = self._client_address(request)
        user_agent = _user_agent(request)
        names = self._pseudonyms
        return Visitor(
            address_hash=None if address is None else names.of_address(address),
            user_agent=user_agent,
            user_agent_hash=None if user_agent is None else names.of_user_agent(user_agent),
            key_id=names.key_id,
            request_id=request.scope.get(REQUEST_ID),
        )

    def _client_address(self, request: Request) -> str | None:
        """The peer. Behind trusted proxies, the rightmost hop that isn't one of them."""
        address = request.client.host if request.client else None
        if address is None or not self.trusts(address):
            return address
        hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        for hop in reversed(hops):
            claimed = _address_of(hop.strip())
            if claimed is None:
                return address
            address = claimed
            if not self.trusts(address):
                return address
        return address

    def trusts(self, address: str) -> bool:
        """Whether the address is that of a trusted proxy."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._trusted_proxies)


def _address_of(hop: str) -> str | None:
    """The address of a hop. Some proxies add the port."""
    host = hop
    if hop.startswith("["):
        host = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        host = hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _user_agent(request: Request) -> str | None:
    raw = request.headers.get("user-agent", "")
    printable = "".join(character for character in raw if character.isprintable()).strip()
    return printable[:_MAX_USER_AGENT] or None
