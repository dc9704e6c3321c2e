"""When the other side wants to be asked again."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The time from ``now`` that a `Retry-After` names; None when it names none.

    Source: RFC 9110, section 10.2.3: seconds, or a date.
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        return timedelta(seconds=int(value))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta())
