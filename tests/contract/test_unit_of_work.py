"""What every UnitOfWork promises, run against each adapter."""

from dataclasses import dataclass, field
from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest

from application.errors import ConflictError
from application.ports.unit_of_work import UnitOfWork
from domain.audit_event import AuditEvent
from domain.identifiers import ICN, UserId
from domain.session import Session
from domain.va_identity import VAIdentity
from tests.support.builders import (
    NOW,
    a_session,
    a_user_id,
    a_visitor,
    an_account,
    an_icn,
    an_identity,
    some_sealed_tokens,
)
from tests.support.storage import Storage, link, revoke_all

LATER = NOW + timedelta(hours=1)
EVERYTHING = [True] * 5
NOTHING = [False] * 5


class DeliberateError(Exception):
    """Something goes wrong in the middle of a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One row for each table."""

    icn: ICN = field(default_factory=an_icn)
    user_id: UserId = field(default_factory=a_user_id)

    @property
    def identity(self) -> VAIdentity:
        return an_identity(self.icn, subject=f"account of {self.user_id}")

    async def write(self, work: UnitOfWork) -> Session:
        await work.users.link(self.identity, self.icn, new_id=self.user_id, now=NOW)
        await work.va_tokens.save(some_sealed_tokens(self.user_id), account=an_account(), now=NOW)
        session = a_session(self.user_id)
        await work.sessions.add(session)
        await work.audit.append(AuditEvent.login(session, visitor=a_visitor(), now=NOW))
        return session

    async def what_stands(self, storage: Storage) -> list[bool]:
        """Whether user, alias, session, tokens and audit stand, as a later unit finds them."""
        async with storage.unit_of_work() as work:
            return [
                await storage.user_directory.find(self.user_id) is not None,
                await work.users.link_alias(self.identity, now=LATER) is not None,
                bool(await revoke_all(work, self.user_id)),
                await work.va_tokens.find(self.user_id) is not None,
                bool(await work.audit.list_for(self.user_id)),
            ]


async def test_what_is_committed_stands(storage: Storage) -> None:
    rows = Rows()
    async with storage.unit_of_work() as work:
        await rows.write(work)
        await work.commit()

    assert await rows.what_stands(storage) == EVERYTHING


async def test_what_is_committed_stands_even_if_the_rest_of_the_unit_fails(
    storage: Storage,
) -> None:
    rows = Rows()

    async def fail_late() -> None:
        async with storage.unit_of_work() as work:
            await rows.write(work)
            await work.commit()
            raise DeliberateError

    with pytest.raises(DeliberateError):
        await fail_late()
    assert await rows.what_stands(storage) == EVERYTHING


async def test_what_is_not_committed_is_discarded(storage: Storage) -> None:
    rows = Rows()
    async with storage.unit_of_work() as work:
        await rows.write(work)

    assert await rows.what_stands(storage) == NOTHING


async def test_an_error_on_the_way_leaves_nothing_behind(storage: Storage) -> None:
    rows = Rows()

    async def fail() -> None:
        async with storage.unit_of_work() as work:
            await rows.write(work)
            raise DeliberateError

    with pytest.raises(DeliberateError):
        await fail()
    assert await rows.what_stands(storage) == NOTHING


async def test_a_contradiction_leaves_nothing_behind(storage: Storage) -> None:
    rows = Rows()

    async def contradict() -> None:
        async with storage.unit_of_work() as work:
            session = await rows.write(work)
            await work.sessions.add(session)
            await work.commit()

    with pytest.raises(ConflictError):
        await contradict()
    assert await rows.what_stands(storage) == NOTHING


async def test_a_unit_that_is_cancelled_leaves_nothing_behind(storage: Storage) -> None:
    rows = Rows()
    with anyio.CancelScope() as scope:
        async with storage.unit_of_work() as work:
            await rows.write(work)
            scope.cancel()
            await anyio.lowlevel.checkpoint()

    assert scope.cancelled_caught
    assert await rows.what_stands(storage) == NOTHING


async def test_units_that_follow_each_other_see_what_was_committed(storage: Storage) -> None:
    identity = an_identity()
    async with storage.unit_of_work() as work:
        first = await link(work, identity)
        await work.commit()
    async with storage.unit_of_work() as work:
        second = await link(work, an_identity(identity.icn))
        await work.commit()

    assert second.user.id == first.user.id


async def test_units_side_by_side_lose_none_of_each_others_changes(storage: Storage) -> None:
    kept, dropped = [[Rows() for _ in range(4)] for _ in range(2)]

    async def write(rows: Rows) -> None:
        async with storage.unit_of_work() as work:
            await rows.write(work)
            if rows in kept:
                await work.commit()

    async with anyio.create_task_group() as tasks:
        for rows in [*kept, *dropped]:
            tasks.start_soon(write, rows)

    assert [await rows.what_stands(storage) for rows in kept] == [EVERYTHING] * 4
    assert [await rows.what_stands(storage) for rows in dropped] == [NOTHING] * 4
