"""What PostgreSQL may do to us, and what must not come of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

import anyio
import anyio.lowlevel
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.postgres.pool import WAIT_FOR_CONNECTION, Pool, build_pool, opened
from application.errors import UnavailableError
from application.ports.readiness import ReadinessCheck
from application.sign_in_errors import SignInFailedError
from domain.audit_event import AuditEvent, AuditEventType
from domain.sign_in_failure import SignInFailure
from tests.support.builders import NOW, a_session_id, a_user_id, a_visitor, an_identity
from tests.support.databases import change, count_of, end_connections, rows_of
from tests.support.service import Service, a_service
from tests.support.storage import Storage, a_stored_user, postgres_storage

pytestmark = pytest.mark.postgres

TABLES: Final = (
    "vetassist_users",
    "vetassist_va_identities",
    "vetassist_va_tokens",
    "vetassist_sessions",
    "vetassist_auth_audit",
)
_TRIES: Final = 20
#: Every call of a port that goes to the store, by name.
CALLS: Final[dict[str, Callable[[Storage], Awaitable[object]]]] = {}


Call = TypeVar("Call", bound=Callable[[Storage], Awaitable[object]])


def call(function: Call) -> Call:
    CALLS[function.__name__] = function
    return function


@call
async def look_up_session(storage: Storage) -> None:
    await storage.session_lookup.find(a_user_id(), a_session_id())


@call
async def look_up_user(storage: Storage) -> None:
    await storage.user_directory.find(a_user_id())


@call
async def consume_attempt(storage: Storage) -> None:
    await storage.login_attempts.consume(state_hash=b"state", browser_hash=b"browser", now=NOW)


@call
async def check_readiness(storage: Storage) -> None:
    if await storage.readiness.failing():
        raise UnavailableError


@call
async def work(storage: Storage) -> None:
    await a_stored_user(storage.unit_of_work)


@asynccontextmanager
async def impatient_pool(database_url: str, *, options: str = "") -> AsyncIterator[Pool]:
    """One connection, and a caller waits for it no longer than a moment."""
    pool = build_pool(make_conninfo(database_url, options=options), max_size=1)
    pool.wait_seconds = 0.05
    async with opened(pool):
        await pool.wait()
        yield pool


def counts(database_url: str) -> dict[str, int]:
    return {table: count_of(database_url, table) for table in TABLES}


def break_audit(database_url: str, sqlstate: str, *, event_type: str = "login") -> None:
    """Let the trail take no event of that type any more."""
    change(
        database_url,
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the trail takes nothing' USING ERRCODE = '{sqlstate}';
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON vetassist_auth_audit
        FOR EACH ROW WHEN (NEW.event_type = '{event_type}') EXECUTE FUNCTION refuse();
        """,
    )


@pytest.mark.case(91)
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_sign_in_whose_audit_fails_leaves_nothing(
    own_database: str,
    own_pool: Pool,
    is_known: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    service = a_service(postgres_storage(own_pool))
    identity = an_identity()
    if is_known:
        await service.sign_in(identity)
    users = rows_of(own_database, "SELECT * FROM vetassist_users")
    tokens = rows_of(own_database, "SELECT * FROM vetassist_va_tokens")
    begun = await service.begin(identity)
    before = counts(own_database)
    disk_full = "53100"
    break_audit(own_database, disk_full)

    with pytest.raises(SignInFailedError) as failed:
        await service.complete(begun.callback())
    assert failed.value.failure is SignInFailure.SERVICE_UNAVAILABLE
    # The failure itself can be told, as it is the login alone that the trail does not take.
    assert counts(own_database) == before | {
        "vetassist_auth_audit": before["vetassist_auth_audit"] + 1
    }
    assert rows_of(own_database, "SELECT * FROM vetassist_users") == users
    assert rows_of(own_database, "SELECT * FROM vetassist_va_tokens") == tokens


@pytest.mark.case(91)
async def test_a_sign_in_whose_start_cannot_be_audited_does_not_start(
    own_database: str, own_pool: Pool
) -> None:
    service = a_service(postgres_storage(own_pool))
    break_audit(own_database, "53100", event_type="login_started")

    with pytest.raises(UnavailableError):
        await service.start()
    assert count_of(own_database, "vetassist_login_attempts") == 0


@pytest.mark.case(91)
async def test_a_fault_in_the_audit_that_nobody_foresaw_leaves_nothing_either(
    own_database: str, own_pool: Pool
) -> None:
    service = a_service(postgres_storage(own_pool))
    begun = await service.begin()
    before = counts(own_database)
    break_audit(own_database, "P0001")

    with pytest.raises(psycopg.Error):
        await service.complete(begun.callback())
    assert counts(own_database) == before
    change(own_database, "DROP TRIGGER refuse ON vetassist_auth_audit")
    # The connection went back in good order.
    await assert_signs_in(service)


async def assert_signs_in(service: Service) -> None:
    grant = (await service.sign_in()).grant
    valid = await service.validate(grant.token)
    assert valid.session.session_id == grant.session.id


@pytest.mark.case(89)
@pytest.mark.parametrize("name", CALLS)
async def test_when_no_connection_is_free_callers_hear_so_at_once(
    database_url: str, name: str
) -> None:
    async with impatient_pool(database_url) as pool:
        storage = postgres_storage(pool)
        async with pool.connection():
            with pytest.raises(UnavailableError):
                await CALLS[name](storage)
        pool.wait_seconds = 10
        await CALLS[name](storage)


@pytest.mark.case(89)
def test_waiting_for_a_connection_is_bounded_in_time_and_in_number() -> None:
    pool = build_pool("host=nowhere.invalid", max_size=10)

    assert pool.wait_seconds == WAIT_FOR_CONNECTION.total_seconds()
    assert timedelta(seconds=5) >= WAIT_FOR_CONNECTION
    assert 0 < pool.max_waiting < 1000


@pytest.mark.case(89)
async def test_whoever_comes_when_too_many_wait_is_sent_away(database_url: str) -> None:
    async with impatient_pool(database_url) as pool:
        storage = postgres_storage(pool)
        pool.max_waiting = 1
        pool.wait_seconds = 60
        async with anyio.create_task_group() as tasks, pool.connection():
            tasks.start_soon(look_up_user, storage)
            while not pool.get_stats().get("requests_waiting"):
                await anyio.lowlevel.checkpoint()
            with pytest.raises(UnavailableError):
                await look_up_user(storage)


@pytest.mark.case(90)
@pytest.mark.parametrize("name", CALLS)
async def test_a_statement_that_takes_too_long_is_given_up(own_database: str, name: str) -> None:
    change(own_database, "INSERT INTO vetassist_users (va_icn) VALUES ('1012667145V762142')")
    async with impatient_pool(own_database, options="-c statement_timeout=50ms") as pool:
        storage = postgres_storage(pool)
        async with await psycopg.AsyncConnection.connect(own_database) as other:
            await other.execute(
                "LOCK TABLE vetassist_users, vetassist_sessions, vetassist_login_attempts, "
                "vetassist_schema_migrations IN ACCESS EXCLUSIVE MODE"
            )
            with pytest.raises(UnavailableError):
                await CALLS[name](storage)
        pool.wait_seconds = 10
        await succeeds_in_the_end(partial(CALLS[name], storage))


async def succeeds_in_the_end(call: Callable[[], Awaitable[object]]) -> None:
    """On a busy machine even a small statement may take too long now and then."""
    for _ in range(_TRIES):
        try:
            await call()
        except UnavailableError:
            continue
        return
    raise AssertionError("it should succeed by now")


@pytest.mark.case(90)
async def test_a_lock_that_is_not_to_be_had_in_time_is_given_up(
    own_database: str,
) -> None:
    async with impatient_pool(own_database, options="-c lock_timeout=50ms") as pool:
        storage = postgres_storage(pool)
        user = await a_stored_user(storage.unit_of_work)
        async with await psycopg.AsyncConnection.connect(own_database) as other:
            await other.execute("SELECT 1 FROM vetassist_users FOR UPDATE")
            with pytest.raises(UnavailableError):
                await a_stored_user(storage.unit_of_work, an_identity(user.icn))
        assert (await a_stored_user(storage.unit_of_work, an_identity(user.icn))).id == user.id


@pytest.mark.case(86)
async def test_a_unit_whose_connection_is_cut_is_not_acknowledged_and_leaves_nothing(
    own_database: str, own_pool: Pool
) -> None:
    storage = postgres_storage(own_pool)

    async def write_and_be_cut() -> None:
        async with storage.unit_of_work() as unit:
            identity = an_identity()
            assert identity.icn is not None
            await unit.users.link(identity, identity.icn, new_id=a_user_id(), now=NOW)
            end_connections(own_database)
            event = AuditEvent.of_service(AuditEventType.PURGED, visitor=a_visitor(), now=NOW)
            await unit.audit.append(event)
            await unit.commit()

    with pytest.raises(UnavailableError):
        await write_and_be_cut()
    assert counts(own_database) == dict.fromkeys(TABLES, 0)


async def test_a_unit_that_is_given_up_gives_its_connection_back_in_good_order(
    own_pool: Pool,
) -> None:
    storage = postgres_storage(own_pool)
    with anyio.CancelScope() as scope:
        async with storage.unit_of_work() as unit:
            await unit.users.lock(a_user_id())
            scope.cancel()
            await anyio.lowlevel.checkpoint()

    assert scope.cancelled_caught
    assert own_pool.get_stats().get("returns_bad", 0) == 0
    await a_stored_user(storage.unit_of_work)


@pytest.mark.case(85)
@pytest.mark.parametrize("name", CALLS)
async def test_the_pool_recovers_once_the_server_is_back(own_database: str, name: str) -> None:
    async with opened(build_pool(own_database, max_size=2)) as pool:
        await pool.wait()
        storage = postgres_storage(pool)
        await CALLS[name](storage)
        end_connections(own_database)
        # Each connection that was cut may cost one call, and no more.
        for _ in range(2):
            try:
                await CALLS[name](storage)
            except UnavailableError:
                continue
        await CALLS[name](storage)


@pytest.mark.case(88)
async def test_a_server_that_only_reads_writes_nothing_and_is_no_bug_of_ours(
    database_url: str,
) -> None:
    options = "-c default_transaction_read_only=on"
    async with impatient_pool(database_url, options=options) as pool:
        storage = postgres_storage(pool)
        with pytest.raises(UnavailableError):
            await a_stored_user(storage.unit_of_work)
        with pytest.raises(UnavailableError):
            await consume_attempt(storage)


@pytest.mark.case(88)
async def test_a_database_that_became_read_only_still_validates_and_is_not_ready(
    own_database: str,
) -> None:
    name = sql.Identifier(str(conninfo_to_dict(own_database)["dbname"]))
    with psycopg.connect(own_database, autocommit=True) as server:
        read_only = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
        server.execute(read_only.format(name))
    async with opened(build_pool(own_database, max_size=1)) as pool:
        storage = postgres_storage(pool)
        assert await storage.session_lookup.find(a_user_id(), a_session_id()) is None
        assert await storage.readiness.failing() == {ReadinessCheck.WRITABLE}
        with pytest.raises(UnavailableError):
            await a_stored_user(storage.unit_of_work)


@pytest.mark.parametrize("name", CALLS)
async def test_a_server_that_is_not_there_is_unavailable(name: str) -> None:
    pool = build_pool("host=/nowhere", max_size=1)
    pool.wait_seconds = 0.05
    async with opened(pool):
        with pytest.raises(UnavailableError):
            await CALLS[name](postgres_storage(pool))
