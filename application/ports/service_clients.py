"""Port: registered back ends, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.client_assertion import ClientAssertion
from domain.service_client import ClientId, ServiceClient


class ServiceClients(Protocol):
    """Clients, and which of their assertions have been used."""

    @abstractmethod
    async def add(self, client: ServiceClient) -> None:
        """Keep a new client.

        Raises:
            ConflictError: A client with that id exists; raised here or at commit.
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def find(self, client_id: ClientId) -> ServiceClient | None:
        """The client, disabled or not; None when there is none.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def lock(self, client_id: ClientId) -> ServiceClient | None:
        """The same, held until the unit ends; other units that lock it wait.

        Raises:
            UnavailableError: The store did not answer, or the lock was not to be had in time.
        """

    @abstractmethod
    async def save(self, client: ServiceClient) -> None:
        """Replace credentials and state of a client that is held.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def list_all(self) -> Sequence[ServiceClient]:
        """Every client, disabled ones included, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def use_up(self, assertion: ClientAssertion) -> bool:
        """Use an assertion, once: of any number of racing units one gets True.

        Others wait until that unit ends. What is past its ``forget_at`` may be forgotten.

        Raises:
            UnavailableError: The store did not answer, or the verdict took too long.
        """
