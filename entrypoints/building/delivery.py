"""Builds what the delivery of sessions needs."""

from entrypoints.settings import SessionDelivery, Settings


def delivers_by(method: SessionDelivery, settings: Settings) -> bool:
    """Whether sessions are delivered by ``method``."""
    return settings.session_delivery is method
