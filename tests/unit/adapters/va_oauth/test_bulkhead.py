"""How many calls to the provider may be in progress, and what happens to the rest."""

import asyncio
from datetime import timedelta

import pytest

from adapters.va_oauth.bulkhead import Bulkhead, BulkheadLimits
from application.errors import ProviderBusyError
from tests.support.event_loop import pass_time
from tests.support.product import until

LONG = timedelta(seconds=20)
SECOND = timedelta(seconds=1)
RETRY_AFTER = timedelta(seconds=5)


def a_bulkhead(*, in_progress: int, waiting: int, now: list[float] | None = None) -> Bulkhead:
    limits = BulkheadLimits(
        in_progress=in_progress, waiting=waiting, patience=LONG, retry_after=RETRY_AFTER
    )
    seconds = now or [0.0]
    return Bulkhead(limits, monotonic=lambda: seconds[-1])


class Calls:
    """Calls through a bulkhead that last until they are ended."""

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead
        #: Who was admitted, in order.
        self.admitted: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    def begin(self, name: str) -> asyncio.Task[None]:
        self._ends[name] = asyncio.Event()
        return asyncio.create_task(self._call(name))

    def end(self, name: str) -> None:
        self._ends[name].set()

    async def _call(self, name: str) -> None:
        async with self._bulkhead.admitted():
            self.admitted.append(name)
            await self._ends[name].wait()


async def refused(bulkhead: Bulkhead) -> ProviderBusyError:
    with pytest.raises(ProviderBusyError) as refusal:
        async with bulkhead.admitted():
            pass
    return refusal.value


async def waited_in_vain(bulkhead: Bulkhead) -> ProviderBusyError:
    """How somebody is refused whose patience is over."""
    refusal = asyncio.create_task(refused(bulkhead))
    await until(lambda: bulkhead._waiting == 1)
    pass_time(LONG - SECOND)
    await asyncio.sleep(0)
    assert not refusal.done()
    pass_time(SECOND)
    await until(refusal.done)
    return refusal.result()


async def settled(calls: Calls, count: int) -> None:
    """Wait until so many were admitted; those who wait are in line by then."""
    await until(lambda: len(calls.admitted) == count)
    for _ in range(10):
        await asyncio.sleep(0)


async def test_those_beyond_the_bound_wait_and_go_on_in_order() -> None:
    calls = Calls(a_bulkhead(in_progress=2, waiting=3))
    tasks = [calls.begin(name) for name in "abcde"]
    await settled(calls, 2)
    assert calls.admitted == ["a", "b"]

    calls.end("b")
    await settled(calls, 3)
    calls.end("a")
    await settled(calls, 4)
    assert calls.admitted == ["a", "b", "c", "d"]
    for name in "cde":
        calls.end(name)
    await asyncio.gather(*tasks)
    assert calls.admitted == ["a", "b", "c", "d", "e"]


async def test_whoever_finds_the_line_full_is_refused_at_once() -> None:
    bulkhead = a_bulkhead(in_progress=1, waiting=1)
    calls = Calls(bulkhead)
    tasks = [calls.begin(name) for name in "ab"]
    await settled(calls, 1)

    assert (await refused(bulkhead)).retry_after == RETRY_AFTER
    for name in "ab":
        calls.end(name)
    await asyncio.gather(*tasks)


async def test_whoever_has_waited_long_enough_is_refused() -> None:
    bulkhead = a_bulkhead(in_progress=1, waiting=1)
    calls = Calls(bulkhead)
    task = calls.begin("a")
    await settled(calls, 1)

    refusal = await waited_in_vain(bulkhead)
    assert isinstance(refusal.__cause__, TimeoutError)
    assert refusal.retry_after == RETRY_AFTER
    # Its place in the line is free again.
    assert isinstance((await waited_in_vain(bulkhead)).__cause__, TimeoutError)
    calls.end("a")
    await task


async def test_room_comes_back_however_a_call_ends() -> None:
    bulkhead = a_bulkhead(in_progress=1, waiting=1)
    calls = Calls(bulkhead)
    cancelled = [calls.begin("in progress"), calls.begin("waiting")]
    await settled(calls, 1)
    for task in reversed(cancelled):
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
    with pytest.raises(ZeroDivisionError):
        async with bulkhead.admitted():
            raise ZeroDivisionError

    tasks = [calls.begin(name) for name in "ab"]
    await settled(calls, 2)
    for name in "ab":
        calls.end(name)
    await asyncio.gather(*tasks)
    assert calls.admitted == ["in progress", "a", "b"]


async def test_newcomers_are_refused_for_a_while_after_a_refusal_and_no_longer() -> None:
    now = [100.0]
    bulkhead = a_bulkhead(in_progress=1, waiting=0, now=now)
    bulkhead.check_refusals()
    async with bulkhead.admitted():
        bulkhead.check_refusals()
        await refused(bulkhead)
        with pytest.raises(ProviderBusyError) as refusal:
            bulkhead.check_refusals()

    assert refusal.value.retry_after == RETRY_AFTER
    now.append(104.9)
    with pytest.raises(ProviderBusyError):
        bulkhead.check_refusals()
    now.append(105.0)
    bulkhead.check_refusals()
