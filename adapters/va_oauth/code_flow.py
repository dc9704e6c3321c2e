"""The authorization code flow with one provider, up to a verified ID token.

Sources: RFC 6749, section 4.1; RFC 7636; RFC 9700; OpenID Connect Core 1.0, section 3.1.
"""

from dataclasses import dataclass
from typing import final
from urllib.parse import quote, urlencode

from adapters.va_oauth.bounded_http import BoundedHTTP
from adapters.va_oauth.callback import code_of
from adapters.va_oauth.id_token import ClaimsVerifier, VerifiedIDToken
from adapters.va_oauth.metadata import ProviderDocuments, ProviderMetadata
from adapters.va_oauth.settings import ProviderSettings
from adapters.va_oauth.signatures import SignatureVerifier
from adapters.va_oauth.token_response import TokenResponse, read_token_response
from application.ports.clock import Clock
from application.ports.identity_provider import ProviderCallback
from domain.login_attempt import LoginSecrets
from domain.secret import Secret
from domain.va_tokens import VATokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """The provider's answer to a code, after its ID token was verified."""

    metadata: ProviderMetadata
    response: TokenResponse
    id_token: VerifiedIDToken


@final
class CodeFlow:
    """Signs people in at a provider, as the client of the settings."""

    def __init__(self, *, settings: ProviderSettings, http: BoundedHTTP, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._same_for_all = urlencode(
            {
                "response_type": "code",
                "client_id": settings.client_id,
                "redirect_uri": settings.redirect_uri,
                "scope": self._requested_scope,
                "code_challenge_method": "S256",
            },
            quote_via=quote,
        )
        self.documents = ProviderDocuments(
            http=http, discovery_url=settings.discovery_url, issuer=settings.issuer, clock=clock
        )
        self.verifier = ClaimsVerifier(
            signatures=SignatureVerifier(self.documents),
            issuer=settings.issuer,
            client_id=settings.client_id,
            clock=clock,
        )

    async def authorization_url(self, secrets: LoginSecrets) -> str:
        """Returns the URL to sign in at, with state, nonce and PKCE challenge.

        Raises:
            ProviderUnavailableError: The metadata could not be fetched, or isn't acceptable.
        """
        metadata = await self.documents.metadata()
        endpoint = metadata.authorization_endpoint
        # A safe URL has no fragment.
        separator = "&" if "?" in endpoint else "?"
        parameters = {
            "state": secrets.state.reveal(),
            "nonce": secrets.nonce,
            "code_challenge": secrets.code_challenge,
        }
        return f"{endpoint}{separator}{self._same_for_all}&{urlencode(parameters)}"

    async def redeem(
        self, callback: ProviderCallback, secrets: LoginSecrets, *, http: BoundedHTTP
    ) -> Redeemed:
        """Checks the callback, exchanges its code, and verifies the ID token with its nonce.

        Args:
            callback: The callback's parameters.
            secrets: Those of the attempt.
            http: Sends the code.

        Raises:
            The errors of ``code_of``, ``read_token_response`` and ``ClaimsVerifier.id_token``.
        """
        metadata = await self.documents.metadata()
        code = code_of(
            callback,
            issuer=self._settings.issuer,
            is_issuer_required=metadata.promises_issuer_in_callback,
        )
        response = await self._exchange(http, metadata, code, secrets)
        # The nonce is checked before any of the tokens is used (RFC 9700, section 4.5.3).
        id_token = await self.verified(response.tokens, nonce=secrets.nonce)
        return Redeemed(metadata=metadata, response=response, id_token=id_token)

    async def verified(self, tokens: VATokens, *, nonce: str | None) -> VerifiedIDToken:
        """Verifies the ID token that came with other tokens.

        Raises:
            The errors of ``ClaimsVerifier.id_token``.
        """
        return await self.verifier.id_token(
            None if tokens.id_token is None else tokens.id_token.reveal(),
            nonce=nonce,
            access_token=tokens.access_token.reveal(),
        )

    async def _exchange(
        self, http: BoundedHTTP, metadata: ProviderMetadata, code: Secret, secrets: LoginSecrets
    ) -> TokenResponse:
        reply = await http.post(
            metadata.token_endpoint,
            operation="exchange",
            form={
                "grant_type": "authorization_code",
                "code": code.reveal(),
                "redirect_uri": self._settings.redirect_uri,
                "code_verifier": secrets.code_verifier.reveal(),
            },
            headers={"Authorization": self._settings.basic_credentials},
        )
        return read_token_response(
            reply, requested_scope=self._requested_scope, now=self._clock.now()
        )

    @property
    def _requested_scope(self) -> str:
        return " ".join(self._settings.scopes)
