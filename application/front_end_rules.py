"""What a front end must keep to, and how the audit trail describes it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import final

from domain.audit_event import FRONT_END
from domain.errors import InvalidFrontEndError
from domain.front_end import FrontEnd, SessionDelivery
from domain.session_limits import SessionLimits
from domain.web_url import origin_of


@final
class FrontEndRules:
    """Compares front ends with the settings and with each other.

    Args:
        settings: The front end that the settings describe.
        public_url: Where browsers reach the service.
        limits: The service's limits.
    """

    def __init__(self, *, settings: FrontEnd, public_url: str, limits: SessionLimits) -> None:
        self._settings = settings
        self._own_origin = origin_of(public_url)
        self._limits = limits

    @property
    def usual_delivery(self) -> SessionDelivery:
        """The delivery of the settings."""
        return self._settings.delivery

    @property
    def taken_origins(self) -> frozenset[str]:
        """The origins of the service and of the settings' front end, which no other can have."""
        return frozenset({self._own_origin, self._settings.origin})

    def is_served(self, front_end: FrontEnd) -> bool:
        """Whether Veterans can sign in from it: it is enabled, and has its origin for itself.

        The settings may have taken the origin after the front end was registered.
        """
        if front_end.is_of_settings:
            return True
        return front_end.is_enabled and front_end.origin not in self.taken_origins

    def check(self, front_end: FrontEnd, registered: Iterable[FrontEnd]) -> None:
        """Refuses a front end that can't be served beside the others.

        Raises:
            InvalidFrontEndError: Its origin is taken, or its limits aren't within the service's.
        """
        front_end.check_limits(self._limits)
        if front_end.origin == self._own_origin:
            raise InvalidFrontEndError("the origin is the service's own: VETASSIST_PUBLIC_URL")
        if front_end.origin == self._settings.origin:
            raise InvalidFrontEndError(
                "the origin is that of the settings' front end: VETASSIST_FRONTEND_URL"
            )
        for other in registered:
            if other.is_enabled and other.id != front_end.id and other.origin == front_end.origin:
                raise InvalidFrontEndError(f"the front end {other.id} has the same origin")


def recorded(front_end: FrontEnd) -> dict[str, str | int]:
    """Returns what the audit trail keeps of a front end."""
    limits = {"idle_minutes": front_end.idle, "absolute_minutes": front_end.absolute}
    return {
        FRONT_END: str(front_end.id),
        "url": front_end.url,
        "delivery": front_end.delivery.value,
    } | {name: minutes(limit) for name, limit in limits.items() if limit is not None}


def minutes(limit: timedelta) -> int:
    """Returns a limit in whole minutes."""
    return int(limit.total_seconds()) // 60
