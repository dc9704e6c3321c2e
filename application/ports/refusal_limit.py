"""Port: how many refusals of one address are recorded."""

from abc import abstractmethod
from typing import Protocol


class RefusalLimit(Protocol):
    """Bounds the audit events that one address can cause without authenticating."""

    @abstractmethod
    def allows(self, address_hash: str | None) -> bool:
        """Counts a refusal. Returns False if this address has had too many recently."""
