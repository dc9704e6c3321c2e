"""Sealing beside live traffic, across crashes, and on another server.

The race has a long form: ``VETASSIST_TEST_ROUNDS=50`` (see test_races.py).
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg
import pytest

from adapters.memory.audit_checkpoints import MemoryAuditCheckpoints
from adapters.postgres.pool import build_pool, opened
from application.errors import CheckpointUntoldError
from domain.audit_seal import BatchHeader, SealedBatch
from domain.merkle_tree import leaf_hash
from domain.trail_row import Horizon
from entrypoints.checkpoint_file import CheckpointFile
from tests.integration.seal_worker import STEPS
from tests.support.audit_desk import AuditDesk, seal_keys
from tests.support.databases import as_application, change, count_of, rows_of
from tests.support.environment import plain_environment, required_settings
from tests.support.event_loop import run
from tests.support.processes import REPOSITORY
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

ROUNDS: Final = int(os.environ.get("VETASSIST_TEST_ROUNDS", "1"))
INSERT: Final = "INSERT INTO vetassist_auth_audit (event_type) VALUES ('logout')"


@pytest.fixture
async def desk(own_database: str) -> AsyncIterator[AuditDesk]:
    async with opened(build_pool(as_application(own_database), max_size=8)) as pool:
        yield AuditDesk(storage=postgres_storage(pool))


async def test_a_row_that_commits_late_is_not_passed_over(
    desk: AuditDesk, own_database: str
) -> None:
    """Its number is lower than that of a row which is there already."""
    with psycopg.connect(own_database) as late:
        late.execute(INSERT)
        await desk.append(2)
        # What stands behind the late row waits for it.
        assert (await desk.seal()).rows == 0
        late.commit()
    await desk.append(1)

    assert (await desk.seal()).rows == 4
    assert await desk.findings(desk.checkpoints) == []
    sealed = rows_of(own_database, "SELECT audit_row FROM vetassist_audit_leaves ORDER BY position")
    assert [row["audit_row"] for row in sealed] == [1, 2, 3, 4]


async def test_a_row_that_is_rolled_back_holds_nothing_up(
    desk: AuditDesk, own_database: str
) -> None:
    with psycopg.connect(own_database) as given_up:
        given_up.execute(INSERT)
        given_up.rollback()
    await desk.append(2)

    assert (await desk.seal()).rows == 2
    assert await desk.findings(desk.checkpoints) == []


async def test_rows_that_commit_in_any_order_beside_two_sealers_are_all_sealed_once(
    desk: AuditDesk, own_database: str
) -> None:
    events, writers = 30 * ROUNDS, 6

    async def write(seed: int) -> None:
        chance = random.Random(seed)
        connection = await psycopg.AsyncConnection.connect(own_database)
        async with connection:
            for number in range(events):
                for _ in range(chance.randint(1, 3)):
                    await connection.execute(INSERT)
                    await asyncio.sleep(0)
                await (connection.rollback() if number % 7 == 3 else connection.commit())

    writing = True

    async def seal() -> None:
        sealer = desk.sealer()
        while writing:
            await sealer.execute()

    async with asyncio.TaskGroup() as sealers:
        for _ in range(2):
            sealers.create_task(seal())
        async with asyncio.TaskGroup() as tasks:
            for seed in range(writers):
                tasks.create_task(write(seed))
        writing = False
    await desk.seal()

    rows = count_of(own_database, "vetassist_auth_audit")
    assert count_of(own_database, "vetassist_audit_leaves") == rows > 0
    verified, findings = await desk.verify(desk.checkpoints)
    assert findings == []
    assert (verified.rows, verified.waiting) == (rows, 0)


async def test_while_one_seals_another_does_not_wait_for_it(
    desk: AuditDesk, own_database: str
) -> None:
    await desk.append(1)
    async with desk.storage.unit_of_work() as busy:
        assert await busy.audit_seals.take_turn()
        assert (await desk.seal()).rows == 0
    assert (await desk.seal()).rows == 1


async def test_nothing_that_writes_waits_for_sealing(desk: AuditDesk, own_database: str) -> None:
    await desk.append(1)
    async with desk.storage.unit_of_work() as sealing:
        assert await sealing.audit_seals.take_turn()
        assert await sealing.audit_seals.unsealed(after=None, limit=10) is not None
        with psycopg.connect(own_database, options="-c lock_timeout=1") as connection:
            connection.execute(INSERT)


@pytest.mark.case(87)
@pytest.mark.parametrize("step", STEPS)
def test_a_sealer_killed_at_any_step_leaves_a_trail_that_is_verified_and_goes_on(
    own_database: str, tmp_path: Path, step: str
) -> None:
    values = required_settings(own_database)
    checkpoints = tmp_path / "checkpoints.jsonl"
    change(own_database, INSERT + ";" + INSERT + ";" + INSERT + ";" + INSERT + ";" + INSERT)
    killed = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.integration.seal_worker",
            own_database,
            str(checkpoints),
            step,
        ],
        cwd=REPOSITORY,
        env=plain_environment() | values,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    told = [batch for batch in CheckpointFile(checkpoints) if isinstance(batch, SealedBatch)]
    key = bytes.fromhex(values["VETASSIST_AUDIT_KEY"])
    run(verified_and_goes_on(own_database, key, told))


async def verified_and_goes_on(database_url: str, key: bytes, told: list[SealedBatch]) -> None:
    async with opened(build_pool(database_url, max_size=2)) as pool:
        desk = AuditDesk(storage=postgres_storage(pool), keys=seal_keys(key))
        _, findings = await desk.verify(told)
        assert findings == []
        await desk.seal()
        verified, findings = await desk.verify([*told, *desk.checkpoints])
        assert (verified.rows, verified.waiting, findings) == (5, 0, [])
        # Whatever the killed one had sealed and not told of has been told of now.
        assert verified.newest in desk.checkpoints


async def test_a_checkpoint_that_could_not_be_told_is_told_the_next_time(
    desk: AuditDesk, own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealer = desk.sealer()
    tell = MemoryAuditCheckpoints.tell

    async def refuse(_self: MemoryAuditCheckpoints, _batch: SealedBatch) -> None:
        raise CheckpointUntoldError("the collector is away")

    monkeypatch.setattr(MemoryAuditCheckpoints, "tell", refuse)
    for _ in range(3):
        await desk.append(5)
        with pytest.raises(CheckpointUntoldError, match="the collector is away"):
            await sealer.execute()
    # All of it is sealed all the same, by a process that has just started as well.
    await desk.append(5)
    sealer = desk.sealer()
    with pytest.raises(CheckpointUntoldError):
        await sealer.execute()
    assert count_of(own_database, "vetassist_audit_leaves") == 20
    monkeypatch.setattr(MemoryAuditCheckpoints, "tell", tell)
    assert (await sealer.execute()).rows == 0

    verified, _ = await desk.verify()
    assert desk.checkpoints == [verified.newest]


ELSEWHERE: Final = 2**40


async def moved(desk: AuditDesk, database_url: str, *, below: int | None = None) -> None:
    """As after a restore from a dump: sealed on a server that had counted further.

    Six rows, of which two are not sealed yet. ``below``: how far this server is below the last
    one that is; None: a long way.
    """
    await desk.append(4)
    await desk.seal()
    (row,) = rows_of(
        database_url,
        "SELECT max(transaction_id::text::bigint) AS written,"
        " pg_current_xact_id()::text::bigint AS next FROM vetassist_auth_audit",
    )
    # Two more transactions, and the old batch is here.
    shift = ELSEWHERE if below is None else row["next"] + 2 + below - row["written"]
    change(
        database_url,
        f"""
        UPDATE vetassist_auth_audit
            SET transaction_id = (transaction_id::text::bigint + {shift})::text::xid8;
        DELETE FROM vetassist_audit_batches; DELETE FROM vetassist_audit_leaves;
        """,
    )
    desk.told.lines.clear()
    await seal_as_the_old_server_would(desk)
    change(
        database_url,
        f"""
        INSERT INTO vetassist_auth_audit (event_type, transaction_id)
        SELECT 'logout', (max(transaction_id::text::bigint) + step * {ELSEWHERE})::text::xid8
        FROM vetassist_auth_audit, generate_series(1, 2) AS step GROUP BY step
        """,
    )


@pytest.mark.parametrize("batch_limit", [1, 4, 100])
# Never so close that others at this server could count past it meanwhile.
@pytest.mark.parametrize("below", [None, 10, 20, 28])
async def test_on_a_server_that_counts_transactions_anew_sealing_goes_on(
    desk: AuditDesk, own_database: str, below: int | None, batch_limit: int
) -> None:
    """However far below it is, and though it passes the old horizon before anything is sealed."""
    await moved(desk, own_database, below=below)
    desk.batch_limit = batch_limit
    await desk.append(30)
    verified, findings = await desk.verify()
    assert (verified.waiting, findings) == (32, [])

    assert (await desk.seal()).rows == 32
    assert (await desk.seal()).rows == 0
    await desk.append(6)
    assert (await desk.seal()).rows == 6
    verified, findings = await desk.verify(desk.checkpoints)
    assert findings == []
    assert (verified.rows, verified.waiting) == (42, 0)


async def test_after_a_move_a_row_that_is_slipped_in_is_found_as_before(
    desk: AuditDesk, own_database: str
) -> None:
    await moved(desk, own_database, below=10)
    await desk.append(10)
    await desk.seal()
    change(
        own_database,
        """
        INSERT INTO vetassist_auth_audit (event_type, transaction_id, row_number)
        SELECT 'logout', transaction_id, 1000 + row_number FROM vetassist_auth_audit
        WHERE row_number IN (2, 5, 8)
        """,
    )
    assert (await desk.seal()).rows == 0
    found = await desk.findings()
    assert sorted(found) == [("row_inserted", None, 1000 + row) for row in (2, 5, 8)]


@pytest.mark.parametrize("how", ["FREEZE", "FULL", "FULL, FREEZE"])
async def test_no_upkeep_of_the_server_is_taken_for_a_move(
    desk: AuditDesk, own_database: str, how: str
) -> None:
    await desk.append(10)
    await desk.seal()
    with psycopg.connect(own_database, autocommit=True) as connection:
        for table in ("vetassist_audit_batches", "vetassist_auth_audit"):
            connection.execute(f"VACUUM ({how}) {table}".encode())
    newest = (await desk.storage.sealed_trail.batches(after=None, limit=10))[-1]
    horizon = await desk.storage.sealed_trail.horizon(newest)
    assert horizon == Horizon(place=newest.sealed.header.horizon)


async def test_a_row_that_was_slipped_in_before_a_move_is_not_sealed_with_what_came_along(
    desk: AuditDesk, own_database: str
) -> None:
    await moved(desk, own_database)
    change(
        own_database,
        "INSERT INTO vetassist_auth_audit (event_type, transaction_id, row_number)"
        " VALUES ('logout', '3', 1000)",
    )
    await desk.seal()
    assert await desk.findings() == [("row_inserted", None, 1000)]


async def seal_as_the_old_server_would(desk: AuditDesk) -> None:
    """One batch over all rows, whose transactions this server has not counted to."""
    sealer = desk.sealer()
    async with desk.storage.unit_of_work() as work:
        found = await work.audit_seals.unsealed(after=None, limit=100)
        assert found is not None
        found = replace(found, horizon=found.rows[-1].place)
        hashes = [leaf_hash(row.content) for row in found.rows]
        header = BatchHeader.over(
            found, hashes, previous=None, now=desk.clock.now(), key_id=desk.keys.key_id
        )
        batch = SealedBatch(header=header, mac=desk.keys.authenticate(header.encoded()))
        await work.audit_seals.add(batch, sealer._leaves(batch, found.rows, hashes))
        await work.commit()


async def test_a_trail_that_is_copied_before_anything_is_sealed_is_sealed_whole(
    desk: AuditDesk, own_database: str
) -> None:
    change(
        own_database,
        f"INSERT INTO vetassist_auth_audit (event_type, transaction_id)"
        f" VALUES ('logout', '{ELSEWHERE}'), ('logout', '{2 * ELSEWHERE}')",
    )
    await desk.append(2)
    verified, findings = await desk.verify()
    assert (verified.waiting, findings) == (4, [])
    assert (await desk.seal()).rows == 4
    await desk.append(1)
    assert (await desk.seal()).rows == 1
    verified, findings = await desk.verify()
    assert (verified.waiting, findings) == (0, [])


@pytest.mark.parametrize("batch_limit", [1, 4])
async def test_rows_that_were_given_one_number_hold_up_no_sealing_and_only_one_is_sealed(
    desk: AuditDesk, own_database: str, batch_limit: int
) -> None:
    desk.batch_limit = batch_limit
    await desk.append(1)
    for _ in range(2):
        change(
            own_database,
            "INSERT INTO vetassist_auth_audit (event_type, row_number) VALUES ('logout', 50)",
        )
    await desk.append(1)
    assert (await desk.seal()).rows == 3
    assert await desk.findings() == [("row_inserted", None, 50)]


@pytest.mark.parametrize("time", ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01"])
async def test_a_row_of_a_time_that_no_calendar_has_is_sealed_like_any_other(
    desk: AuditDesk, own_database: str, time: str
) -> None:
    await desk.append(1)
    change(
        own_database,
        f"INSERT INTO vetassist_auth_audit (event_type, created_at) VALUES ('logout', '{time}')",
    )
    await desk.append(1)
    assert (await desk.seal()).rows == 3
    verified, findings = await desk.verify()
    assert (verified.rows, verified.waiting, findings) == (3, 0, [])
    assert sum(line["type"] == "row" for line in await desk.export()) == 3


async def test_rows_of_an_earlier_phase_are_sealed_as_they_were_adopted(
    desk: AuditDesk, own_database: str
) -> None:
    """A column that a later step of the schema adds leaves their seals as they are."""
    await desk.append(3)
    await desk.seal()
    change(own_database, "ALTER TABLE vetassist_auth_audit ADD COLUMN added_later text")
    assert await desk.findings(desk.checkpoints) == []


async def test_seals_do_not_depend_on_how_a_session_shows_its_values(
    desk: AuditDesk, own_database: str
) -> None:
    await desk.append(3)
    await desk.seal()
    shown = "-c TimeZone=Asia/Tokyo -c bytea_output=escape -c extra_float_digits=0"
    async with opened(build_pool(own_database + f" options='{shown}'", max_size=1)) as pool:
        other = AuditDesk(storage=postgres_storage(pool), keys=desk.keys)
        assert await other.findings(desk.checkpoints) == []
        await other.append(3)
        await other.seal()
    assert await desk.findings() == []


@pytest.mark.parametrize(
    "at",
    ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC", "9999-12-31 23:00+00", "0001-01-01"],
)
async def test_a_row_beyond_all_calendars_is_sealed_and_stops_nothing(
    desk: AuditDesk, own_database: str, at: str
) -> None:
    change(
        own_database,
        INSERT.replace("(event_type)", "(created_at, event_type)").replace(
            "('logout')", f"('{at}', 'logout')"
        ),
    )
    await desk.append(2)

    assert (await desk.seal()).rows == 3
    assert await desk.findings(desk.checkpoints) == []
    lines = await desk.export()
    assert len([line for line in lines if line["type"] == "row"]) == 3
    change(own_database, "DELETE FROM vetassist_auth_audit WHERE row_number = 1")
    assert ("row_removed", 1, 1) in await desk.findings(desk.checkpoints)
