"""Who knocked, as far as we keep it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """The other end of one request.

    Attributes:
        address_hash: Keyed hash of the client's address; the address itself never gets this far.
        user_agent: What the client calls itself: printable, at most 256 characters.
    """

    address_hash: str | None = None
    user_agent: str | None = None
