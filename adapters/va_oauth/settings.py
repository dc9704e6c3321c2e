"""What is known of the provider beforehand."""

from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import quote

from domain.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """The provider, and our client registration with it.

    Attributes:
        issuer: The exact `iss` of its metadata and ID tokens.
        status_url: The URL of the Veteran status API, or None if it isn't called.
    """

    discovery_url: str
    issuer: str
    client_id: str
    client_secret: Secret
    scopes: tuple[str, ...]
    redirect_uri: str
    status_url: str | None

    @property
    def basic_credentials(self) -> str:
        """The value of an `Authorization` header with our credentials."""
        # Both parts are form-encoded (RFC 6749, section 2.3.1).
        client_id, secret = (
            quote(self.client_id, safe=""),
            quote(self.client_secret.reveal(), safe=""),
        )
        return "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()
