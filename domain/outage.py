"""A span in which answers of the service were lost."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The database could not be used from one instant to another (UTC).

    Whoever renewed a session shortly before or during it may never have seen the answer, and
    could not ask again until it was over.
    """

    began_at: datetime
    ended_at: datetime
