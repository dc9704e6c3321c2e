"""An identity provider in memory: a small world of consents and outages."""

import secrets
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import parse_qs, urlencode, urlsplit

from application.errors import ProviderUnavailableError, UpstreamRejectedError
from application.ports.identity_provider import IdentityProvider, ProviderSignIn
from domain.login_attempt import LoginSecrets
from domain.secret import Secret

_CODE_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    signed_in: ProviderSignIn
    nonce: str
    code_challenge: str


@final
class MemoryIdentityProvider(IdentityProvider):
    """Vouches for whom it is told to, once per code and to the browser that asked.

    Args:
        issuer: What a callback's `iss` must be, if there is one.
        authorization_endpoint: Where browsers are sent.
    """

    def __init__(
        self,
        *,
        issuer: str,
        authorization_endpoint: str = "https://provider.example/authorization",
    ) -> None:
        self._issuer = issuer
        self._authorization_endpoint = authorization_endpoint
        self._grants: dict[str, _Grant] = {}
        self._is_down = False
        self._refusal: str | None = None
        self.exchanges = 0
        self.revoked: dict[Secret, bool] = {}

    def consent(self, authorization_url: str, signed_in: ProviderSignIn) -> Secret:
        """The Veteran who was sent to the URL signs in; returns the code."""
        asked = parse_qs(urlsplit(authorization_url).query, strict_parsing=True)
        code = secrets.token_urlsafe(_CODE_BYTES)
        self._grants[code] = _Grant(
            signed_in=signed_in,
            nonce=asked["nonce"][0],
            code_challenge=asked["code_challenge"][0],
        )
        return Secret(code)

    def go_down(self) -> None:
        """Answer nothing from now on."""
        self._is_down = True

    def come_back(self) -> None:
        """Answer again, and refuse nothing."""
        self._is_down = False
        self._refusal = None

    def refuse(self, reason: str) -> None:
        """Refuse every exchange from now on."""
        self._refusal = reason

    async def authorization_url(self, secrets: LoginSecrets) -> str:
        self._answer()
        parameters = {
            "response_type": "code",
            "state": secrets.state.reveal(),
            "nonce": secrets.nonce,
            "code_challenge": secrets.code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._authorization_endpoint}?{urlencode(parameters)}"

    async def check_callback_issuer(self, issuer: str | None) -> None:
        self._answer()
        if issuer is not None and issuer != self._issuer:
            raise UpstreamRejectedError("callback_iss")

    async def sign_in(self, code: Secret, secrets: LoginSecrets) -> ProviderSignIn:
        self._answer()
        self.exchanges += 1
        if self._refusal is not None:
            raise UpstreamRejectedError(self._refusal)
        grant = self._grants.pop(code.reveal(), None)
        if grant is None or grant.code_challenge != secrets.code_challenge:
            raise UpstreamRejectedError("invalid_grant")
        if grant.nonce != secrets.nonce:
            raise UpstreamRejectedError("nonce")
        return grant.signed_in

    async def revoke(self, token: Secret, *, is_refresh_token: bool) -> None:
        self._answer()
        if self._refusal is not None:
            raise UpstreamRejectedError(self._refusal)
        self.revoked[token] = is_refresh_token

    def _answer(self) -> None:
        if self._is_down:
            raise ProviderUnavailableError
