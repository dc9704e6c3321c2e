"""What every Clock promises, run against each adapter."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from pytest_mock import MockerFixture

from adapters.memory.clock import MemoryClock
from adapters.system import clock as system_clock
from adapters.system.clock import SystemClock
from application.ports.clock import Clock
from tests.support.builders import NOW

#: A clock and what sets the machine behind it to an instant.
World = tuple[Clock, Callable[[datetime], None]]


@pytest.fixture(params=["memory", "system"])
def world(request: pytest.FixtureRequest, mocker: MockerFixture) -> World:
    if request.param == "memory":
        memory = MemoryClock(NOW)
        return memory, memory.set

    machine = NOW

    def turn(to: datetime) -> None:
        nonlocal machine
        machine = to

    def now(zone: tzinfo) -> datetime:
        return machine.astimezone(zone)

    mocker.patch.object(system_clock, "datetime", mocker.Mock(now=now))
    return SystemClock(), turn


def a_memory_clock() -> Clock:
    return MemoryClock(datetime.now(UTC).astimezone())


@pytest.mark.parametrize("make", [a_memory_clock, SystemClock])
def test_it_tells_the_time_in_utc(make: Callable[[], Clock]) -> None:
    clock = make()
    assert clock.now().tzinfo is UTC
    assert datetime.now(UTC) - clock.now() < timedelta(minutes=5)


def test_it_goes_forwards_with_the_machine(world: World) -> None:
    clock, turn = world
    told = []
    for minutes in range(3):
        turn(NOW + timedelta(minutes=minutes))
        told.append(clock.now())

    assert told == [NOW, NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)]


@pytest.mark.case(101)
def test_a_jump_that_is_put_right_leaves_nothing_behind(world: World) -> None:
    clock, turn = world
    turn(NOW + timedelta(hours=2))
    assert clock.now() == NOW + timedelta(hours=2)

    turn(NOW)
    assert clock.now() == NOW
