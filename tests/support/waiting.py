"""Showing that one thing waits for another, without trusting to luck."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio
from anyio.abc import TaskGroup

#: How long what must not happen is given to happen. A faulty product needs a hundredth of it.
_CHANCE_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Onlookers:
    """Those who are made to wait."""

    tasks: TaskGroup

    async def must_wait(self, what: Callable[[], Awaitable[object]]) -> None:
        """Start ``what``, which must not get to its end as long as things are as they are."""
        ended = anyio.Event()

        async def run() -> None:
            await what()
            ended.set()

        self.tasks.start_soon(run)
        with anyio.move_on_after(_CHANCE_SECONDS):
            await ended.wait()
        assert not ended.is_set(), "it did not wait"


@asynccontextmanager
async def onlookers() -> AsyncIterator[Onlookers]:
    """Leaving waits for everybody who was made to wait; that must not take for ever."""
    with anyio.fail_after(_PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks:
            yield Onlookers(tasks)
