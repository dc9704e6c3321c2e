"""The machine's clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import final

from application.ports.clock import Clock


@final
class SystemClock(Clock):
    """The machine's wall clock, wherever somebody sets it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()))
