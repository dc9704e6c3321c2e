"""The settings of the simulated VA."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

#: VA's issuer isn't on the host of its API, so ours isn't either.
VA_SANDBOX_ISSUER: Final = "https://deptva-eval.okta.com/oauth2/aus7y0sefudDrg2HI2p7"
#: The client of a sandbox without a configured one. These credentials protect nothing.
DEFAULT_CLIENT_ID: Final = "vetassist_sandbox"
DEFAULT_CLIENT_SECRET: Final = "vetassist_sandbox_secret"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """The registered client and the addresses of the sandbox.

    Attributes:
        public_url: Where browsers and the client reach the sandbox, without a trailing slash.
        redirect_uris: The registered redirect URIs. They must match exactly, as at VA.
        issuer: The ``iss`` of the metadata and of every ID token.
        form_destinations: Other origins that a sign-in passes on its way back to the client's
            pages. Chromium applies the page's ``form-action`` to all redirects that follow a
            form. The origin of the redirect URI is always allowed.
        capacity: How many records of each kind to keep. The oldest are dropped.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    public_url: str = "http://localhost:8001"
    issuer: str = VA_SANDBOX_ISSUER
    form_destinations: tuple[str, ...] = ()
    capacity: int = 100_000


def settings_from(setting: Callable[[str], str | None], *, public_url: str) -> SandboxSettings:
    """Returns sandbox settings that match the settings of the service beside it.

    Args:
        setting: Returns the operator's value of a `VETASSIST_` setting, or None.
        public_url: Where browsers and the client reach the sandbox.
    """
    service = (setting("VETASSIST_PUBLIC_URL") or "http://localhost:8000").rstrip("/")
    front_end = urlsplit(setting("VETASSIST_FRONTEND_URL") or service)
    return SandboxSettings(
        client_id=setting("VETASSIST_VA_CLIENT_ID") or DEFAULT_CLIENT_ID,
        client_secret=setting("VETASSIST_VA_CLIENT_SECRET") or DEFAULT_CLIENT_SECRET,
        redirect_uris=(f"{service}/api/v1/va/callback",),
        public_url=public_url,
        issuer=setting("VETASSIST_VA_ISSUER") or VA_SANDBOX_ISSUER,
        form_destinations=(f"{front_end.scheme}://{front_end.netloc}",),
    )
