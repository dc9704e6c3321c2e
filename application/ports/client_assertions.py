"""Port: the signed assertions by which clients prove who they are."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.client_assertion import ClientAssertion
from domain.secret import Secret
from domain.service_client import ClientId, ClientKey, ServiceClient


class ClientAssertions(Protocol):
    """Reads public keys, and verifies assertions with them. Remembers nothing."""

    @abstractmethod
    def read_key(self, document: str) -> ClientKey:
        """A public key as an operator has it in a file.

        Raises:
            InvalidServiceClientError: No public key, or one that is too weak or of a kind that
                is not accepted. Nothing of the document is repeated.
        """

    @abstractmethod
    def claimed_client(self, assertion: Secret) -> ClientId:
        """Whose assertion it says it is. Nothing of it has been verified.

        Raises:
            InvalidAssertionError: No assertion at all.
        """

    @abstractmethod
    def verify(self, assertion: Secret, client: ServiceClient, *, now: datetime) -> ClientAssertion:
        """What an assertion of the client's says. Whether it was used before is not checked.

        Raises:
            InvalidAssertionError: Not signed by the client, or a claim does not hold at ``now``.
        """
