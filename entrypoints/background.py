"""Work that repeats in the background while the service runs."""

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
    """Run ``work`` every ``interval`` while the context is open. Zero means never."""
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
            # The database is unreachable. The next run does what this one could not.
            measurements.count_run(name, "postponed")
            _log.warning("postponed", work=name)
        except CheckpointUntoldError as error:
            # The events are sealed, but the operator must fix the place for checkpoints.
            measurements.count_run(name, "failed")
            _log.error("failed", work=name, error=type(error).__name__, cause=str(error))
        except Exception as error:  # noqa: BLE001 - a failed run must not end the service
            measurements.count_run(name, "failed")
            _log.error("failed", work=name, error=type(error).__name__)
        else:
            measurements.count_run(name, SUCCESS, done)
            _log.debug("done", work=name, outcome=str(done))
