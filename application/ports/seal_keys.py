"""Port: the keys that authenticate the seals of the audit trail."""

from abc import abstractmethod
from typing import Protocol


class SealKeys(Protocol):
    """Authenticates with the current key, and verifies with that key and previous ones."""

    @property
    @abstractmethod
    def key_id(self) -> str:
        """The id of the current key."""

    @abstractmethod
    def authenticate(self, message: bytes) -> bytes:
        """Returns a MAC of 32 bytes for ``message``, made with the current key."""

    @abstractmethod
    def tag(self, message: bytes) -> bytes:
        """Returns a shorter MAC of 16 bytes, for data of which there is a lot."""

    @abstractmethod
    def knows(self, key_id: str) -> bool:
        """Whether the key with this id is available."""

    @abstractmethod
    def is_authentic(self, message: bytes, mac: bytes, *, key_id: str) -> bool:
        """Whether this MAC or tag was made for ``message`` with the key of this id.

        Returns False if that key isn't available.
        """
