"""Port: the operators' own OpenID Provider."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Protocol

from application.ports.identity_provider import CallbackParameters, ProviderCallback
from domain.login_attempt import LoginSecrets


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOperator:
    """What the provider says of a person, in a verified ID token.

    Attributes:
        subject: The person's `sub`.
        groups: What the claim with the roles contains. Empty if there is no such claim.
    """

    subject: str = field(repr=False)
    groups: frozenset[str]


class OperatorDirectory(Protocol):
    """An OpenID Provider that knows the operators and their groups."""

    @abstractmethod
    async def authorization_url(self, secrets: LoginSecrets) -> str:
        """Returns the URL to sign in at, with state, nonce and PKCE challenge.

        Raises:
            ProviderUnavailableError: Its metadata could not be fetched, or isn't acceptable.
        """

    @abstractmethod
    def read_callback(self, parameters: CallbackParameters) -> ProviderCallback:
        """Reads a callback. Doesn't check who sent it, or what it says.

        Raises:
            MalformedCallbackError: A parameter appears twice, or isn't what a provider sends.
        """

    @abstractmethod
    async def sign_in(self, callback: ProviderCallback, secrets: LoginSecrets) -> KnownOperator:
        """Exchanges the callback's code, and fully verifies the ID token.

        The callback's issuer is checked as for ``IdentityProvider.sign_in``.

        Raises:
            SignInDeniedError: The provider didn't allow the sign-in.
            ProviderUnavailableError: The provider did not answer in time, or is down.
            UpstreamRejectedError: The callback or the provider's answer isn't acceptable, or the
                provider doesn't accept our client credentials or our request.
        """
