"""Port: the signed assertions that clients authenticate with."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.client_assertion import ClientAssertion
from domain.secret import Secret
from domain.service_client import ClientId, ClientKey, ServiceClient


class ClientAssertions(Protocol):
    """Reads public keys and verifies assertions with them. Stores nothing."""

    @abstractmethod
    def read_key(self, document: str) -> ClientKey:
        """Reads a public key from the text of a file.

        Raises:
            InvalidServiceClientError: The text isn't a public key, or the key is too weak or of
                an unsupported type. The message never quotes the text.
        """

    @abstractmethod
    def claimed_client(self, assertion: Secret) -> ClientId:
        """Returns the client that the assertion names. Nothing is verified.

        Raises:
            InvalidAssertionError: The text isn't an assertion.
        """

    @abstractmethod
    def verify(self, assertion: Secret, client: ServiceClient, *, now: datetime) -> ClientAssertion:
        """Verifies an assertion of the client. Doesn't check whether it was used before.

        Raises:
            InvalidAssertionError: The client didn't sign it, or a claim isn't valid at ``now``.
        """
