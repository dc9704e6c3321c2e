"""The primary's clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import final

from adapters.postgres.primary_watch import PrimaryWatch
from application.ports.clock import Clock


@final
class PostgresClock(Clock):
    """PostgreSQL's clock when it was last read, plus the time since then.

    So all processes share one clock, and a jump of this machine's clock has no effect. Before the
    first reading, it is the machine's clock.
    """

    def __init__(self, watch: PrimaryWatch) -> None:
        self._watch = watch

    def now(self) -> datetime:
        return self._watch.now() or datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()))
