"""Names devices in plain words."""

from functools import lru_cache

from entrypoints.web.languages import N_, Translate, in_english


def device_name(user_agent: str | None, translate: Translate = in_english) -> str:
    """The browser and system of a user agent, such as "Firefox on Linux"."""
    browser, place = (None, None) if user_agent is None else _known(user_agent)
    if browser is not None and place is not None:
        message = N_("{browser} on {system}")
    elif browser is not None:
        return browser
    elif place is not None:
        message = N_("Unknown app on {system}")
    else:
        message = N_("Unknown device")
    return translate(message).format(browser=browser, system=place)


@lru_cache(maxsize=1024)
def _known(user_agent: str) -> tuple[str | None, str | None]:
    # Imported on first use, because its rules take memory that most processes never need.
    from ua_parser import parse  # noqa: PLC0415

    known = parse(user_agent)
    browser = known.user_agent.family if known.user_agent else None
    device = known.device.family if known.device else None
    system = known.os.family if known.os else None
    return browser, device if device in {"iPhone", "iPad"} else system
