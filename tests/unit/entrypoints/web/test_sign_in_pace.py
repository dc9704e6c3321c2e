"""When a crowd's sign-ins begin."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise

import pytest

from application.errors import UnavailableError
from entrypoints.web.sign_in_pace import CrowdLimits, SignInPace
from tests.support.event_loop import pass_time
from tests.support.product import until

PATIENCE = timedelta(seconds=10)
ROOM_FOR_ONE = CrowdLimits(in_progress=1, waiting=2, patience=PATIENCE)


class Crowd:
    """People who sign in, each by number, and stay until they are let go."""

    def __init__(self, limits: CrowdLimits | None = None) -> None:
        self.pace = SignInPace(limits)
        self.begun: list[int] = []
        self._ends = asyncio.Event()

    def comes(self, *numbers: int) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._sign_in(number)) for number in numbers]

    def end(self) -> None:
        self._ends.set()

    async def _sign_in(self, number: int) -> None:
        async with self.pace.begun():
            self.begun.append(number)
            await self._ends.wait()


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_comes_alone_does_not_wait() -> None:
    crowd = Crowd()
    (only,) = crowd.comes(1)
    await turns(1)
    assert crowd.begun == [1]
    crowd.end()
    await only


async def test_a_crowd_begins_in_its_order_with_turns_for_others_in_between() -> None:
    crowd = Crowd()
    everybody = crowd.comes(*range(20))
    begun = [0]
    while begun[-1] < 20:
        await turns(1)
        begun.append(len(crowd.begun))
    crowd.end()
    await asyncio.gather(*everybody)

    assert crowd.begun == list(range(20))
    assert all(after - before <= 1 for before, after in pairwise(begun))


async def test_who_finds_no_room_begins_when_somebody_ends() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    everybody = crowd.comes(1, 2, 3)
    await turns()
    assert crowd.begun == [1]
    crowd.end()
    await asyncio.gather(*everybody)
    assert crowd.begun == [1, 2, 3]


async def test_who_finds_the_line_full_is_refused_at_once() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    *others, last = crowd.comes(1, 2, 3, 4)
    with pytest.raises(UnavailableError):
        await last
    crowd.end()
    await asyncio.gather(*others)


async def test_who_has_waited_too_long_is_refused_and_the_others_go_on() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    first, second = crowd.comes(1, 2)
    await turns()
    pass_time(PATIENCE)
    with pytest.raises(UnavailableError):
        await second
    (third,) = crowd.comes(3)
    crowd.end()
    await asyncio.gather(first, third)
    assert crowd.begun == [1, 3]


@pytest.mark.parametrize("is_admitted", [False, True])
async def test_who_leaves_the_line_takes_no_room(is_admitted: bool) -> None:  # noqa: FBT001 - a parameter
    crowd = Crowd(ROOM_FOR_ONE)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(crowd.pace.begun())
        (second,) = crowd.comes(2)
        await turns()
        if is_admitted:
            # Its turn comes, and it is cancelled before it notices.
            await stack.aclose()
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
    (third,) = crowd.comes(3)
    await until(lambda: crowd.begun == [3])
    crowd.end()
    await third
