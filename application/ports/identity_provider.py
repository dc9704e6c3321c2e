"""Port: the OpenID Provider."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.identifiers import ICN
from domain.login_attempt import LoginSecrets
from domain.secret import Secret
from domain.va_identity import VAAccount, VAIdentity
from domain.va_tokens import VATokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSignIn:
    """The verified identity, and the tokens that the provider issued."""

    identity: VAIdentity
    tokens: VATokens


@dataclass(frozen=True, slots=True)
class CallbackParameters:
    """The query string of a callback, as the browser sent it. Nothing in it is checked."""

    query: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCallback:
    """The readable parameters of a callback. What they mean is the provider's business.

    Each is None if the callback doesn't have it.

    Attributes:
        code: The authorization code.
        error: The provider's error code.
        issuer: The provider that sent the browser back, according to the callback.
    """

    code: Secret | None
    error: str | None
    issuer: str | None


class IdentityProvider(Protocol):
    """An OAuth 2.0 authorization server that speaks OpenID Connect.

    Every call has a deadline and limits the size of the answer.
    """

    @property
    @abstractmethod
    def issuer(self) -> str:
        """Its issuer identifier, as in ID tokens."""

    @abstractmethod
    async def authorization_url(self, secrets: LoginSecrets) -> str:
        """Returns the URL to sign in at, with state, nonce and PKCE challenge.

        Raises:
            ProviderUnavailableError: Its metadata could not be fetched, or isn't acceptable.
            ProviderBusyError: Sign-ins are being refused at present.
        """

    @abstractmethod
    def room_for_sign_in(self) -> AbstractAsyncContextManager[None]:
        """Room for one sign-in, held until the block ends.

        Enter it before you consume what can't be repeated, and call ``sign_in`` inside it.
        Entering may wait for a moment.

        Raises:
            ProviderBusyError: Too many sign-ins are in progress; on entering.
        """

    @abstractmethod
    def read_callback(self, parameters: CallbackParameters) -> ProviderCallback:
        """Reads a callback. Doesn't check who sent it, or what it says.

        Of code and error, one that is empty beside the other counts as absent.

        Raises:
            MalformedCallbackError: A parameter appears twice, or isn't what a provider sends.
        """

    @abstractmethod
    async def sign_in(self, callback: ProviderCallback, secrets: LoginSecrets) -> ProviderSignIn:
        """Exchanges the callback's code, and fully verifies the ID token before using the tokens.

        First it checks that the callback's issuer, if there is one or the provider promises one,
        is the provider (RFC 9207, section 2.4).

        Raises:
            SignInDeniedError: The provider didn't allow the sign-in.
            ProviderUnavailableError: The provider did not answer in time, is overloaded or down,
                or said so in the callback.
            ClientRejectedByProviderError: It doesn't accept our client credentials.
            RequestRefusedByProviderError: It doesn't accept what our settings request.
            IdentityMissingError: It names a malformed ICN.
            UpstreamRejectedError: The callback isn't acceptable, the provider refused, or its
                answer isn't acceptable.
        """

    @abstractmethod
    async def refresh(
        self, refresh_token: Secret, *, account: VAAccount, icn: ICN | None, scope: str
    ) -> VATokens:
        """Gets new tokens with a refresh token (RFC 6749, section 6).

        The answer may omit the refresh token or the ID token. An ID token is fully verified,
        except for a nonce, and must belong to the same account (OpenID Connect Core 1.0, section
        12.2). If the answer names a person, it must be the same person.

        Args:
            refresh_token: The refresh token that the provider issued.
            account: The account that signed in.
            icn: The person that the tokens belong to, or None if unknown.
            scope: The scope granted before. It applies if the answer names none.

        Raises:
            UnwantedTokensError: The new tokens don't belong to that account and person.
            UnusableTokensError: The answer is malformed, or its ID token can't be verified now.
                Its refresh token can be used.
            GrantExpiredError: The provider doesn't accept the refresh token anymore.
            ClientRejectedByProviderError: It doesn't accept our client credentials.
            RequestRefusedByProviderError: It doesn't accept what our settings request.
            IssuerChangedError: The account belongs to another provider, so it was not asked.
            UpstreamRejectedError: It refused for another reason, or its answer isn't acceptable.
            ProviderUnavailableError: It did not answer in time, or is overloaded or down. It may
                have replaced the refresh token anyway.
            ProviderBusyError: Too many refreshes are in progress, so it was not asked.
        """

    @abstractmethod
    async def revoke(self, token: Secret, *, is_refresh_token: bool) -> bool:
        """Revokes a token at the provider (RFC 7009). Succeeds if the token is already invalid.

        Returns False, without asking, if the provider has no revocation endpoint.

        Raises:
            UpstreamRejectedError: The provider refused permanently, with a code of RFC 6749 or
                RFC 7009.
            ProviderUnavailableError: It did not answer, is overloaded or down, or sent an answer
                that doesn't say whether the token was revoked.
            ProviderBusyError: Too many revocations are in progress, so it was not asked.
        """
