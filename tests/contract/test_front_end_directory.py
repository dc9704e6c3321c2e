"""What every FrontEndDirectory promises, run against each adapter."""

from datetime import timedelta

from application.ports.front_end_directory import FrontEndDirectory
from application.ports.unit_of_work import UnitOfWorkFactory
from tests.support.builders import NOW, a_front_end


async def test_front_ends_are_seen_once_they_are_committed_and_not_before(
    unit_of_work: UnitOfWorkFactory, front_end_directory: FrontEndDirectory
) -> None:
    newer = a_front_end(created_at=NOW + timedelta(hours=1))
    older = a_front_end(disabled_at=NOW)
    async with unit_of_work() as work:
        await work.front_ends.add(newer)
        await work.front_ends.add(older)

        assert newer not in await front_end_directory.list_all()
        assert await front_end_directory.find(newer.id) is None
        await work.commit()

    listed = await front_end_directory.list_all()
    assert [each for each in listed if each in {older, newer}] == [older, newer]
    assert await front_end_directory.find(older.id) == older
    assert await front_end_directory.find(a_front_end().id) is None
