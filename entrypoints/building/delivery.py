"""Builds what the delivery of sessions needs."""

from typing import TYPE_CHECKING

from entrypoints.settings import SessionDelivery, Settings

if TYPE_CHECKING:
    from entrypoints.web.pages.pages import Pages


def delivers_by(method: SessionDelivery, settings: Settings) -> bool:
    """Whether sessions are delivered by ``method``."""
    return settings.session_delivery is method


def pages(settings: Settings) -> "Pages":
    """The service's own pages."""
    # Imported on use: most deployments have their own front end and need no templates.
    from entrypoints.web.pages.pages import Pages  # noqa: PLC0415

    return Pages(public_url=settings.public_url)
