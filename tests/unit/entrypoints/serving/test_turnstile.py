"""When a crowd's requests begin."""

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from datetime import timedelta
from itertools import pairwise

import pytest

from entrypoints.serving.turnstile import CrowdLimits, Turnstile
from tests.support.event_loop import pass_time
from tests.support.product import until

SOMEBODY: ContextVar[int] = ContextVar("somebody")
PATIENCE = timedelta(seconds=10)
ROOM_FOR_ONE = CrowdLimits(in_progress=1, waiting=2, patience=PATIENCE)


class Crowd:
    """People who come to a turnstile."""

    def __init__(self, limits: CrowdLimits | None = None) -> None:
        self.turnstile = Turnstile(["/sign-in"], limits)
        self.begun: list[int] = []
        self.turned_away: list[int] = []
        self.contexts: list[Context] = []

    def comes(self, *numbers: int) -> list["Person"]:
        people = [Person(number, self) for number in numbers]
        for person in people:
            self.turnstile.arrive(person)
        return people


class Person:
    """One of the crowd, with the number that the crowd knows it by."""

    def __init__(self, number: int, crowd: Crowd) -> None:
        self._number = number
        self._crowd = crowd

    def enter(self) -> None:
        self._crowd.contexts.append(copy_context())
        self._crowd.begun.append(self._number)

    def turn_away(self) -> None:
        self._crowd.contexts.append(copy_context())
        self._crowd.turned_away.append(self._number)


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("data", "concerns"),
    [
        (b"GET /sign-in HTTP/1.1\r\n", True),
        (b"GET /sign-in?return_to=%2F HTTP/1.1\r\n", True),
        (b"GET /verify HTTP/1.1\r\n", False),
        (b"POST /sign-in HTTP/1.1\r\n", False),
        (b"GET /sig", False),
    ],
)
def test_only_requests_for_the_paths_of_crowds_may_have_to_wait(
    data: bytes, *, concerns: bool
) -> None:
    assert Turnstile(["/sign-in", "/back"]).concerns(data) is concerns
    assert not Turnstile().concerns(data)


async def test_who_comes_alone_does_not_wait() -> None:
    crowd = Crowd()
    crowd.comes(1)
    assert crowd.begun == [1]
    await turns()
    crowd.comes(2)
    assert crowd.begun == [1, 2]


async def test_a_crowd_begins_in_its_order_with_turns_for_others_in_between() -> None:
    crowd = Crowd()
    crowd.comes(*range(20))
    begun = [len(crowd.begun)]

    def has_all_begun() -> bool:
        begun.append(len(crowd.begun))
        return begun[-1] == 20

    await until(has_all_begun)

    assert crowd.begun == list(range(20))
    assert all(after - before <= 1 for before, after in pairwise([0, *begun]))


async def test_who_finds_no_room_begins_when_somebody_has_ended() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    crowd.comes(1, 2, 3)
    for begun in ([1], [1, 2], [1, 2, 3]):
        await turns()
        assert crowd.begun == begun
        crowd.turnstile.left()
    assert crowd.turned_away == []


async def test_who_finds_the_line_full_is_turned_away() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    crowd.comes(1, 2, 3, 4)
    await turns()

    assert (crowd.begun, crowd.turned_away) == ([1], [4])


async def test_who_has_waited_too_long_is_turned_away_and_the_others_go_on() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    crowd.comes(1, 2)
    pass_time(PATIENCE / 2)
    crowd.comes(3)
    await turns()
    assert crowd.turned_away == []
    pass_time(PATIENCE / 2)
    await turns()
    assert crowd.turned_away == [2]
    crowd.turnstile.left()
    await turns()

    assert crowd.begun == [1, 3]
    pass_time(PATIENCE)
    await turns()
    assert crowd.turned_away == [2]


async def test_everybody_has_the_same_patience() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    crowd.comes(1, 2)
    pass_time(PATIENCE / 2)
    crowd.comes(3)
    for turned_away in ([2], [2, 3]):
        pass_time(PATIENCE / 2)
        await turns()
        assert crowd.turned_away == turned_away


async def test_many_are_turned_away_with_turns_for_others_in_between() -> None:
    crowd = Crowd(CrowdLimits(in_progress=1, waiting=20, patience=PATIENCE))
    crowd.comes(*range(31))
    pass_time(PATIENCE)
    gone = [len(crowd.turned_away)]

    def are_all_gone() -> bool:
        gone.append(len(crowd.turned_away))
        return gone[-1] == 30

    await until(are_all_gone)

    assert crowd.turned_away == [*range(21, 31), *range(1, 21)]
    assert all(after - before <= 2 for before, after in pairwise([0, *gone]))


async def test_who_gives_up_neither_begins_nor_is_turned_away() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    _, second, third, fourth = crowd.comes(1, 2, 3, 4)
    for person in (second, fourth):
        crowd.turnstile.give_up(person)
    crowd.turnstile.left()
    await turns()
    assert (crowd.begun, crowd.turned_away) == ([1, 3], [])
    # It has begun: there is nothing to give up.
    crowd.turnstile.give_up(third)


async def test_nobody_begins_in_the_context_of_somebody_else() -> None:
    crowd = Crowd(ROOM_FOR_ONE)

    def somebody_else(act: Callable[[], object]) -> None:
        SOMEBODY.set(1)
        act()

    copy_context().run(somebody_else, lambda: crowd.comes(1, 2, 3, 4))
    for begun in ([1, 2], [1, 2, 3]):
        copy_context().run(somebody_else, crowd.turnstile.left)
        await turns()
        assert crowd.begun == begun

    assert crowd.turned_away == [4]
    assert [each.get(SOMEBODY) for each in crowd.contexts] == [None] * 4


async def test_nobody_waits_once_all_have_begun_or_were_turned_away() -> None:
    crowd = Crowd(ROOM_FOR_ONE)
    await crowd.turnstile.nobody_waits()
    crowd.comes(1, 2, 3)
    ended = asyncio.create_task(crowd.turnstile.nobody_waits())
    crowd.turnstile.left()
    await turns()
    assert crowd.begun == [1, 2]
    assert not ended.done()
    pass_time(PATIENCE)
    await ended

    assert crowd.turned_away == [3]
