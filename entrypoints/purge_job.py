"""The purge, run again and again beside the service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import structlog

from application.errors import UnavailableError
from application.use_cases.purge_expired import PurgeExpired

_log = structlog.stdlib.get_logger("vetassist.purge")


@asynccontextmanager
async def purging(purge_expired: PurgeExpired, interval: timedelta) -> AsyncIterator[None]:
    """Purge every ``interval`` from here to there; an interval of zero never does."""
    if not interval:
        yield
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_purge_forever, purge_expired, interval)
        yield
        tasks.cancel_scope.cancel()


async def _purge_forever(purge_expired: PurgeExpired, interval: timedelta) -> None:
    while True:
        await anyio.sleep(interval.total_seconds())
        try:
            purged = await purge_expired.execute()
        except UnavailableError:
            # The database is away; what is left will be there the next time.
            _log.warning("purge_postponed")
        except Exception as error:  # noqa: BLE001 - a purge that cannot be is no end of the service
            _log.error("purge_failed", error=type(error).__name__)
        else:
            _log.info("purged", sessions=purged.sessions, sign_ins=purged.sign_ins)
