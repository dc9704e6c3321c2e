"""The front ends as a process last read them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import anyio
import pytest

from adapters.memory.front_end_directory import MemoryFrontEndDirectory
from adapters.memory.store import MemoryStore
from application.errors import UnavailableError
from application.front_end_roster import RECHECK_INTERVAL, FrontEndRoster
from application.front_end_rules import FrontEndRules
from application.ports.front_end_directory import FrontEndDirectory
from domain.errors import UnknownFrontEndError
from domain.front_end import FrontEnd, FrontEndId
from domain.session_limits import SessionLimits
from tests.support.builders import NOW, a_front_end, the_settings_front_end
from tests.support.frozen_clock import frozen_clock

SETTINGS = the_settings_front_end()
LIMITS = SessionLimits()
PUBLIC_URL = "https://api.example.org"
NOBODYS = FrontEndId(UUID(int=7))


class Directory(FrontEndDirectory):
    """Counts the reads of all, and can be down."""

    def __init__(self, store: MemoryStore) -> None:
        self._inner = MemoryFrontEndDirectory(store)
        self.reads = 0
        self.is_down = False

    async def find(self, front_end_id: FrontEndId) -> FrontEnd | None:
        return await self._inner.find(front_end_id)

    async def list_all(self) -> Sequence[FrontEnd]:
        self.reads += 1
        # As another task could run here.
        await anyio.lowlevel.checkpoint()
        if self.is_down:
            raise UnavailableError
        return await self._inner.list_all()


class Process:
    """A roster over a store that others write to."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = frozen_clock()
        self.directory = Directory(self.store)
        rules = FrontEndRules(settings=SETTINGS, public_url=PUBLIC_URL, limits=LIMITS)
        self.roster = FrontEndRoster(
            settings=SETTINGS,
            rules=rules,
            limits=LIMITS,
            directory=self.directory,
            clock=self.clock,
        )

    def register(self, origin: str | None = None, **changes: Any) -> FrontEnd:
        front_end = a_front_end(origin, **changes)
        self.store.committed.front_ends[front_end.id] = front_end
        return front_end


@pytest.fixture
def process() -> Process:
    return Process()


async def test_the_settings_front_end_is_known_from_the_beginning(process: Process) -> None:
    roster = process.roster
    assert roster.settings is SETTINGS
    assert roster.with_id(SETTINGS.id) is SETTINGS
    assert roster.with_origin(SETTINGS.origin) is SETTINGS
    assert roster.with_origin(PUBLIC_URL) is SETTINGS
    assert await roster.find(SETTINGS.id) is SETTINGS
    assert await roster.known(SETTINGS.id) is SETTINGS
    assert process.directory.reads == 0


async def test_a_registered_one_is_known_once_it_was_read(process: Process) -> None:
    minutes = timedelta(minutes=9)
    first, roster = process.register(idle=minutes), process.roster
    assert roster.with_id(first.id) is None
    assert roster.with_origin(first.origin) is None
    assert roster.limits_of(first.id) == LIMITS
    process.register()

    assert await roster.refresh() == 2
    assert roster.with_id(first.id) == first
    assert roster.with_origin(first.origin) == first
    assert roster.with_origin("https://nobody.example.org") is None
    assert roster.limits_of(first.id) == first.limits(LIMITS)
    assert roster.limits_of(first.id).idle == minutes
    assert roster.limits_of(SETTINGS.id) == roster.limits_of(NOBODYS) == LIMITS


async def test_one_that_nobody_may_sign_in_from_has_a_name_and_nothing_else(
    process: Process,
) -> None:
    disabled = process.register(disabled_at=NOW, name="Old")
    taken = process.register(PUBLIC_URL, name="Taken")
    await process.roster.refresh()

    for front_end in (disabled, taken):
        assert process.roster.with_id(front_end.id) is None
        assert await process.roster.known(front_end.id) is None
        with pytest.raises(UnknownFrontEndError):
            await process.roster.find(front_end.id)
    assert process.roster.with_origin(disabled.origin) is None
    assert process.roster.with_origin(PUBLIC_URL) is SETTINGS
    names = await process.roster.names({disabled.id, taken.id})
    assert names == {disabled.id: "Old", taken.id: "Taken"}
    assert process.directory.reads == 1


async def test_a_sign_in_sees_what_is_stored_now(process: Process) -> None:
    other = process.register()
    await process.roster.refresh()
    front_end = process.register()
    assert await process.roster.find(front_end.id) == front_end
    assert process.roster.with_id(front_end.id) == front_end
    assert process.roster.with_id(other.id) == other

    disabled = front_end.disabled(NOW)
    process.store.committed.front_ends[front_end.id] = disabled
    with pytest.raises(UnknownFrontEndError):
        await process.roster.find(front_end.id)
    assert process.roster.with_id(front_end.id) is None
    assert process.roster.with_origin(other.origin) == other
    # It is in the roster once, and is the newer one.
    assert await process.roster.names([front_end.id]) == {front_end.id: front_end.name}
    with pytest.raises(UnknownFrontEndError):
        await process.roster.find(NOBODYS)
    assert process.directory.reads == 1


async def test_one_that_is_new_is_looked_for_at_most_once_a_second(process: Process) -> None:
    assert await process.roster.known(NOBODYS) is None
    front_end = process.register()
    process.clock.advance(RECHECK_INTERVAL - timedelta(microseconds=1))
    assert await process.roster.known(front_end.id) is None
    assert await process.roster.names([front_end.id]) == {}
    assert process.directory.reads == 1

    process.clock.advance(timedelta(microseconds=1))
    assert await process.roster.names([SETTINGS.id, front_end.id]) == {
        SETTINGS.id: SETTINGS.name,
        front_end.id: front_end.name,
    }
    assert await process.roster.known(front_end.id) == front_end
    assert process.directory.reads == 2


async def test_many_who_ask_at_once_wait_for_one_read(process: Process) -> None:
    front_end, found = process.register(), list[FrontEnd | None]()

    async def ask() -> None:
        found.append(await process.roster.known(front_end.id))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask)
    assert found == [front_end] * 5
    assert process.directory.reads == 1


async def test_what_was_read_before_counts_while_the_store_is_down(process: Process) -> None:
    front_end = process.register()
    await process.roster.refresh()
    process.directory.is_down = True
    await process.roster.recheck()
    assert process.roster.with_id(front_end.id) == front_end
    with pytest.raises(UnavailableError):
        await process.roster.refresh()
    assert process.roster.with_id(front_end.id) == front_end
