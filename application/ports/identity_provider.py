"""Port: who vouches for the Veteran."""

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
    """What the provider vouched for, verified, and the tokens it gave."""

    identity: VAIdentity
    tokens: VATokens


class IdentityProvider(Protocol):
    """An OAuth 2.0 authorization server that speaks OpenID Connect.

    Every call ends within its deadline and reads a bounded answer.
    """

    @property
    @abstractmethod
    def issuer(self) -> str:
        """Its name as an authorization server, as ID tokens carry it."""

    @abstractmethod
    async def authorization_url(self, secrets: LoginSecrets) -> str:
        """Where the browser goes to sign in: with state, nonce and PKCE challenge.

        Raises:
            ProviderUnavailableError: Its metadata could not be had, or is not acceptable.
            ProviderBusyError: Sign-ins that come back from it are being refused at present.
        """

    @abstractmethod
    def room_for_sign_in(self) -> AbstractAsyncContextManager[None]:
        """Room for one sign-in, held until the block ends.

        Enter it before using up what cannot be repeated, and call ``sign_in`` inside it. Entering
        may wait for a moment.

        Raises:
            ProviderBusyError: Too many sign-ins are in progress; on entering.
        """

    @abstractmethod
    async def check_callback_issuer(self, issuer: str | None) -> None:
        """Compare the callback's `iss` with the provider's, exactly (RFC 9207, section 2.4).

        Raises:
            UpstreamRejectedError: It differs, or is missing where the provider promises it.
            ProviderUnavailableError: The provider's metadata could not be had.
        """

    @abstractmethod
    async def sign_in(self, code: Secret, secrets: LoginSecrets) -> ProviderSignIn:
        """Exchange the code, verify the ID token in full, and only then use the tokens.

        Raises:
            UpstreamRejectedError: The provider refused, or answered what is not acceptable.
            ProviderUnavailableError: It did not answer the exchange in time, or could not.
        """

    @abstractmethod
    async def refresh(
        self, refresh_token: Secret, *, account: VAAccount, icn: ICN | None, scope: str
    ) -> VATokens:
        """Newer tokens for a refresh token (RFC 6749, section 6).

        The provider may leave the refresh token out, or the ID token. An ID token that comes is
        verified in full, but for a nonce, and must be of the same account (OpenID Connect Core
        1.0, section 12.2). The person that the answer names, if it does, must be the same.

        Args:
            refresh_token: What VA gave before.
            account: Whose sign-in brought it.
            icn: The person it acts for; None when nobody knows.
            scope: What was granted before; what an answer means that names no scope.

        Raises:
            UnwantedTokensError: Tokens came that do not stand for that account and person.
            UnusableTokensError: Tokens came that cannot be used, as the answer is malformed or
                its ID token cannot be verified at present; their refresh token can be.
            UpstreamRejectedError: The provider refused, by its own codes (RFC 6749, section 5.2)
                where it named one, or answered what is not acceptable; `issuer_changed` when the
                account is another provider's, which then hears nothing.
            ProviderUnavailableError: It did not answer in time, or cannot at present. It may
                have replaced the refresh token all the same.
            ProviderBusyError: Too many refreshes are in progress, so it was not asked.
        """

    @abstractmethod
    async def revoke(self, token: Secret, *, is_refresh_token: bool) -> bool:
        """Make a token worthless at the provider (RFC 7009); one that is so already is done.

        Returns False for a provider that has no revocation endpoint: nobody was asked.

        Raises:
            UpstreamRejectedError: The provider refuses for good, by a code of RFC 6749's or
                RFC 7009's.
            ProviderUnavailableError: It did not answer, cannot at present, or answered what
                says nothing of the token.
            ProviderBusyError: Too many revocations are in progress, so it was not asked.
        """
