"""Who knocked, as far as we keep it."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """The other end of one request.

    Attributes:
        address_hash: Keyed hash of the client's address; the address itself never gets this far.
        user_agent: What the client calls itself: printable, at most 256 characters. It names the
            device on the sessions page; the audit trail keeps ``user_agent_hash`` instead.
        user_agent_hash: Keyed hash of ``user_agent``.
        key_id: Of the key that made the hashes.
        request_id: What the log and the answer's X-Request-ID call the request; None outside one.
        operator: Who ran the command; None in a request, and for what the service does by itself.
    """

    address_hash: str | None = None
    user_agent: str | None = None
    user_agent_hash: str | None = None
    key_id: str | None = None
    request_id: str | None = None
    operator: str | None = None

    def as_recorded(self) -> Self:
        """What the audit trail keeps: what the client calls itself, as a hash only."""
        return replace(self, user_agent=None)
