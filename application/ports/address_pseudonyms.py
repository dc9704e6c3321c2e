"""Port: names for client addresses that do not give the address away."""

from abc import abstractmethod
from typing import Protocol


class AddressPseudonyms(Protocol):
    """Turns an address into a name that only the holder of a key can link to it."""

    @abstractmethod
    def pseudonym(self, address: str) -> str:
        """64 hexadecimal digits, the same for the same address; one for each IPv6 /64.

        What is no address gets a pseudonym of its own too.
        """
