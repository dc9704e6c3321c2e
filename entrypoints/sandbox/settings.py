"""The settings of the simulated VA."""

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

from domain.secret import Secret
from domain.web_url import origin_of
from entrypoints.settings import CALLBACK_PATH, CONSOLE_CALLBACK_PATH, Settings

#: VA's issuer isn't on the host of its API, so ours isn't either.
VA_SANDBOX_ISSUER: Final = "https://deptva-eval.okta.com/oauth2/aus7y0sefudDrg2HI2p7"
#: The client of a sandbox without a configured one. These credentials protect nothing.
DEFAULT_CLIENT_ID: Final = "vetassist_sandbox"
DEFAULT_CLIENT_SECRET: Final = Secret("vetassist_sandbox_secret")
#: Where front ends can be that an operator registers while the sandbox runs: on this machine, or
#: at an https URL.
_REGISTERED_FRONT_ENDS: Final = (
    *("http://localhost:*", "http://*.localhost:*", "http://127.0.0.1:*", "https:"),
)
#: Where the simulated provider of operators is.
OPERATORS_BASE: Final = "/operators"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorClient:
    """The console, as the simulated provider of operators knows it."""

    issuer: str
    client_id: str
    client_secret: Secret
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """The registered client and the addresses of the sandbox.

    Attributes:
        public_url: Where browsers and the client reach the sandbox, without a trailing slash.
        redirect_uris: The registered redirect URIs. They must match exactly, as at VA.
        issuer: The ``iss`` of the metadata and of every ID token.
        form_destinations: Other origins, or patterns of them, that a sign-in passes on its way
            back to the client's pages. Chromium applies the page's ``form-action`` to all
            redirects that follow a form. The origin of the redirect URI is always allowed.
        capacity: How many records of each kind to keep. The oldest are dropped.
        console: The client of the simulated provider of operators. None if there is no console.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    public_url: str = "http://localhost:8001"
    issuer: str = VA_SANDBOX_ISSUER
    form_destinations: tuple[str, ...] = ()
    capacity: int = 100_000
    console: OperatorClient | None = None


@dataclass(frozen=True, kw_only=True)
class ServiceBeside:
    """What the sandbox reads of the settings of the service beside it."""

    public_url: str = Settings.public_url
    frontend_url: str | None = None
    va_client_id: str = DEFAULT_CLIENT_ID
    va_client_secret: Secret = DEFAULT_CLIENT_SECRET
    va_issuer: str = VA_SANDBOX_ISSUER
    console_issuer: str | None = None
    console_client_id: str | None = None
    console_client_secret: Secret | None = None
    console_public_url: str = Settings.console_public_url

    @property
    def console(self) -> OperatorClient | None:
        """The console, if it is configured."""
        issuer, client_id = self.console_issuer, self.console_client_id
        if issuer is None or client_id is None or self.console_client_secret is None:
            return None
        return OperatorClient(
            issuer=issuer,
            client_id=client_id,
            client_secret=self.console_client_secret,
            redirect_uri=self.console_public_url + CONSOLE_CALLBACK_PATH,
        )


def settings_beside(service: ServiceBeside, *, public_url: str) -> SandboxSettings:
    """Returns sandbox settings that match the settings of the service.

    Args:
        service: The settings of the service.
        public_url: Where browsers and the client reach the sandbox.
    """
    return SandboxSettings(
        client_id=service.va_client_id,
        client_secret=service.va_client_secret.reveal(),
        redirect_uris=(service.public_url + CALLBACK_PATH,),
        public_url=public_url,
        issuer=service.va_issuer,
        form_destinations=(
            origin_of(service.frontend_url or service.public_url),
            *_REGISTERED_FRONT_ENDS,
        ),
        console=service.console,
    )


def url_of(host: str, port: int) -> str:
    """Where a browser on this machine reaches a server that listens on ``host``."""
    host = host.removeprefix("[").removesuffix("]")
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host or 'localhost'}:{port}"
    if address.is_unspecified:
        return f"http://localhost:{port}"
    return f"http://{f'[{address}]' if isinstance(address, IPv6Address) else address}:{port}"
