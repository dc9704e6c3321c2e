"""Outages of the database."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A span in which the database couldn't be used, from one instant to another (UTC).

    A browser that renewed a session shortly before or during an outage may have missed the
    answer, and couldn't retry until the outage was over.
    """

    began_at: datetime
    ended_at: datetime
