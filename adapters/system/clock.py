"""The machine's clock."""

from datetime import UTC, datetime
from typing import final

from application.ports.clock import Clock


@final
class SystemClock(Clock):
    """Wall-clock time that a backward step of the machine's clock cannot turn back.

    So nothing that has expired for this process comes to life again in it.
    """

    def __init__(self) -> None:
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        self._latest = max(self._latest, datetime.now(UTC))
        return self._latest
