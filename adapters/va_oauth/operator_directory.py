"""The operators' OpenID Provider."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import TracebackType
from typing import Final, final

from adapters.va_oauth.bounded_http import BoundedHTTP, Wire
from adapters.va_oauth.callback import read_callback
from adapters.va_oauth.code_flow import CodeFlow
from adapters.va_oauth.settings import ProviderSettings
from application.ports.clock import Clock
from application.ports.identity_provider import CallbackParameters, ProviderCallback
from application.ports.operator_directory import KnownOperator, OperatorDirectory
from domain.login_attempt import LoginSecrets

_DEADLINE: Final = timedelta(seconds=10)
_MAX_BYTES: Final = 256 * 1024


@final
class OpenIDOperatorDirectory(
    OperatorDirectory, AbstractAsyncContextManager["OpenIDOperatorDirectory"]
):
    """Reads the groups from a claim of the ID token. Leaving the context closes the wire.

    Args:
        settings: The provider, and our client registration with it.
        role_claim: The name of the claim: a text, or a list of texts.
        wire: Carries the calls.
        clock: Tells the time.
    """

    def __init__(
        self, *, settings: ProviderSettings, role_claim: str, wire: Wire, clock: Clock
    ) -> None:
        self._wire = wire
        self._role_claim = role_claim
        self._http = BoundedHTTP(wire, deadline=_DEADLINE, max_bytes=_MAX_BYTES)
        self._flow = CodeFlow(settings=settings, http=self._http, clock=clock)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._wire.aclose()

    async def authorization_url(self, secrets: LoginSecrets) -> str:
        return await self._flow.authorization_url(secrets)

    def read_callback(self, parameters: CallbackParameters) -> ProviderCallback:
        return read_callback(parameters)

    async def sign_in(self, callback: ProviderCallback, secrets: LoginSecrets) -> KnownOperator:
        id_token = (await self._flow.redeem(callback, secrets, http=self._http)).id_token
        groups = frozenset(id_token.claims.texts(self._role_claim))
        return KnownOperator(subject=id_token.subject, groups=groups)
