"""Port: the keys that authenticate the seals of the audit trail."""

from abc import abstractmethod
from typing import Protocol


class SealKeys(Protocol):
    """Authenticates under the key in use, and checks under that and the ones of before."""

    @property
    @abstractmethod
    def key_id(self) -> str:
        """Of the key in use."""

    @abstractmethod
    def authenticate(self, message: bytes) -> bytes:
        """32 bytes that only a holder of the key in use can make for ``message``."""

    @abstractmethod
    def tag(self, message: bytes) -> bytes:
        """16 bytes, likewise; for what there is a lot of."""

    @abstractmethod
    def knows(self, key_id: str) -> bool:
        """Whether the key of this id is there."""

    @abstractmethod
    def is_authentic(self, message: bytes, mac: bytes, *, key_id: str) -> bool:
        """Whether this MAC or tag was made for ``message`` under the key of this id.

        It is no, too, where there is no such key.
        """
