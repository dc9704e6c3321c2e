"""Builds what the identity provider and its endpoints need."""

from adapters.va_oauth.settings import ProviderSettings
from domain.web_url import origin_of
from entrypoints.settings import Settings
from entrypoints.web.token_request import Targets


def provider_settings(settings: Settings) -> ProviderSettings:
    """How to reach the identity provider, and as which client."""
    return ProviderSettings(
        discovery_url=settings.va_discovery_url,
        issuer=settings.va_issuer,
        client_id=settings.va_client_id,
        client_secret=settings.va_client_secret,
        scopes=settings.va_scopes,
        redirect_uri=settings.redirect_uri,
        status_url=settings.va_status_url,
    )


def targets(settings: Settings) -> Targets:
    """What a back end may name as the audience or resource of a VA token."""
    urls = (settings.va_discovery_url, settings.va_status_url)
    origins = frozenset(origin_of(url) for url in urls if url is not None)
    return Targets(issuer=settings.va_issuer, origins=origins)
