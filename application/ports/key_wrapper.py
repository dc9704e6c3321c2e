"""Port: the master key."""

from abc import abstractmethod
from typing import Protocol

from domain.data_key import DataKey, WrappedDataKey


class KeyWrapper(Protocol):
    """Wraps data keys under a master key that never leaves it: a key ring, or a KMS."""

    @property
    @abstractmethod
    def newest_key_id(self) -> str:
        """The id of the master key that wraps."""

    @abstractmethod
    async def wrap(self, key: DataKey) -> WrappedDataKey:
        """Encrypt under the newest master key, bound to the key's user and version.

        Raises:
            UnavailableError: The keeper of the master key did not answer.
        """

    @abstractmethod
    async def unwrap(self, wrapped: WrappedDataKey) -> DataKey:
        """Decrypt, under whichever master key wrapped it.

        Raises:
            SealBrokenError: It does not open: altered, moved, or its master key is not here.
            UnavailableError: The keeper of the master key did not answer.
        """
