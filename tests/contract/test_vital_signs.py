"""What every VitalSigns promises, run against each adapter."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.pool import build_pool, opened
from application.ports.vital_signs import Rights
from domain.login_attempt import ATTEMPT_KEPT_FOR
from tests.contract.test_audit_seals import append, seal
from tests.support.builders import a_login_attempt, a_login_start, a_session, a_va_revocation
from tests.support.databases import change, rows_of
from tests.support.storage import Storage, a_stored_user, postgres_storage, store_sessions

#: Longer ago than anything of another test.
LONG_AGO = datetime(1980, 1, 1, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)


async def test_the_clock_tells_the_time(storage: Storage) -> None:
    now = datetime.now(UTC)
    assert now - A_MINUTE < (await storage.vital_signs.read()).now < now + A_MINUTE


async def test_an_entry_of_the_outbox_counts_until_it_is_removed(storage: Storage) -> None:
    before = await storage.vital_signs.read()
    entry = a_va_revocation(now=LONG_AGO)
    async with storage.unit_of_work() as work:
        await work.va_revocations.add(entry)
        await work.commit()
    there = await storage.vital_signs.read()
    async with storage.unit_of_work() as work:
        await work.va_revocations.remove(entry.id)
        await work.commit()
    after = await storage.vital_signs.read()

    assert (there.outbox, there.oldest_in_outbox) == (before.outbox + 1, LONG_AGO)
    assert (after.outbox, after.oldest_in_outbox) == (before.outbox, before.oldest_in_outbox)


async def test_the_oldest_ends_tell_how_far_behind_the_purge_is(storage: Storage) -> None:
    attempt = a_login_attempt(now=LONG_AGO)
    session = a_session((await a_stored_user(storage.unit_of_work)).id, now=LONG_AGO)
    await storage.login_attempts.add(attempt, a_login_start())
    await store_sessions(storage.unit_of_work, session)
    there = await storage.vital_signs.read()
    forgotten_at = attempt.expires_at + ATTEMPT_KEPT_FOR
    just_after = max(forgotten_at, session.expires_at) + A_MINUTE
    async with storage.unit_of_work() as work:
        await work.purge.sign_ins(ended_before=just_after, limit=10)
        await work.purge.sessions(ended_before=just_after, limit=10)
        await work.commit()
    after = await storage.vital_signs.read()

    assert there.oldest_sign_in_end == forgotten_at
    assert there.oldest_session_end == session.expires_at
    assert after.oldest_sign_in_end != forgotten_at
    assert after.oldest_session_end != session.expires_at


async def test_the_trail_waits_from_its_oldest_event_that_is_not_sealed(
    own_storage: Storage,
) -> None:
    fresh = await own_storage.vital_signs.read()
    later = LONG_AGO + A_MINUTE
    await append(own_storage.unit_of_work, LONG_AGO, later)
    unsealed = await own_storage.vital_signs.read()
    await seal(own_storage.unit_of_work, limit=1)
    half = await own_storage.vital_signs.read()
    batch = await seal(own_storage.unit_of_work)
    whole = await own_storage.vital_signs.read()

    assert (fresh.oldest_unsealed, fresh.newest_seal_at) == (None, None)
    assert (unsealed.oldest_unsealed, unsealed.newest_seal_at) == (LONG_AGO, None)
    assert half.oldest_unsealed == later
    assert (fresh.newest_seal, half.newest_seal, whole.newest_seal) == (0, 1, batch.header.number)
    # What sealing has not come to, it has not passed by.
    assert await own_storage.vital_signs.oldest_passed_by() is None
    assert whole.oldest_unsealed is None
    assert whole.newest_seal_at == batch.header.sealed_at


async def test_there_is_room_for_the_next_months_and_no_row_of_none(own_storage: Storage) -> None:
    vitals = await own_storage.vital_signs.read()
    assert (list(vitals.missing_months), vitals.rows_of_no_month) == ([], 0)


async def test_whoever_works_with_the_store_may_do_so_and_no_more(own_storage: Storage) -> None:
    rights = await own_storage.vital_signs.rights()
    assert rights in {Rights(is_owner=True), Rights(is_owner=False)}


@pytest.mark.postgres
async def test_what_sealing_has_passed_by_is_seen_wherever_it_stands(own_database: str) -> None:
    async with opened(build_pool(own_database, max_size=2)) as pool:
        storage = postgres_storage(pool)
        await append(storage.unit_of_work, LONG_AGO)
        await seal(storage.unit_of_work)
        assert await storage.vital_signs.oldest_passed_by() is None
        change(
            own_database,
            f"""
            INSERT INTO vetassist_auth_audit (event_type, created_at, transaction_id)
            VALUES ('purged', '{LONG_AGO}', '3'), ('purged', 'infinity', '4')
            """,
        )
        assert await storage.vital_signs.oldest_passed_by() == LONG_AGO
        # Nobody made room for then.
        assert (await storage.vital_signs.read()).rows_of_no_month == 3


@pytest.mark.postgres
async def test_rows_behind_the_horizon_of_another_server_wait_to_be_sealed(
    own_database: str,
) -> None:
    async with opened(build_pool(own_database, max_size=2)) as pool:
        storage = postgres_storage(pool)
        await append(storage.unit_of_work, LONG_AGO + A_MINUTE)
        await seal(storage.unit_of_work)
        await append(storage.unit_of_work, LONG_AGO)
        change(own_database, "UPDATE vetassist_audit_batches SET horizon_transaction = 900000000")
        assert (await storage.vital_signs.read()).oldest_unsealed == LONG_AGO
        assert await storage.vital_signs.oldest_passed_by() is None


@pytest.mark.postgres
async def test_a_month_without_a_partition_is_missing(own_database: str) -> None:
    (row,) = rows_of(own_database, "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM') AS month")
    month = row["month"]
    change(own_database, f"DROP TABLE vetassist_auth_audit_{month.replace('-', '_')}")
    async with opened(build_pool(own_database, max_size=1)) as pool:
        vitals = await postgres_storage(pool).vital_signs.read()
    assert list(vitals.missing_months) == [month]
