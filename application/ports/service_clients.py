"""Port: clients, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.client_assertion import ClientAssertion
from domain.service_client import ClientId, ServiceClient


class ServiceClients(Protocol):
    """Clients and their used assertions."""

    @abstractmethod
    async def add(self, client: ServiceClient) -> None:
        """Stores a new client.

        Raises:
            ConflictError: A client with that id exists; raised here or at commit.
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def find(self, client_id: ClientId) -> ServiceClient | None:
        """Returns the client, which may be disabled, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def lock(self, client_id: ClientId) -> ServiceClient | None:
        """Locks the client until the unit ends and returns it, or None if there is none.

        Raises:
            UnavailableError: The store did not answer, or the lock could not be acquired in time.
        """

    @abstractmethod
    async def save(self, client: ServiceClient) -> None:
        """Stores the credentials and the state of a client that the unit has locked.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def list_all(self) -> Sequence[ServiceClient]:
        """Returns all clients, including disabled ones, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def use_up(self, assertion: ClientAssertion) -> bool:
        """Marks an assertion as used. Of several concurrent units, only one gets True.

        The others wait until that unit ends. Assertions past ``forget_at`` may be deleted.

        Raises:
            UnavailableError: The store did not answer, or waiting took too long.
        """
