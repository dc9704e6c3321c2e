"""What every FrontEnds promises, run against each adapter."""

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from application.errors import ConflictError
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.front_end import FrontEnd, SessionDelivery
from tests.support.builders import NOW, a_front_end


async def store(unit_of_work: UnitOfWorkFactory, *front_ends: FrontEnd) -> None:
    async with unit_of_work() as work:
        for front_end in front_ends:
            await work.front_ends.add(front_end)
        await work.commit()


async def save(unit_of_work: UnitOfWorkFactory, front_end: FrontEnd) -> None:
    async with unit_of_work() as work:
        await work.front_ends.save(front_end)
        await work.commit()


@pytest.mark.parametrize(
    "front_end",
    [
        a_front_end(),
        a_front_end(idle=timedelta(minutes=5), absolute=timedelta(hours=1)),
        a_front_end(name="Zoë's [b]ot", delivery=SessionDelivery.CODE, disabled_at=NOW),
    ],
    ids=["usual", "limits", "disabled"],
)
async def test_a_front_end_comes_back_as_it_was_stored(
    unit_of_work: UnitOfWorkFactory, front_end: FrontEnd
) -> None:
    await store(unit_of_work, front_end)

    async with unit_of_work() as work:
        assert await work.front_ends.find(front_end.id) == front_end
        assert await work.front_ends.hold(front_end.id) == front_end
        assert await work.front_ends.lock(front_end.id) == front_end


async def test_nothing_is_found_that_is_not_there(unit_of_work: UnitOfWorkFactory) -> None:
    stranger = a_front_end().id
    async with unit_of_work() as work:
        assert await work.front_ends.find(stranger) is None
        assert await work.front_ends.hold(stranger) is None
        assert await work.front_ends.lock(stranger) is None


async def test_an_enabled_front_end_has_its_origin_for_itself(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    first, second = a_front_end(), a_front_end()
    await store(unit_of_work, first, second)

    with pytest.raises(ConflictError):
        await store(unit_of_work, a_front_end(url=f"{first.origin}/elsewhere"))
    with pytest.raises(ConflictError):
        await save(unit_of_work, replace(second, url=first.url))

    await save(unit_of_work, first.disabled(NOW))
    await store(unit_of_work, a_front_end(url=first.url))


async def test_a_changed_front_end_is_stored_whole(unit_of_work: UnitOfWorkFactory) -> None:
    front_end, other = a_front_end(), a_front_end()
    await store(unit_of_work, front_end, other)
    changed = replace(
        front_end,
        name="Second site",
        url=f"{front_end.url}/second",
        delivery=SessionDelivery.FRAGMENT,
        idle=timedelta(minutes=7),
        absolute=timedelta(minutes=70),
    )

    await save(unit_of_work, changed)

    async with unit_of_work() as work:
        assert await work.front_ends.find(front_end.id) == changed
        assert await work.front_ends.find(other.id) == other


async def test_all_are_listed_oldest_first(unit_of_work: UnitOfWorkFactory) -> None:
    newer = a_front_end(created_at=NOW + timedelta(hours=1))
    older = a_front_end(disabled_at=NOW)
    await store(unit_of_work, newer, older)

    async with unit_of_work() as work:
        listed = await work.front_ends.list_all()
    assert [each for each in listed if each in {older, newer}] == [older, newer]


async def test_whoever_changes_a_front_end_waits_for_those_who_hold_it(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    front_end = a_front_end()
    await store(unit_of_work, front_end)
    is_held, steps = anyio.Event(), []

    async def hold() -> None:
        async with unit_of_work() as work:
            await work.front_ends.hold(front_end.id)
            is_held.set()
            await anyio.lowlevel.checkpoint()
            steps.append("held")
            await work.commit()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
        await is_held.wait()
        async with unit_of_work() as work:
            await work.front_ends.lock(front_end.id)
            steps.append("locked")

    assert steps == ["held", "locked"]
