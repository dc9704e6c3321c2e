"""The sender of a request."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What is known about the sender of one request.

    Attributes:
        address_hash: Keyed hash of the address. The address itself never gets this far.
        user_agent: Printable, at most 256 characters. It names the device on the sessions page.
            The audit trail stores ``user_agent_hash`` instead.
        user_agent_hash: Keyed hash of ``user_agent``.
        key_id: Id of the key that made the hashes.
        request_id: The id of the request in the log and in X-Request-ID. None outside a request.
        operator: Who ran the command. None in a request, and for background work.
    """

    address_hash: str | None = None
    user_agent: str | None = None
    user_agent_hash: str | None = None
    key_id: str | None = None
    request_id: str | None = None
    operator: str | None = None

    def as_recorded(self) -> Self:
        """Returns what the audit trail stores: the user agent only as a hash."""
        return replace(self, user_agent=None)
