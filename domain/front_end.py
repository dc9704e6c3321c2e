"""Front ends: the sites from which Veterans sign in."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final, NewType, Self
from uuid import UUID

from domain.errors import InvalidFrontEndError
from domain.session_limits import LEAST_WARNING, SessionLimits
from domain.web_url import origin_of

FrontEndId = NewType("FrontEndId", UUID)

#: The id of the front end that the settings describe. It has no row in the store.
SETTINGS_FRONT_END: Final = FrontEndId(UUID(int=0))
_MAX_NAME_CHARACTERS: Final = 80


class SessionDelivery(StrEnum):
    """How the callback hands the session to the front end."""

    QUERY = "query"
    FRAGMENT = "fragment"
    CODE = "code"
    COOKIE = "cookie"


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """A site with its own `/va-success` and `/va-error`. No two have the same origin.

    Pages of one origin share their storage and look alike to the service, so nothing could keep
    two front ends apart there.

    Attributes:
        name: Shown to the Veteran.
        url: Where its pages are, in the form of ``canonical_url``, without a slash at its end.
        idle: Its own idle limit, or None for the service's.
        absolute: Its own absolute limit, or None for the service's.
        created_at: Instant (UTC), or None for the front end of the settings.
        disabled_at: Instant (UTC), or None.
    """

    id: FrontEndId
    name: str
    url: str
    delivery: SessionDelivery
    idle: timedelta | None = None
    absolute: timedelta | None = None
    created_at: datetime | None = None
    disabled_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not 0 < len(self.name.strip()) <= _MAX_NAME_CHARACTERS:
            raise InvalidFrontEndError("the name must be 1 to 80 printable characters")

    @classmethod
    def of_settings(cls, *, url: str, delivery: SessionDelivery) -> Self:
        """Returns the front end that the settings describe. Its host is its name."""
        host = origin_of(url).partition("://")[2]
        return cls(
            id=SETTINGS_FRONT_END, name=host[:_MAX_NAME_CHARACTERS], url=url, delivery=delivery
        )

    @cached_property
    def origin(self) -> str:
        """The origin of its pages, as browsers write it."""
        return origin_of(self.url)

    @property
    def is_of_settings(self) -> bool:
        """Whether the settings describe it."""
        return self.id == SETTINGS_FRONT_END

    @property
    def is_enabled(self) -> bool:
        """Whether Veterans can sign in from it."""
        return self.disabled_at is None

    def limits(self, service: SessionLimits) -> SessionLimits:
        """Returns the limits of its sessions. They are never longer than the service's."""
        if self.idle is None and self.absolute is None:
            return service
        absolute = min(self.absolute or service.absolute, service.absolute)
        idle = min(self.idle or service.idle, service.idle, absolute)
        warning = min(service.warning, max(LEAST_WARNING, min(idle, service.token) / 2))
        return replace(service, idle=idle, absolute=absolute, warning=warning)

    def check_limits(self, service: SessionLimits) -> None:
        """Refuses limits of its own that the service wouldn't keep to.

        Raises:
            InvalidFrontEndError: One is longer than the service's, or they contradict each other.
        """
        if self.idle is not None and self.idle > service.idle:
            raise InvalidFrontEndError(
                f"the idle limit must be at most the service's, {_minutes(service.idle)} minutes"
            )
        if self.absolute is not None and self.absolute > service.absolute:
            raise InvalidFrontEndError(
                "the absolute limit must be at most the service's, "
                f"{_minutes(service.absolute)} minutes"
            )
        if (self.idle or timedelta()) > (self.absolute or service.absolute):
            raise InvalidFrontEndError("the idle limit must be at most the absolute limit")

    def disabled(self, now: datetime) -> Self:
        """Returns the front end, disabled."""
        return replace(self, disabled_at=now)


def parse_front_end_id(text: str) -> FrontEndId | None:
    """Returns the front end's id, or None if the text isn't one in canonical spelling."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    # UUID() also accepts other spellings.
    return FrontEndId(parsed) if str(parsed) == text else None


def _minutes(limit: timedelta) -> int:
    return int(limit.total_seconds()) // 60
