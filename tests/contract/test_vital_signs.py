"""What every VitalSigns promises, run against each adapter."""

from datetime import UTC, datetime, timedelta

from tests.contract.test_audit_seals import append, seal
from tests.support.builders import a_login_attempt, a_login_start, a_session, a_va_revocation
from tests.support.storage import Storage, a_stored_user, store_sessions

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
    just_after = max(attempt.expires_at, session.expires_at) + A_MINUTE
    async with storage.unit_of_work() as work:
        await work.purge.sign_ins(ended_before=just_after, limit=10)
        await work.purge.sessions(ended_before=just_after, limit=10)
        await work.commit()
    after = await storage.vital_signs.read()

    assert there.oldest_sign_in_end == attempt.expires_at
    assert there.oldest_session_end == session.expires_at
    assert after.oldest_sign_in_end != attempt.expires_at
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
    assert whole.oldest_unsealed is None
    assert whole.newest_seal_at == batch.header.sealed_at
