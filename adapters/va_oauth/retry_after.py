"""Reads `Retry-After` headers."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Returns the time to wait from ``now``, or None if the value can't be read.

    Source: RFC 9110, section 10.2.3: a number of seconds, or a date.
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
