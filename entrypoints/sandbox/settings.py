"""What the simulated VA is told when it starts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

#: VA's issuer is not the host of its API, so neither is ours.
VA_SANDBOX_ISSUER: Final = "https://deptva-eval.okta.com/oauth2/aus7y0sefudDrg2HI2p7"
#: The client of a sandbox that is told of no other. They guard nothing.
DEFAULT_CLIENT_ID: Final = "vetassist_sandbox"
DEFAULT_CLIENT_SECRET: Final = "vetassist_sandbox_secret"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """One registered client, and where the sandbox is reached.

    Attributes:
        public_url: Where browsers and the client reach the sandbox; no trailing slash.
        redirect_uris: Matched exactly, as VA does.
        issuer: The ``iss`` of the metadata and of every ID token.
        form_destinations: Further origins a sign-in passes on its way back to the client's
            pages. Chromium holds a form's whole chain of redirects to the page's
            ``form-action``; the redirect URI's own origin is always let through.
        capacity: How many records of a kind are kept; beyond it the oldest goes.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    public_url: str = "http://localhost:8001"
    issuer: str = VA_SANDBOX_ISSUER
    form_destinations: tuple[str, ...] = ()
    capacity: int = 100_000


def settings_from(setting: Callable[[str], str | None], *, public_url: str) -> SandboxSettings:
    """Settings for the sandbox beside a service: the same names mean the same client.

    Args:
        setting: The operator's value of a `VETASSIST_` setting, or None.
        public_url: Where the sandbox is reached.
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
