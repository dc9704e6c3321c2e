"""Crowds: what the server tells the routes about them, and how large one may be."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

#: In the state of a request that waited too long, or found too many waiting. Nothing was done.
TURNED_AWAY: Final = "is_turned_away"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdLimits:
    """The limits of a crowd.

    Attributes:
        in_progress: How many requests may be in progress. Most of them wait for VA.
        waiting: How many more may wait for their turn.
        patience: How long each of them waits before it is refused.
    """

    in_progress: int = 200
    waiting: int = 2_000
    patience: timedelta = timedelta(seconds=10)
