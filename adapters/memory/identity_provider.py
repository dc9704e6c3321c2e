"""A simulated identity provider for tests, with consent, refusals and downtime."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, final
from urllib.parse import parse_qs, urlencode, urlsplit

from adapters.memory.callbacks import code_of, read_callback
from application.errors import (
    GrantExpiredError,
    IssuerChangedError,
    ProviderBusyError,
    ProviderUnavailableError,
    UnusableTokensError,
    UnwantedTokensError,
    UpstreamRejectedError,
)
from application.ports.clock import Clock
from application.ports.identity_provider import (
    CallbackParameters,
    IdentityProvider,
    ProviderCallback,
    ProviderSignIn,
)
from domain.identifiers import ICN
from domain.login_attempt import LoginSecrets
from domain.secret import Secret
from domain.va_identity import VAAccount, VAIdentity
from domain.va_tokens import VATokens

_CODE_BYTES: Final = 32
_LIFETIME: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    signed_in: ProviderSignIn
    nonce: str
    code_challenge: str


@final
class MemoryIdentityProvider(IdentityProvider):
    """Signs in the users that a test consents for. Each code works once, with its PKCE verifier.

    Args:
        issuer: The expected `iss` of a callback that has one.
        clock: The time of a refresh. New tokens expire one hour later.
        authorization_endpoint: The URL that browsers are sent to.
    """

    def __init__(
        self,
        *,
        issuer: str,
        clock: Clock,
        authorization_endpoint: str = "https://provider.example/authorization",
    ) -> None:
        self._issuer = issuer
        self._authorization_endpoint = authorization_endpoint
        self._clock = clock
        self._grants: dict[str, _Grant] = {}
        self._is_down = False
        self._refusal: UpstreamRejectedError | None = None
        self._retry_after: timedelta | None = None
        #: Whether no more sign-ins are admitted.
        self.is_full = False
        #: The sign-in of each valid refresh token.
        self.refreshable: dict[Secret, ProviderSignIn] = {}
        self._identity: VAIdentity | None = None
        self.exchanges = 0
        self.refreshes = 0
        #: Whether a refresh replaces the refresh token.
        self.is_rotating = True
        #: Whether the response to a refresh omits the refresh token.
        self.is_terse = False
        #: Whether the response to a refresh gets lost.
        self.loses_answers = False
        #: The scope that a refresh grants. None: the scope that was requested.
        self.scope: str | None = None
        self.revoked: dict[Secret, bool] = {}
        #: Whether the provider has a revocation endpoint.
        self.revokes = True
        #: Why the owner of refreshed tokens can't be determined. None: it can.
        self.doubt: str | None = None

    def consent(self, authorization_url: str, signed_in: ProviderSignIn) -> Secret:
        """Signs in the Veteran who was sent to the URL, and returns the code."""
        asked = parse_qs(urlsplit(authorization_url).query, strict_parsing=True)
        code = secrets.token_urlsafe(_CODE_BYTES)
        self._grants[code] = _Grant(
            signed_in=signed_in,
            nonce=asked["nonce"][0],
            code_challenge=asked["code_challenge"][0],
        )
        return Secret(code)

    def go_down(self, retry_after: timedelta | None = None) -> None:
        """Makes every call fail and tells the caller to retry after ``retry_after``."""
        self._is_down = True
        self._retry_after = retry_after

    def mistake_everybody_for(self, identity: VAIdentity) -> None:
        """Makes every refresh produce tokens of this identity."""
        self._identity = identity

    def come_back(self) -> None:
        """Ends the downtime and the refusals."""
        self._is_down = False
        self._refusal = None

    def refuse(self, error: UpstreamRejectedError) -> None:
        """Makes every exchange, refresh and revocation fail with this error."""
        self._refusal = error

    @property
    def issuer(self) -> str:
        return self._issuer

    async def authorization_url(self, secrets: LoginSecrets) -> str:
        self._require_room()
        self._answer()
        parameters = {
            "response_type": "code",
            "state": secrets.state.reveal(),
            "nonce": secrets.nonce,
            "code_challenge": secrets.code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._authorization_endpoint}?{urlencode(parameters)}"

    @asynccontextmanager
    async def room_for_sign_in(self) -> AsyncIterator[None]:
        self._require_room()
        yield

    def read_callback(self, parameters: CallbackParameters) -> ProviderCallback:
        return read_callback(parameters)

    async def sign_in(self, callback: ProviderCallback, secrets: LoginSecrets) -> ProviderSignIn:
        self._answer()
        code = code_of(callback, issuer=self._issuer)
        self.exchanges += 1
        if self._refusal is not None:
            raise self._refusal
        grant = self._grants.pop(code.reveal(), None)
        if grant is None or grant.code_challenge != secrets.code_challenge:
            raise GrantExpiredError
        if grant.nonce != secrets.nonce:
            raise UpstreamRejectedError("nonce")
        if (refresh_token := grant.signed_in.tokens.refresh_token) is not None:
            self.refreshable[refresh_token] = grant.signed_in
        return grant.signed_in

    async def refresh(
        self, refresh_token: Secret, *, account: VAAccount, icn: ICN | None, scope: str
    ) -> VATokens:
        if account.issuer != self._issuer:
            raise IssuerChangedError
        self._answer()
        self.refreshes += 1
        if self._refusal is not None:
            raise self._refusal
        grant = self.refreshable.get(refresh_token)
        if grant is None or refresh_token in self.revoked:
            raise GrantExpiredError
        tokens = self._refreshed(refresh_token, grant, scope)
        if self.loses_answers:
            raise ProviderUnavailableError
        if self.doubt is not None and tokens.refresh_token is not None:
            raise UnusableTokensError(self.doubt, tokens.refresh_token)
        identity = self._identity or grant.identity
        if identity.subject != account.subject:
            raise UnwantedTokensError("another_subject", tokens)
        if identity.icn != icn:
            raise UnwantedTokensError("another_patient", tokens)
        return tokens

    def _refreshed(self, refresh_token: Secret, grant: ProviderSignIn, scope: str) -> VATokens:
        if self.is_rotating:
            del self.refreshable[refresh_token]
            refresh_token = Secret(secrets.token_urlsafe(_CODE_BYTES))
            self.refreshable[refresh_token] = grant
        return replace(
            grant.tokens,
            access_token=Secret(secrets.token_urlsafe(_CODE_BYTES)),
            refresh_token=None if self.is_terse else refresh_token,
            id_token=Secret(secrets.token_urlsafe(_CODE_BYTES)),
            scope=scope if self.scope is None else self.scope,
            expires_at=self._clock.now() + _LIFETIME,
        )

    async def revoke(self, token: Secret, *, is_refresh_token: bool) -> bool:
        self._answer()
        if self._refusal is not None:
            raise self._refusal
        if self.revokes:
            self.revoked[token] = is_refresh_token
        return self.revokes

    def _require_room(self) -> None:
        if self.is_full:
            raise ProviderBusyError

    def _answer(self) -> None:
        if self._is_down:
            raise ProviderUnavailableError(retry_after=self._retry_after)
