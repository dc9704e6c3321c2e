"""Work that goes on beside the service."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from application.errors import CheckpointUntoldError, UnavailableError
from entrypoints.metrics.measurements import SUCCESS, Measurements

_log = structlog.stdlib.get_logger("vetassist.background")


@asynccontextmanager
async def repeating(
    name: str,
    work: Callable[[], Awaitable[object]],
    interval: timedelta,
    measurements: Measurements | None = None,
) -> AsyncIterator[None]:
    """Do ``work`` every ``interval`` from here to there; an interval of zero never does."""
    if not interval:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_repeat(name, work, interval, measurements or Measurements()))
        yield
        task.cancel()


async def _repeat(
    name: str,
    work: Callable[[], Awaitable[object]],
    interval: timedelta,
    measurements: Measurements,
) -> None:
    while True:
        await asyncio.sleep(interval.total_seconds())
        try:
            done = await work()
        except UnavailableError:
            # The database is away; what is left will be there the next time.
            measurements.count_run(name, "postponed")
            _log.warning("postponed", work=name)
        except CheckpointUntoldError as error:
            # Sealing itself went on; somebody has to look after where checkpoints go.
            measurements.count_run(name, "failed")
            _log.error("failed", work=name, error=type(error).__name__, cause=str(error))
        except Exception as error:  # noqa: BLE001 - work that cannot be done is no end of the service
            measurements.count_run(name, "failed")
            _log.error("failed", work=name, error=type(error).__name__)
        else:
            measurements.count_run(name, SUCCESS, done)
            _log.debug("done", work=name, outcome=str(done))
