"""Port: whether the identity provider accepts this service as its client."""

from abc import abstractmethod
from typing import Protocol


class ClientCheck(Protocol):
    """Asks the provider about our client ID and secret, without a user."""

    @abstractmethod
    async def check(self) -> None:
        """Returns if the provider accepts our client credentials. The call has a deadline.

        Raises:
            ClientRejectedByProviderError: It doesn't accept them.
            UpstreamRejectedError: Its answer doesn't say whether it does.
            ProviderUnavailableError: It did not answer in time, or is overloaded or down.
        """
