"""Bounds the number of calls of one kind that are in progress at the provider."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import final

import anyio

from application.errors import ProviderBusyError


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadLimits:
    """The limits of a bulkhead.

    Attributes:
        in_progress: How many callers may be in progress at once.
        waiting: How many more may wait until one of those ends.
        patience: How long each of them waits before it is refused.
        retry_after: When refused callers are told to try again.
    """

    in_progress: int
    waiting: int
    patience: timedelta = timedelta(seconds=2)
    retry_after: timedelta = timedelta(seconds=5)


@final
class Bulkhead:
    """Admits a bounded number of callers in the order they come, and refuses the rest."""

    def __init__(
        self, limits: BulkheadLimits, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._free = anyio.Semaphore(limits.in_progress)
        self._waiting = 0
        self._refused_at: float | None = None

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Admits the caller until the block ends.

        Raises:
            ProviderBusyError: Too many callers are in progress and waiting, or none ended in time.
        """
        await self._enter()
        try:
            yield
        finally:
            self._free.release()

    def check_refusals(self) -> None:
        """Refuses the caller if another one was refused recently.

        Raises:
            ProviderBusyError: The last refusal is more recent than ``retry_after``.
        """
        if self._refused_at is None:
            return
        since = self._monotonic() - self._refused_at
        if since < self._limits.retry_after.total_seconds():
            raise ProviderBusyError(retry_after=self._limits.retry_after)

    async def _enter(self) -> None:
        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait()

    async def _wait(self) -> None:
        if self._waiting >= self._limits.waiting:
            raise self._refusal()
        self._waiting += 1
        try:
            with anyio.fail_after(self._limits.patience.total_seconds()):
                await self._free.acquire()
        except TimeoutError as error:
            raise self._refusal() from error
        finally:
            self._waiting -= 1

    def _refusal(self) -> ProviderBusyError:
        self._refused_at = self._monotonic()
        return ProviderBusyError(retry_after=self._limits.retry_after)
