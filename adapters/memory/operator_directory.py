"""A simulated provider of operators, for tests."""

import secrets as randomness
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import parse_qs, urlencode, urlsplit

from adapters.memory.callbacks import code_of, read_callback
from application.errors import (
    GrantExpiredError,
    ProviderUnavailableError,
    UpstreamRejectedError,
)
from application.ports.identity_provider import CallbackParameters, ProviderCallback
from application.ports.operator_directory import KnownOperator, OperatorDirectory
from domain.login_attempt import LoginSecrets
from domain.secret import Secret

_CODE_BYTES: Final = 32
_ENDPOINT: Final = "https://operators.example/authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    operator: KnownOperator
    nonce: str
    code_challenge: str


@final
class MemoryOperatorDirectory(OperatorDirectory):
    """Signs in the operators that a test consents for. Each code works once.

    Args:
        issuer: The expected `iss` of a callback that has one.
    """

    def __init__(self, *, issuer: str) -> None:
        self._issuer = issuer
        self._grants: dict[str, _Grant] = {}
        #: Whether the provider answers.
        self.is_up = True

    def consent(self, authorization_url: str, operator: KnownOperator) -> Secret:
        """Signs in the operator who was sent to the URL, and returns the code."""
        asked = parse_qs(urlsplit(authorization_url).query, strict_parsing=True)
        code = randomness.token_urlsafe(_CODE_BYTES)
        self._grants[code] = _Grant(
            operator=operator,
            nonce=asked["nonce"][0],
            code_challenge=asked["code_challenge"][0],
        )
        return Secret(code)

    async def authorization_url(self, secrets: LoginSecrets) -> str:
        self._answer()
        parameters = {
            "response_type": "code",
            "state": secrets.state.reveal(),
            "nonce": secrets.nonce,
            "code_challenge": secrets.code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{_ENDPOINT}?{urlencode(parameters)}"

    def read_callback(self, parameters: CallbackParameters) -> ProviderCallback:
        return read_callback(parameters)

    async def sign_in(self, callback: ProviderCallback, secrets: LoginSecrets) -> KnownOperator:
        self._answer()
        code = code_of(callback, issuer=self._issuer)
        grant = self._grants.pop(code.reveal(), None)
        if grant is None or grant.code_challenge != secrets.code_challenge:
            raise GrantExpiredError
        if grant.nonce != secrets.nonce:
            raise UpstreamRejectedError("nonce")
        return grant.operator

    def _answer(self) -> None:
        if not self.is_up:
            raise ProviderUnavailableError
