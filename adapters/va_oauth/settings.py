"""What is known of the provider beforehand."""

from dataclasses import dataclass

from domain.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """Which provider, and who we are to it.

    Attributes:
        issuer: The `iss` that metadata and ID tokens must carry, letter by letter.
        status_url: The Veteran status API; None: not called.
    """

    discovery_url: str
    issuer: str
    client_id: str
    client_secret: Secret
    scopes: tuple[str, ...]
    redirect_uri: str
    status_url: str | None
