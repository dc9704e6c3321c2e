"""The machine's clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import final

from application.ports.clock import Clock


@final
class SystemClock(Clock):
    """The machine's wall clock. It jumps when the machine's time is set."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()))
