"""Port: names for visitors that do not give them away."""

from abc import abstractmethod
from typing import Protocol


class VisitorPseudonyms(Protocol):
    """Turns what is known of a client into names that only the holder of a key can link to it."""

    @property
    @abstractmethod
    def key_id(self) -> str:
        """Which key makes them. Names made under different keys cannot be compared."""

    @abstractmethod
    def of_address(self, address: str) -> str:
        """64 hexadecimal digits, the same for the same address; one for each IPv6 /64.

        What is no address gets a pseudonym of its own too.
        """

    @abstractmethod
    def of_user_agent(self, user_agent: str) -> str:
        """64 hexadecimal digits, the same for the same text, and no address's."""
