"""The trail by month: room is made ahead, and a month goes once it was handed on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.postgres.pool import build_pool, opened
from application.errors import ForbiddenError
from tests.support.audit_desk import AuditDesk
from tests.support.builders import NOW
from tests.support.databases import (
    APPLICATION_ROLE,
    as_application,
    change,
    count_of,
    rows_of,
)
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

MAKE = "SELECT vetassist_make_audit_partitions() AS made"
PARTITIONS = """
SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds
FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
WHERE inhparent = 'vetassist_auth_audit'::regclass ORDER BY c.relname
"""
JANUARY = NOW
FEBRUARY = datetime(2026, 2, 3, tzinfo=UTC)
AUDIT = "vetassist_auth_audit"


def partitions(database_url: str) -> dict[str, str]:
    return {
        row["name"].removeprefix("vetassist_auth_audit_"): row["bounds"]
        for row in rows_of(database_url, PARTITIONS)
    }


def months_from(now: datetime, count: int) -> list[str]:
    months = now.year * 12 + now.month - 1
    return [f"{(months + n) // 12:04}_{(months + n) % 12 + 1:02}" for n in range(count)]


def today(database_url: str) -> datetime:
    (row,) = rows_of(database_url, "SELECT now() AT TIME ZONE 'UTC' AS now")
    now: datetime = row["now"]
    return now


@pytest.fixture
async def desk(own_database: str) -> AsyncIterator[AuditDesk]:
    """As the owner, with a partition for each month in which something happens."""
    change(
        own_database,
        "SELECT vetassist_make_audit_partition(month) FROM "
        "unnest('{2026-01-20, 2026-02-03}'::timestamptz[]) AS month",
    )
    async with opened(build_pool(own_database, max_size=2)) as pool:
        desk = AuditDesk(storage=postgres_storage(pool))
        desk.clock.advance(timedelta(days=75))
        yield desk


def test_there_is_room_for_this_month_and_the_next_three(own_database: str) -> None:
    assert list(partitions(own_database)) == [*months_from(today(own_database), 4), "default"]


def test_the_service_makes_room_though_it_owns_nothing(own_database: str) -> None:
    first, *_, last = months_from(today(own_database), 4)
    for month in (first, last):
        change(own_database, f"DROP TABLE {AUDIT}_{month}")
    ours = as_application(own_database)
    assert rows_of(ours, MAKE) == [{"made": 2}]
    assert rows_of(ours, MAKE) == [{"made": 0}]
    (owner,) = rows_of(
        own_database, f"SELECT tableowner FROM pg_tables WHERE tablename = '{AUDIT}_{last}'"
    )
    (table,) = rows_of(
        own_database, f"SELECT tableowner FROM pg_tables WHERE tablename = '{AUDIT}'"
    )
    assert owner == table


def test_a_month_begins_and_ends_at_midnight_utc(own_database: str) -> None:
    change(
        own_database,
        "SET TimeZone = 'Asia/Tokyo'; SELECT vetassist_make_audit_partition('2031-05-01 08:59+09')",
    )
    bounds = partitions(own_database)["2031_04"]
    assert bounds == "FOR VALUES FROM ('2031-04-01 00:00:00+00') TO ('2031-05-01 00:00:00+00')"


def test_nothing_in_the_callers_own_schema_is_taken_for_ours(own_database: str) -> None:
    (month, *_) = months_from(today(own_database), 4)
    change(own_database, f"DROP TABLE {AUDIT}_{month}")
    with psycopg.connect(as_application(own_database)) as connection:
        connection.execute(f"CREATE TEMP TABLE {AUDIT}_{month} (id int)".encode())
        connection.execute(f"CREATE TEMP TABLE {AUDIT}_default (created_at timestamptz)".encode())
        assert connection.execute(MAKE).fetchone() == (1,)
        connection.commit()
    assert month in partitions(own_database)


@pytest.mark.parametrize(
    "taken_by", ["TABLE {} (x int)", "VIEW {} AS SELECT 1", "TYPE {} AS ENUM ()"]
)
def test_a_name_that_is_taken_holds_up_no_other_month(own_database: str, taken_by: str) -> None:
    first, second, *_ = months_from(today(own_database), 4)
    change(own_database, f"DROP TABLE {AUDIT}_{first}, {AUDIT}_{second}")
    change(own_database, "CREATE " + taken_by.format(f"{AUDIT}_{first}"))

    assert rows_of(as_application(own_database), MAKE) == [{"made": 1}]
    assert second in partitions(own_database)
    assert first not in partitions(own_database)


def test_a_new_month_is_its_owners_whatever_the_default_privileges_are(own_database: str) -> None:
    (month, *_) = months_from(today(own_database), 4)
    change(
        own_database,
        f"""
        DROP TABLE {AUDIT}_{month};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO {APPLICATION_ROLE};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
        """,
    )
    assert rows_of(as_application(own_database), MAKE) == [{"made": 1}]
    (made,) = rows_of(
        own_database,
        f"""
        SELECT bool_or(grantee <> relowner) AS is_others
        FROM pg_class, aclexplode(relacl) WHERE relname = '{AUDIT}_{month}'
        """,
    )
    assert made == {"is_others": False}


def test_two_that_make_room_at_once_make_it_once(own_database: str) -> None:
    for month in months_from(today(own_database), 4):
        change(own_database, f"DROP TABLE {AUDIT}_{month}")
    ours = as_application(own_database)
    with psycopg.connect(ours) as one, psycopg.connect(ours, autocommit=True) as other:
        assert one.execute(MAKE).fetchone() == (4,)
        with other.pipeline():
            waiting = other.execute(MAKE)
            one.commit()
            assert waiting.fetchone() == (0,)


def test_an_insert_is_not_held_up_by_making_room(own_database: str) -> None:
    *_, last = months_from(today(own_database), 4)
    change(own_database, f"DROP TABLE {AUDIT}_{last}")
    ours = as_application(own_database)
    with psycopg.connect(ours) as making:
        making.execute(MAKE)
        with psycopg.connect(ours, options="-c lock_timeout=1") as inserting:
            inserting.execute(f"INSERT INTO {AUDIT} (event_type) VALUES ('logout')".encode())


async def test_an_event_of_a_month_without_room_is_taken_all_the_same(
    desk: AuditDesk, own_database: str
) -> None:
    elsewhen = datetime(2031, 4, 5, tzinfo=UTC)
    await desk.append(2, now=elsewhen)
    # Room that is made afterwards leaves them where they are.
    change(own_database, "SELECT vetassist_make_audit_partition('2031-04-05')")
    assert "2031_04" not in partitions(own_database)
    assert (await desk.seal()).rows == 2
    assert await desk.findings() == []


async def test_a_month_goes_once_it_is_sealed_and_exported_and_never_before(
    desk: AuditDesk, own_database: str
) -> None:
    await desk.append(5, now=JANUARY)
    await desk.append(3, now=FEBRUARY)
    assert await desk.retire() == {
        "2026-01": "kept, as it is not sealed yet",
        "2026-02": "kept, as it is not sealed yet",
    }
    await desk.seal()
    assert (await desk.retire())["2026-01"] == "kept, as it was not exported yet"
    # An export of some rows is none of the batch.
    await desk.export(since=JANUARY + timedelta(days=1), until=FEBRUARY)
    assert (await desk.retire())["2026-01"] == "kept, as it was not exported yet"
    await desk.export(until=FEBRUARY)

    assert await desk.retire(is_dry_run=True) == {
        "2026-01": "dropped",
        "2026-02": "kept, as it was not exported yet",
    }
    assert count_of(own_database, AUDIT) > 8
    assert (await desk.retire(months=2)) == {"2026-01": "dropped"}
    assert "2026_01" not in partitions(own_database)
    assert "2026_02" in partitions(own_database)
    (event,) = rows_of(
        own_database, f"SELECT event_data FROM {AUDIT} WHERE event_type = 'audit_dropped'"
    )
    assert event["event_data"] == {"month": "2026-01", "rows": 5, "last_batch": 2}


async def test_an_export_that_nobody_with_the_key_noted_lets_no_month_go(
    desk: AuditDesk, own_database: str
) -> None:
    await desk.append(3, now=JANUARY)
    await desk.seal()
    made_up = """
    INSERT INTO vetassist_audit_exports (id, first_batch, last_batch, sha256, exported_at{})
    VALUES (gen_random_uuid(), 1, 999999, '', {}{})
    """
    for at in ("now()", "'infinity'"):
        with psycopg.connect(as_application(own_database)) as connection:
            connection.execute(made_up.format("", at, "").encode())
            connection.execute(made_up.format(", key_id, mac", at, ", 'key', '\\x00'").encode())
    assert await desk.retire(months=2) == {"2026-01": "kept, as it was not exported yet"}
    # Nor does a true note of one batch let go of others.
    await desk.export(until=FEBRUARY)
    await desk.append(3, now=JANUARY)
    await desk.seal()
    change(own_database, "UPDATE vetassist_audit_exports SET last_batch = 999999")
    assert (await desk.retire(months=2))["2026-01"] == "kept, as it was not exported yet"


async def test_without_a_retention_nothing_goes(desk: AuditDesk) -> None:
    await desk.append(1)
    await desk.seal()
    await desk.export()
    assert await desk.retire(months=None) == {}


async def test_what_is_left_is_verified_and_exported_after_a_month_went(
    desk: AuditDesk, own_database: str
) -> None:
    await desk.append(5, now=JANUARY)
    await desk.append(3, now=FEBRUARY)
    await desk.seal()
    await desk.export()
    await desk.retire(months=2)
    await desk.seal()
    verified, findings = await desk.verify(desk.checkpoints)

    assert findings == []
    assert verified.dropped == 2
    assert verified.checkpoints == verified.batches
    lines = await desk.export()
    # February's, and of the export and the drop themselves.
    assert len([line for line in lines if line["type"] == "row"]) == 5
    change(own_database, f"DELETE FROM {AUDIT} WHERE created_at = '{FEBRUARY}'")
    assert {kind for kind, _, _ in await desk.findings()} == {"row_removed"}


async def test_rows_that_come_late_for_a_month_that_went_are_sealed_and_verified(
    desk: AuditDesk,
) -> None:
    await desk.append(5, now=JANUARY)
    await desk.seal()
    await desk.export()
    await desk.retire(months=2)
    await desk.append(2, now=JANUARY)
    await desk.seal()
    verified, findings = await desk.verify(desk.checkpoints)
    assert (verified.dropped, findings) == (2, [])


async def test_a_month_that_somebody_dropped_on_their_own_is_missed(
    desk: AuditDesk, own_database: str
) -> None:
    await desk.append(2, now=JANUARY)
    await desk.seal()
    change(own_database, f"DROP TABLE {AUDIT}_2026_01")
    assert await desk.findings() == [("row_removed", 1, 1), ("row_removed", 1, 2)]
    # Nor does it help to note it without the key.
    change(
        own_database,
        """
        DELETE FROM vetassist_audit_leaves;
        INSERT INTO vetassist_audit_drops
        SELECT '2026-01', 1, 2, now(), key_id, mac FROM vetassist_audit_batches
        """,
    )
    found = await desk.findings()
    assert ("drop_forged", 1, None) in found
    assert ("leaf_removed", 1, None) in found


async def test_the_service_itself_cannot_drop_a_month(own_database: str) -> None:
    change(own_database, "SELECT vetassist_make_audit_partition('2026-01-20')")
    async with opened(build_pool(as_application(own_database), max_size=2)) as pool:
        desk = AuditDesk(storage=postgres_storage(pool))
        desk.clock.advance(timedelta(days=75))
        await desk.append(2)
        await desk.seal()
        await desk.export()
        assert await desk.retire(is_dry_run=True) == {"2026-01": "dropped"}
        with pytest.raises(ForbiddenError):
            await desk.retire()
        assert await desk.findings(desk.checkpoints) == []


async def test_nobody_can_add_to_a_month_between_the_look_and_the_drop(
    desk: AuditDesk, own_database: str
) -> None:
    await desk.append(1, now=JANUARY)
    late = f"INSERT INTO {AUDIT} (event_type, created_at) VALUES ('logout', '{JANUARY}')"
    async with desk.storage.unit_of_work() as work:
        await work.audit_partitions.hold("2026-01")
        with (
            psycopg.connect(own_database, options="-c lock_timeout=1") as connection,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            connection.execute(late.encode())


@pytest.mark.parametrize("transaction", ["'3'", "pg_current_xact_id()"])
async def test_a_month_with_a_row_under_the_number_of_another_is_kept_as_evidence(
    desk: AuditDesk, own_database: str, transaction: str
) -> None:
    await desk.append(2, now=JANUARY)
    await desk.seal()
    await desk.export()
    change(
        own_database,
        f"""
        INSERT INTO {AUDIT} (event_type, created_at, transaction_id, row_number)
        VALUES ('logout', '{JANUARY}', ({transaction})::text::xid8, 1)
        """,
    )
    await desk.seal()
    assert (await desk.retire(months=2))["2026-01"] == "kept, as it is not sealed yet"
