"""What is known of the provider beforehand."""

from dataclasses import dataclass

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
