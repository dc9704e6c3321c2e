"""Port: wrapping data keys under a master key."""

from abc import abstractmethod
from typing import Protocol

from domain.data_key import DataKey, WrappedDataKey


class KeyWrapper(Protocol):
    """Wraps data keys under a master key that it keeps: in a key ring or a KMS."""

    @property
    @abstractmethod
    def newest_key_id(self) -> str:
        """The id of the master key that wraps new keys."""

    @abstractmethod
    async def wrap(self, key: DataKey) -> WrappedDataKey:
        """Encrypts under the newest master key, bound to the key's user and version.

        Raises:
            UnavailableError: The KMS did not answer.
        """

    @abstractmethod
    async def unwrap(self, wrapped: WrappedDataKey) -> DataKey:
        """Decrypts with the master key that wrapped it.

        Raises:
            SealBrokenError: It was altered or moved, or its master key isn't available.
            UnavailableError: The KMS did not answer.
        """
