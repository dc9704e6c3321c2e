"""Whatever happens is told by the trail; and what the trail cannot tell does not happen."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.memory.store import MemoryStore
from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Pool, build_pool, opened
from application.errors import UnavailableError
from application.sign_in_errors import SignInFailedError
from domain.audit_event import AuditEvent, AuditEventType
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor
from tests.support.audited_acts import (
    ACTS,
    OF_NO_USER,
    TELLS_NOTHING,
    TOLD_BY_COMMANDS,
    WITHOUT_A_VISITOR,
    Act,
    Scene,
)
from tests.support.builders import NOW
from tests.support.databases import (
    APPLICATION_ROLE,
    as_application,
    change,
    new_database,
)
from tests.support.dump import rows_seen_by
from tests.support.service import Service, a_service
from tests.support.storage import memory_storage, postgres_storage

USE_CASES: Final = sorted(
    path.stem
    for path in (Path(__file__).parents[2] / "application" / "use_cases").rglob("*.py")
    if path.stem[0] != "_"
)
#: What a migrated database holds before anybody has come.
_FROM_THE_START: Final = {"vetassist_schema_migrations", "vetassist_application_roles"}
_REFUSE: Final = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the trail takes nothing' USING ERRCODE = '53100';
END $$
"""
_BREAK: Final = """
CREATE TRIGGER refuse BEFORE INSERT ON vetassist_auth_audit
FOR EACH ROW EXECUTE FUNCTION refuse()
"""
_MEND: Final = "DROP TRIGGER IF EXISTS refuse ON vetassist_auth_audit"
_TRAIL: Final = "SELECT * FROM vetassist_auth_audit ORDER BY row_number"

#: Events by the number of their row, oldest first.
Trail = dict[int, AuditEvent]
#: A connection of the owner.
Owner = psycopg.Connection[Any]

every_act = pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))


@pytest.fixture(scope="module")
def database_of_acts(database_url: str) -> Iterator[str]:
    """One for all acts, as its owner; each begins with nothing in it."""
    with new_database(database_url) as url:
        migrate(url, application_role=APPLICATION_ROLE)
        change(url, _REFUSE)
        yield url


@pytest.fixture(scope="module")
async def pool_of_acts(database_of_acts: str) -> AsyncIterator[Pool]:
    async with opened(build_pool(as_application(database_of_acts), max_size=4)) as pool:
        await pool.wait()
        yield pool


@pytest.fixture(scope="module")
async def owners_pool(database_of_acts: str) -> AsyncIterator[Pool]:
    async with opened(build_pool(database_of_acts, max_size=2)) as pool:
        yield pool


@pytest.fixture(scope="module")
def owner(database_of_acts: str) -> Iterator[Owner]:
    """The owner of the database, who connects once."""
    with psycopg.connect(database_of_acts, autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty(owner: Owner) -> Owner:
    tables = sorted(set(rows_seen_by(owner)) - _FROM_THE_START)
    # Cheaper than TRUNCATE, which makes new files. Triggers would refuse it.
    with owner.transaction():
        owner.execute("SET LOCAL session_replication_role = replica")
        owner.execute("; ".join(f"DELETE FROM {table}" for table in tables).encode())
    owner.execute("SELECT vetassist_make_audit_partition(%s)", (NOW,))
    return owner


@pytest.fixture
def service(act: Act, empty: Owner, pool_of_acts: Pool, owners_pool: Pool) -> Service:
    assert not empty.closed
    return a_service(postgres_storage(owners_pool if act.by_owner else pool_of_acts))


@pytest.fixture
def broken_trail(empty: Owner) -> Iterator[Callable[[], object]]:
    """Lets the trail take nothing any more, until the test ends."""
    yield lambda: empty.execute(_BREAK)
    empty.execute(_MEND)


def trail_of(owner: Owner) -> Trail:
    with owner.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_TRAIL).fetchall()
    return {
        row["row_number"]: AuditEvent(
            type=AuditEventType(row["event_type"]),
            occurred_at=row["created_at"],
            user_id=row["user_id"],
            visitor=Visitor(
                address_hash=row["ip_hash"],
                user_agent_hash=row["user_agent_hash"],
                key_id=row["hash_key_id"],
                request_id=row["request_id"],
                operator=row["operator"],
            ),
            data=row["event_data"],
        )
        for row in rows
    }


async def assert_told(act: Act, service: Service, trail: Callable[[], Trail]) -> None:
    """It happens, and adds its events to the trail: these, and no other."""
    scene = await act.set_up(service)
    before = trail()
    known = await ending_of(scene)

    told = [event for number, event in trail().items() if number not in before]
    assert tuple(event.type for event in told) == act.tells
    for event in told:
        visitor = Visitor() if event.type in WITHOUT_A_VISITOR else scene.visitor.as_recorded()
        assert event.visitor == visitor
        if event.type in OF_NO_USER:
            assert event.user_id is None
        else:
            assert event.user_id in {known or scene.user_id, scene.other_id or scene.user_id}
    assert told[-1].data.get("reason") == act.reason
    assert {event.occurred_at for event in told} == {service.clock.now()}


async def ending_of(scene: Scene) -> UUID | None:
    """Let it happen; whom it made known, if anybody."""
    if scene.ends_in is not None:
        with pytest.raises(scene.ends_in):
            await scene.happen()
        return None
    made_known = await scene.happen()
    return made_known if isinstance(made_known, UUID) else None


@every_act
async def test_an_act_is_told_in_memory(act: Act) -> None:
    store = MemoryStore()
    await assert_told(
        act, a_service(memory_storage(store)), lambda: dict(enumerate(store.committed.audit))
    )


@pytest.mark.postgres
@every_act
async def test_an_act_is_told_in_postgres(act: Act, service: Service, empty: Owner) -> None:
    await assert_told(act, service, lambda: trail_of(empty))


@pytest.mark.case(91)
@pytest.mark.postgres
@every_act
async def test_what_the_trail_does_not_take_does_not_happen(
    act: Act, service: Service, empty: Owner, broken_trail: Callable[[], object]
) -> None:
    scene = await act.set_up(service)
    before = rows_seen_by(empty, but=act.uses_up)
    broken_trail()

    with pytest.raises((UnavailableError, SignInFailedError)) as failed:
        await scene.happen()
    if isinstance(failed.value, SignInFailedError):
        assert failed.value.failure is SignInFailure.SERVICE_UNAVAILABLE
    assert rows_seen_by(empty, but=act.uses_up) == before


def test_every_use_case_stands_among_the_acts_or_tells_nothing_for_a_reason() -> None:
    acting = {act.use_case for act in ACTS.values()}
    assert not acting & set(TELLS_NOTHING)
    assert sorted(acting | set(TELLS_NOTHING)) == USE_CASES


def test_every_type_of_event_is_told_by_an_act() -> None:
    told = {type_ for act in ACTS.values() for type_ in act.tells}
    assert told == set(AuditEventType) - TOLD_BY_COMMANDS
