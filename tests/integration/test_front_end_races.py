"""A front end is disabled while somebody signs in from it, on a real PostgreSQL."""

import asyncio
from dataclasses import replace

import psycopg
import pytest
from pytest_mock import MockerFixture

from adapters.postgres.pool import Pool
from application.sign_in_errors import FrontEndGoneError
from application.use_cases.sign_in.link_va_identity import LinkVAIdentity
from tests.support.audited_acts.front_ends import disable, registered
from tests.support.builders import NOW
from tests.support.databases import until_waiting
from tests.support.service import Service, a_service
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres


@pytest.fixture
def services(own_pool: Pool) -> list[Service]:
    """Two replicas: nothing in common but the database."""
    return [a_service(postgres_storage(own_pool)) for _ in range(2)]


async def waiting(url: str) -> None:
    """Until one process waits for another's lock."""

    def wait() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            until_waiting(connection, 1)

    await asyncio.to_thread(wait)


async def test_a_session_that_is_being_opened_is_opened_before_the_front_end_is_disabled(
    services: list[Service], own_database: str, mocker: MockerFixture
) -> None:
    service, operator = services
    front_end = await registered(operator)
    begun = await service.begin(front_end=front_end.id)
    disabling: list[asyncio.Task[bool]] = []
    join = LinkVAIdentity.join

    async def join_late(self: LinkVAIdentity, *arguments: object) -> object:
        disabling.append(asyncio.create_task(disable(operator, front_end.id)))
        await waiting(own_database)
        return await join(self, *arguments)  # type: ignore[arg-type]

    mocker.patch.object(LinkVAIdentity, "join", join_late)
    completed = await service.complete(begun.callback())

    assert completed.grant.session.front_end == front_end.id
    assert await disabling[0]


async def test_no_session_is_opened_after_the_front_end_was_disabled(
    services: list[Service], own_database: str
) -> None:
    service, operator = services
    front_end = await registered(operator)
    begun = await service.begin(front_end=front_end.id)
    async with operator.storage.unit_of_work() as work:
        locked = await work.front_ends.lock(front_end.id)
        assert locked is not None
        await work.front_ends.save(replace(locked, disabled_at=NOW))
        # It was enabled when the callback came.
        callback = asyncio.create_task(service.come_back(begun.callback()))
        await waiting(own_database)
        await work.commit()

    with pytest.raises(FrontEndGoneError):
        await callback
    with psycopg.connect(own_database) as connection:
        assert connection.execute("SELECT FROM vetassist_sessions").fetchall() == []
