"""The purge beside live traffic and beside itself, on a real PostgreSQL."""

import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import anyio
import psycopg
import pytest
from anyio.lowlevel import checkpoint

from adapters.memory.store import MemoryStore
from adapters.postgres.login_attempts import PostgresLoginAttempts
from adapters.postgres.pool import Pool, build_pool, opened
from application.errors import CheckpointUntoldError, UnauthenticatedError, UnavailableError
from application.ports.unit_of_work import UnitOfWork
from application.use_cases.operations.purge_expired import BATCH, Purged, PurgeExpired
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sign_in.issue_session import IssueSessionCommand
from domain.handoff import Handoff, HandoffTicket
from domain.identifiers import UserId
from domain.session import Session
from domain.session_grant import SessionGrant
from domain.user import User
from entrypoints.background import repeating
from tests.support.builders import (
    LIMITS,
    NOW,
    a_login_attempt,
    a_login_start,
    a_session,
    a_visitor,
    some_login_secrets,
)
from tests.support.databases import change, rows_of
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import run
from tests.support.product import captured_log
from tests.support.service import Service, a_memory_service, a_service
from tests.support.storage import a_revocation, a_stored_user, postgres_storage, store_sessions

pytestmark = pytest.mark.postgres

RETENTION: Final = timedelta(days=90)
SECOND: Final = timedelta(seconds=1)
DAY: Final = timedelta(days=1)
#: So many of each kind of row: the purge takes several batches.
MANY: Final = BATCH + BATCH // 2


@pytest.fixture
def service(own_pool: Pool) -> Service:
    return a_service(postgres_storage(own_pool))


@pytest.fixture
async def second_pool(own_database: str) -> AsyncIterator[Pool]:
    """That of another replica."""
    async with opened(build_pool(own_database, max_size=4)) as pool:
        await pool.wait()
        yield pool


def ended(user_id: UserId, *, ago: timedelta) -> Session:
    """A session that expired so long ago."""
    return a_session(user_id, now=NOW - ago - LIMITS.idle)


def revoked(user_id: UserId, *, ago: timedelta) -> Session:
    """A session that was revoked so long ago, soon after it began."""
    session = a_session(user_id, now=NOW - ago - SECOND)
    return replace(session, revocation=a_revocation(now=NOW - ago))


async def stored(service: Service, *sessions: Session) -> None:
    await store_sessions(service.storage.unit_of_work, *sessions)
    async with service.storage.unit_of_work() as work:
        for session in sessions:
            if session.revocation is not None:
                await work.sessions.revoke(session.user_id, session.id, session.revocation)
        await work.commit()


def refuse_audit_after(database_url: str, batches: int) -> None:
    """Let the trail take the audit of so many batches, and of none after them."""
    change(
        database_url,
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {batches} <= (
                SELECT count(*) FROM vetassist_auth_audit WHERE event_type = 'purged'
            ) THEN
                RAISE EXCEPTION 'the trail takes nothing';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON vetassist_auth_audit
        FOR EACH ROW WHEN (NEW.event_type = 'purged') EXECUTE FUNCTION refuse();
        """,
    )


async def purge(service: Service) -> Purged:
    return await service.container.purge_expired().execute()


def left(database_url: str) -> set[UUID]:
    return {row["id"] for row in rows_of(database_url, "SELECT id FROM vetassist_sessions")}


def audited(database_url: str) -> list[dict[str, int]]:
    query = "SELECT event_data FROM vetassist_auth_audit WHERE event_type = 'purged' ORDER BY id"
    return [row["event_data"] for row in rows_of(database_url, query)]


class Traffic:
    """What goes on meanwhile: sign-ins, renewals and validations, each session's one by one."""

    def __init__(self, service: Service, user: User) -> None:
        self._service = service
        self._user = user
        self._is_over = False
        self.grants: list[SessionGrant] = []
        self.renewals = 0

    async def open(self) -> None:
        command = IssueSessionCommand(user_id=self._user.id, visitor=a_visitor())
        self.grants.append(await self._service.container.issue_session().execute(command))

    async def flow(self) -> None:
        """Go on until it is stopped, and for one turn at the least."""
        while not self._is_over:
            await self.open()
            for index, grant in enumerate(self.grants):
                await self._service.validate(grant.token)
                command = RenewSessionCommand(
                    refresh_token=grant.refresh_token, visitor=a_visitor()
                )
                self.grants[index] = await self._service.container.renew_session().execute(command)
                self.renewals += 1

    def stop(self) -> None:
        self._is_over = True


@pytest.mark.case(93)
async def test_two_purges_at_once_remove_what_is_past_retention_and_nothing_live(
    service: Service, second_pool: Pool, own_database: str
) -> None:
    other = a_service(postgres_storage(second_pool))
    user = await a_stored_user(service.storage.unit_of_work)
    past = [make(user.id, ago=RETENTION + DAY) for make in (ended, revoked) for _ in range(MANY)]
    kept = [make(user.id, ago=RETENTION - DAY) for make in (ended, revoked) for _ in range(20)]
    just_ended = [ended(user.id, ago=SECOND), revoked(user.id, ago=SECOND)]
    await stored(service, *past, *kept, *just_ended)
    traffic = Traffic(service, user)
    for _ in range(5):
        await traffic.open()
    purged: list[Purged] = []

    async def run(which: Service) -> None:
        purged.append(await purge(which))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(traffic.flow)
        async with anyio.create_task_group() as purges:
            purges.start_soon(run, service)
            purges.start_soon(run, other)
        traffic.stop()

    assert sum(each.sessions for each in purged) == len(past) == 2 * MANY
    assert left(own_database) == {
        *(session.id for session in kept + just_ended),
        *(grant.session.id for grant in traffic.grants),
    }
    assert traffic.renewals >= 5
    for grant in traffic.grants:
        await service.validate(grant.token)
    assert sum(told["sessions"] for told in audited(own_database)) == 2 * MANY


@pytest.mark.case(93)
async def test_each_batch_is_small_and_audited_by_itself(
    service: Service, own_database: str
) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    await stored(service, *(ended(user.id, ago=RETENTION + DAY) for _ in range(MANY)))
    await service.begin()
    service.clock.advance(DAY)

    assert await purge(service) == Purged(sessions=MANY, sign_ins=1)
    assert audited(own_database) == [
        {"sessions": BATCH, "sign_ins": 0},
        {"sessions": MANY - BATCH, "sign_ins": 1},
    ]


@pytest.mark.parametrize("batches", [0, 1, 2])
async def test_a_purge_whose_audit_fails_removes_no_row_of_that_batch(
    service: Service, own_database: str, batches: int
) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    await stored(service, *(ended(user.id, ago=RETENTION + DAY) for _ in range(2 * MANY)))
    refuse_audit_after(own_database, batches)
    with pytest.raises(psycopg.errors.RaiseException):
        await purge(service)

    told = audited(own_database)
    assert len(told) == batches
    assert len(left(own_database)) + sum(batch["sessions"] for batch in told) == 2 * MANY


@pytest.mark.case(93)
async def test_a_session_stays_to_the_last_second_of_its_retention(
    service: Service, own_database: str
) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    past = [make(user.id, ago=RETENTION + SECOND) for make in (ended, revoked)]
    kept = [make(user.id, ago=RETENTION) for make in (ended, revoked)]
    await stored(service, *past, *kept)

    assert (await purge(service)).sessions == 2
    assert left(own_database) == {session.id for session in kept}
    service.clock.advance(SECOND)
    assert (await purge(service)).sessions == 2
    assert left(own_database) == set()


@pytest.mark.case(93)
async def test_a_session_that_is_renewed_while_the_purge_runs_stays(
    service: Service, own_pool: Pool, own_database: str
) -> None:
    """The purge neither waits for the row that is held nor removes it afterwards."""
    session = ended((await a_stored_user(service.storage.unit_of_work)).id, ago=RETENTION + DAY)
    await stored(service, session)
    async with own_pool.connection() as holder, holder.transaction():
        await holder.execute(
            "UPDATE vetassist_sessions SET expires_at = %s WHERE id = %s", (NOW + DAY, session.id)
        )
        assert (await purge(service)).sessions == 0

    assert (await purge(service)).sessions == 0
    assert left(own_database) == {session.id}


@pytest.mark.case(93)
async def test_the_purge_sees_a_sessions_end_as_it_is_under_the_lock(
    service: Service, own_database: str
) -> None:
    """Rows that two purges find at once are removed, and counted, once."""
    user = await a_stored_user(service.storage.unit_of_work)
    await stored(service, *(ended(user.id, ago=RETENTION + DAY) for _ in range(10)))
    removed: list[int] = []

    async def remove() -> None:
        async with service.storage.unit_of_work() as work:
            count = await work.purge.sessions(ended_before=NOW - RETENTION, limit=4)
            await work.commit()
        removed.append(count)

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(remove)

    assert sum(removed) + len(left(own_database)) == 10
    assert max(removed) <= 4


@pytest.mark.case(93)
async def test_without_retention_sessions_go_as_soon_as_they_have_ended(
    service: Service, own_database: str
) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    grant = (await service.sign_in()).grant
    await stored(service, ended(user.id, ago=SECOND), revoked(user.id, ago=SECOND))
    purged = await PurgeExpired(
        unit_of_work=service.storage.unit_of_work,
        clock=service.clock,
        session_retention=timedelta(),
    ).execute()

    assert purged.sessions == 2
    assert left(own_database) == {grant.session.id}


async def test_old_attempts_and_codes_go_and_those_under_way_stay(
    service: Service, own_pool: Pool, own_database: str
) -> None:
    session = (await service.sign_in()).grant.session
    attempts = PostgresLoginAttempts(own_pool)
    # Each new attempt clears away some that are past at its own time, so the oldest comes last.
    begun = await service.begin()
    for age in (SECOND, timedelta(days=1)):
        await attempts.add(a_login_attempt(now=NOW - age), a_login_start())
        ticket = some_login_secrets()
        async with service.storage.unit_of_work() as work:
            await work.handoffs.add(
                Handoff.of(
                    HandoffTicket(code=ticket.state, browser=ticket.browser),
                    user_id=session.user_id,
                    session_id=session.id,
                    now=NOW - age,
                )
            )
            await work.commit()

    assert await purge(service) == Purged(sessions=0, sign_ins=2)
    assert len(rows_of(own_database, "SELECT FROM vetassist_handoffs")) == 1
    await service.complete(begun.callback())
    assert audited(own_database) == [{"sessions": 0, "sign_ins": 2}]


async def test_the_trail_and_the_users_are_not_purged(service: Service, own_database: str) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(RETENTION + DAY)
    assert (await purge(service)).sessions == 1

    assert left(own_database) == set()
    users = rows_of(own_database, "SELECT id FROM vetassist_users")
    assert [row["id"] for row in users] == [grant.session.user_id]
    trail = rows_of(own_database, "SELECT event_type FROM vetassist_auth_audit ORDER BY id")
    told = [row["event_type"] for row in trail]
    assert told == ["login_started", "va_linked", "login", "purged"]


async def test_what_was_purged_is_refused_like_what_never_was(
    service: Service, own_database: str
) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(RETENTION + DAY)
    await purge(service)
    command = RenewSessionCommand(refresh_token=grant.refresh_token, visitor=a_visitor())
    with pytest.raises(UnauthenticatedError) as refused:
        await service.container.renew_session().execute(command)

    assert type(refused.value) is UnauthenticatedError
    trail = rows_of(own_database, "SELECT event_type FROM vetassist_auth_audit ORDER BY id")
    # The refusal names nobody, as one of a token that was made up.
    assert [row["event_type"] for row in trail[-2:]] == ["purged", "session_renew_refused"]


def test_two_operators_who_purge_at_once_remove_everything_once(own_database: str) -> None:
    rows_to_purge = 1200
    change(
        own_database,
        f"""
        INSERT INTO vetassist_users (id) VALUES (gen_random_uuid());
        INSERT INTO vetassist_sessions (user_id, jwt_id, expires_at, created_at)
        SELECT id, gen_random_uuid()::text, now() - interval '91 days', now() - interval '92 days'
        FROM vetassist_users, generate_series(1, {rows_to_purge})
        """,
    )
    values = plain_environment() | required_settings(own_database)
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda _: run("purge", environment=values), range(2)))

    assert [each.returncode for each in done] == [0, 0]
    counts = [int(each.stdout.split()[1]) for each in done]
    assert sum(counts) == rows_to_purge
    assert left(own_database) == set()


# The job that runs it again and again.


def a_purge_that(*outcomes: Exception | None) -> tuple[PurgeExpired, anyio.Event]:
    """One that ends so, turn by turn, and says when it has come to the end of these."""
    memory = a_memory_service(MemoryStore())
    done, left_over = anyio.Event(), list(outcomes)

    def unit_of_work() -> UnitOfWork:
        if not left_over:
            done.set()
        elif (outcome := left_over.pop(0)) is not None:
            raise outcome
        return memory.storage.unit_of_work()

    purge_expired = PurgeExpired(
        unit_of_work=unit_of_work, clock=memory.clock, session_retention=RETENTION
    )
    return purge_expired, done


async def test_a_checkpoint_that_cannot_be_told_is_an_error_that_says_where() -> None:
    untold = CheckpointUntoldError("/var/log/checkpoints.jsonl: No space left on device")
    purge_expired, done = a_purge_that(untold, None)
    with captured_log() as log, anyio.fail_after(20):
        async with repeating("seal", purge_expired.execute, timedelta(microseconds=1)):
            await done.wait()

    told = json.loads(log.getvalue().splitlines()[0])
    assert (told["event"], told["level"], told["error"]) == (
        "failed",
        "error",
        "CheckpointUntoldError",
    )
    assert told["cause"] == "/var/log/checkpoints.jsonl: No space left on device"


async def test_the_job_goes_on_after_an_outage_and_after_a_bug() -> None:
    canary = RuntimeError("canary")
    purge_expired, done = a_purge_that(None, UnavailableError("postgres"), canary, None)
    with captured_log() as log, anyio.fail_after(20):
        async with repeating("purge", purge_expired.execute, timedelta(microseconds=1)):
            await done.wait()

    told = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["level"]) for line in told[:4]] == [
        ("done", "debug"),
        ("postponed", "warning"),
        ("failed", "error"),
        ("done", "debug"),
    ]
    assert {line["work"] for line in told} == {"purge"}
    assert told[2]["error"] == "RuntimeError"
    assert "canary" not in log.getvalue()


async def test_an_interval_of_zero_starts_no_job() -> None:
    purge_expired, done = a_purge_that(None)
    async with repeating("purge", purge_expired.execute, timedelta()):
        for _ in range(100):
            await checkpoint()

    assert not done.is_set()
