"""Work in the background while the service runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog

from application.errors import (
    ApplicationError,
    CheckpointUntoldError,
    ClientRejectedByProviderError,
    UnavailableError,
)
from application.ports.client_check import ClientCheck
from entrypoints.metrics.measurements import SUCCESS, Measurements

_log = structlog.stdlib.get_logger("vetassist.background")

#: A process that is restarted at once asks the provider nothing.
_BEFORE_CHECK: Final = timedelta(seconds=2)
_CREDENTIALS: Final = "VETASSIST_VA_CLIENT_ID and VETASSIST_VA_CLIENT_SECRET"


@asynccontextmanager
async def repeating(
    name: str,
    work: Callable[[], Awaitable[object]],
    interval: timedelta,
    measurements: Measurements | None = None,
    *,
    at_once: bool = False,
) -> AsyncIterator[None]:
    """Run ``work`` every ``interval`` while the context is open. Zero means never.

    Args:
        name: What the log and the metrics call it.
        work: What to run.
        interval: How long to wait before each run.
        measurements: Counts the runs.
        at_once: Whether the first run comes without a wait.
    """
    if not interval:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        counted = measurements or Measurements()
        task = tasks.create_task(_repeat(name, work, interval, counted, at_once=at_once))
        yield
        task.cancel()


@asynccontextmanager
async def client_checked(
    check: ClientCheck, *, is_on: bool = True, delay: timedelta = _BEFORE_CHECK
) -> AsyncIterator[None]:
    """Check once whether the provider accepts our client credentials, and log the answer.

    A refusal doesn't end the service: sessions go on, and a refusal can be the provider's mistake.

    Args:
        check: Asks the provider.
        is_on: False: it isn't asked.
        delay: How long to wait before it is asked.
    """
    if not is_on:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_check_client(check, delay))
        yield
        task.cancel()


async def _check_client(check: ClientCheck, delay: timedelta) -> None:
    await asyncio.sleep(delay.total_seconds())
    try:
        await check.check()
    except ClientRejectedByProviderError as error:
        _log.error("va_client_refused", reason=error.reason, settings=_CREDENTIALS)
    except ApplicationError as error:
        _log.warning("va_client_unchecked", reason=str(error) or error.code)
    except Exception as error:  # noqa: BLE001 - a failed check must not end the service
        _log.error("va_client_unchecked", error=type(error).__name__)
    else:
        _log.info("va_client_accepted")


async def _repeat(
    name: str,
    work: Callable[[], Awaitable[object]],
    interval: timedelta,
    measurements: Measurements,
    *,
    at_once: bool,
) -> None:
    wait = 0.0 if at_once else interval.total_seconds()
    while True:
        await asyncio.sleep(wait)
        wait = interval.total_seconds()
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
