"""Whether VA accepts our client ID and secret."""

from datetime import timedelta
from typing import Final, final

from adapters.va_oauth.bounded_http import BoundedHTTP, CallObserver, Wire, nobody
from adapters.va_oauth.metadata import ProviderDocuments
from adapters.va_oauth.settings import ProviderSettings
from adapters.va_oauth.token_response import read_token_response
from application.errors import GrantExpiredError, UpstreamRejectedError
from application.ports.client_check import ClientCheck
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource

#: For each of the two calls: VA's metadata, and its token endpoint.
_DEADLINE: Final = timedelta(seconds=5)
_MAX_BYTES: Final = 256 * 1024


@final
class VAClientCheck(ClientCheck):
    """Exchanges a code that VA never issued.

    A token endpoint authenticates the client first (RFC 6749, section 3.2.1). It answers
    `invalid_client` to one that it doesn't know, and `invalid_grant` to one that it knows.
    """

    def __init__(
        self,
        *,
        settings: ProviderSettings,
        wire: Wire,
        clock: Clock,
        secrets: SecretSource,
        deadline: timedelta = _DEADLINE,
        observer: CallObserver = nobody,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._secrets = secrets
        self._http = BoundedHTTP(wire, deadline=deadline, max_bytes=_MAX_BYTES, observer=observer)
        self._documents = ProviderDocuments(
            http=self._http,
            discovery_url=settings.discovery_url,
            issuer=settings.issuer,
            clock=clock,
        )

    async def check(self) -> None:
        metadata = await self._documents.metadata()
        reply = await self._http.post(
            metadata.token_endpoint,
            operation="check",
            form={
                "grant_type": "authorization_code",
                "code": self._secrets.token().reveal(),
                "redirect_uri": self._settings.redirect_uri,
                "code_verifier": self._secrets.token().reveal(),
            },
            headers={"Authorization": self._settings.basic_credentials},
        )
        try:
            read_token_response(reply, requested_scope="", now=self._clock.now())
        except GrantExpiredError:
            return
        raise UpstreamRejectedError("unissued_code_accepted")
