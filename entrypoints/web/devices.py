"""Names devices in plain words."""

from functools import lru_cache
from typing import Final

_UNKNOWN: Final = "Unknown device"


@lru_cache(maxsize=1024)
def device_name(user_agent: str | None) -> str:
    """The browser and system of a user agent, such as "Firefox on Linux"."""
    if user_agent is None:
        return _UNKNOWN
    # Imported on first use, because its rules take memory that most processes never need.
    from ua_parser import parse  # noqa: PLC0415

    known = parse(user_agent)
    browser = known.user_agent.family if known.user_agent else None
    device = known.device.family if known.device else None
    system = known.os.family if known.os else None
    place = device if device in {"iPhone", "iPad"} else system
    if browser is None:
        return f"Unknown app on {place}" if place else _UNKNOWN
    return f"{browser} on {place}" if place else browser
