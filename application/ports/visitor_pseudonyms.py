"""Port: pseudonyms of visitors."""

from abc import abstractmethod
from typing import Protocol

from domain.va_identity import VAAccount


class VisitorPseudonyms(Protocol):
    """Turns addresses, user agents and accounts into pseudonyms that need a key to link back."""

    @property
    @abstractmethod
    def key_id(self) -> str:
        """The id of the current key. Pseudonyms under different keys can't be compared."""

    @abstractmethod
    def of_address(self, address: str) -> str:
        """Returns 64 hexadecimal digits. All addresses of one IPv6 /64 share a pseudonym.

        A text that isn't an address also gets its own pseudonym.
        """

    @abstractmethod
    def of_user_agent(self, user_agent: str) -> str:
        """Returns 64 hexadecimal digits that never equal the pseudonym of an address."""

    @abstractmethod
    def of_account(self, account: VAAccount) -> str:
        """Returns 64 hexadecimal digits that never equal the pseudonym of anything else."""
