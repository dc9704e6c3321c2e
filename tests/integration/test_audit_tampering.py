"""Whoever owns the database can change every byte of it. Verification says what they changed.

Twelve rows stand in three batches of four; each test does one thing to a copy of them.
"""

import hmac
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Final

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.encryption.audit_keys import AuditKey
from adapters.postgres.audit_rows import BATCH_COLUMNS, CONTENT, PINNED, batch_of
from adapters.postgres.migrations import migrate
from adapters.postgres.pool import build_pool, opened
from application.errors import TrailUnreadableError
from domain.audit_seal import SealedBatch
from domain.merkle_tree import leaf_hash, tree_root
from tests.support.audit_desk import AuditDesk, seal_keys
from tests.support.builders import a_sealed_batch
from tests.support.databases import change, new_database, rows_of
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

KEY: Final = secrets.token_bytes(32)
AUDIT: Final = "vetassist_auth_audit"
#: Each column of a row, and another value for it.
ROW_COLUMNS: Final = {
    "id": "id + 1000",
    "user_id": "gen_random_uuid()",
    "event_type": "'login'",
    "event_data": """event_data || '{"sessions": 99}'""",
    "ip_hash": "repeat('0', 64)",
    "user_agent_hash": "NULL",
    "hash_key_id": "'0000000000000000'",
    "request_id": "'elsewhere-1'",
    "operator": "'somebody'",
    "created_at": "created_at + interval '1 microsecond'",
    "transaction_id": "'3'::xid8",
}
#: Each column of a batch, and another value for it.
BATCH_VALUES: Final = {
    "month": "'2026-02'",
    "row_count": "row_count - 1",
    "total": "total + 1",
    "first_row": "first_row + 1",
    "last_row": "last_row - 1",
    "root": "sha256(root)",
    "previous": "sha256(previous)",
    "horizon_transaction": "horizon_transaction + 100",
    "horizon_row": "horizon_row + 100",
    "sealed_at": "sealed_at + interval '1 microsecond'",
    "mac": "sha256(mac)",
    "hash": "sha256(hash)",
}
Found = list[tuple[str, int | None, int | None]]


@pytest.fixture(scope="module")
async def sealed_database(database_url: str) -> AsyncIterator[tuple[str, list[SealedBatch]]]:
    """Three batches of four rows; and the checkpoints that were told of them."""
    with new_database(database_url) as url:
        migrate(url)
        async with opened(build_pool(url, max_size=2)) as pool:
            desk = AuditDesk(storage=postgres_storage(pool), keys=seal_keys(KEY))
            await desk.append(12)
            await desk.seal()
        yield url, desk.checkpoints


@pytest.fixture
def tampered(database_url: str, sealed_database: tuple[str, list[SealedBatch]]) -> Iterator[str]:
    """A copy to be tampered with."""
    with new_database(database_url, like=sealed_database[0]) as url:
        yield url


@pytest.fixture
async def desk(tampered: str) -> AsyncIterator[AuditDesk]:
    async with opened(build_pool(tampered, max_size=2)) as pool:
        yield AuditDesk(storage=postgres_storage(pool), keys=seal_keys(KEY))


@pytest.fixture
def checkpoints(sealed_database: tuple[str, list[SealedBatch]]) -> list[SealedBatch]:
    return sealed_database[1]


def batches(database_url: str) -> list[SealedBatch]:
    query = f"SELECT {BATCH_COLUMNS} FROM vetassist_audit_batches ORDER BY number"
    return [batch_of(row) for row in rows_of(database_url, query)]


async def test_a_trail_that_nobody_touched_is_as_it_was_sealed(
    desk: AuditDesk, checkpoints: list[SealedBatch]
) -> None:
    verified, findings = await desk.verify(checkpoints)

    assert findings == []
    assert (verified.batches, verified.rows, verified.waiting) == (3, 12, 0)
    assert verified.checkpoints == 3
    assert verified.newest == checkpoints[-1]


async def test_rows_that_wait_to_be_sealed_are_no_finding(desk: AuditDesk) -> None:
    await desk.append(2)
    verified, findings = await desk.verify()
    assert (verified.waiting, findings) == (2, [])


def test_every_column_of_a_row_and_of_a_batch_is_tried(tampered: str) -> None:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
    for table, tried in (
        (AUDIT, {*ROW_COLUMNS, "row_number"}),
        ("vetassist_audit_batches", {*BATCH_VALUES, "number", "key_id"}),
    ):
        assert {row["column_name"] for row in rows_of(tampered, query, table)} == tried


@pytest.mark.parametrize("column", ROW_COLUMNS)
async def test_a_row_of_which_one_column_was_altered_is_named(
    desk: AuditDesk, tampered: str, column: str
) -> None:
    change(tampered, f"UPDATE {AUDIT} SET {column} = {ROW_COLUMNS[column]} WHERE row_number = 6")
    assert await desk.findings() == [("row_altered", 2, 6)]


async def test_a_row_that_was_moved_to_another_month_is_named(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, f"UPDATE {AUDIT} SET created_at = '2025-06-01' WHERE row_number = 6")
    assert await desk.findings() == [("row_altered", 2, 6)]


async def test_a_row_that_was_given_another_number_is_missed_and_found_elsewhere(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, f"UPDATE {AUDIT} SET row_number = 100 WHERE row_number = 6")
    assert await desk.findings() == [("row_removed", 2, 6), ("row_inserted", None, 100)]


@pytest.mark.parametrize("row", [1, 6, 12])
async def test_a_row_that_was_removed_is_named(desk: AuditDesk, tampered: str, row: int) -> None:
    change(tampered, f"DELETE FROM {AUDIT} WHERE row_number = {row}")
    assert await desk.findings() == [("row_removed", (row + 3) // 4, row)]


async def test_every_row_of_a_trail_that_was_emptied_is_named(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, f"TRUNCATE {AUDIT}")
    found = await desk.findings()
    assert [row for kind, _, row in found if kind == "row_removed"] == list(range(1, 13))


async def test_two_rows_that_changed_places_are_named(desk: AuditDesk, tampered: str) -> None:
    change(tampered, f"UPDATE {AUDIT} SET row_number = 13 - row_number WHERE row_number IN (6, 7)")
    assert await desk.findings() == [("row_altered", 2, 6), ("row_altered", 2, 7)]


async def test_a_row_that_was_slipped_in_behind_the_sealing_is_named(
    desk: AuditDesk, tampered: str
) -> None:
    change(
        tampered,
        f"""
        INSERT INTO {AUDIT} (event_type, created_at, transaction_id, row_number)
        SELECT 'logout', created_at, transaction_id, 100 FROM {AUDIT} WHERE row_number = 6
        """,
    )
    assert await desk.findings() == [("row_inserted", None, 100)]


async def test_a_row_that_was_put_beside_another_is_named(desk: AuditDesk, tampered: str) -> None:
    change(
        tampered,
        f"""
        INSERT INTO {AUDIT} (event_type, created_at, transaction_id, row_number)
        SELECT 'logout', created_at, transaction_id, 6 FROM {AUDIT} WHERE row_number = 6
        """,
    )
    assert await desk.findings() == [("row_inserted", 2, 6)]


@pytest.mark.parametrize(
    ("transaction", "number", "time"),
    [
        # Under the number of a row that is sealed:
        ("'3'", 6, "here.created_at"),
        ("before.transaction_id", 6, "here.created_at"),
        ("here.transaction_id", 6, "'2020-01-01'"),
        ("here.transaction_id", 6, "'infinity'"),
        ("pg_current_xact_id()", 6, "here.created_at"),
        ("'9000000000000'", 6, "here.created_at"),
        # Under one of its own:
        ("'3'", 100, "here.created_at"),
        ("before.transaction_id", 100, "here.created_at"),
        ("'0'", 0, "here.created_at"),
        ("'0'", -1, "here.created_at"),
        ("'0'", -(2**63), "'-infinity'"),
        ("before.transaction_id", -5, "'0044-03-15 BC'"),
        ("'9000000000000'", 100, "here.created_at"),
        ("'18446744073709551615'", 100, "here.created_at"),
        ("'18446744073709551615'", 2**63 - 1, "'infinity'"),
    ],
)
async def test_a_row_that_was_put_anywhere_is_named_and_is_never_sealed(
    desk: AuditDesk, tampered: str, transaction: str, number: int, time: str
) -> None:
    change(
        tampered,
        f"""
        INSERT INTO {AUDIT} (event_type, created_at, transaction_id, row_number)
        SELECT 'logout', {time},
            ({transaction})::text::xid8, {number}
        FROM {AUDIT} AS here, {AUDIT} AS before
        WHERE here.row_number = 6 AND before.row_number = 5
        """,
    )
    assert await desk.findings() == [("row_inserted", None, number)]
    # Somebody works on, and all of theirs is sealed.
    await desk.append(2)
    await desk.seal()
    verified, findings = await desk.verify()
    assert (verified.rows, verified.waiting) == (14, 0)
    assert [(found.kind.value, found.row) for found in findings] == [("row_inserted", number)]


async def test_several_rows_under_a_sealed_number_are_each_named(
    desk: AuditDesk, tampered: str
) -> None:
    change(
        tampered,
        f"""
        INSERT INTO {AUDIT} (event_type, created_at, row_number)
        SELECT 'logout', now(), 6 FROM generate_series(1, 3)
        """,
    )
    assert await desk.findings() == [("row_inserted", None, 6)] * 3


async def test_a_row_that_was_slipped_in_with_a_leaf_is_named(
    desk: AuditDesk, tampered: str
) -> None:
    change(
        tampered,
        f"""
        INSERT INTO {AUDIT} (event_type, created_at, transaction_id, row_number)
        SELECT 'logout', created_at, transaction_id, 100 FROM {AUDIT} WHERE row_number = 6;
        INSERT INTO vetassist_audit_leaves
        SELECT 2, 4, 100, transaction_id, sha256('row'), substr(sha256('tag'), 1, 16)
        FROM {AUDIT} WHERE row_number = 100
        """,
    )
    assert await desk.findings() == [("leaf_inserted", 2, 100)]


async def test_a_leaf_that_was_altered_is_told_from_an_altered_row(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, "UPDATE vetassist_audit_leaves SET hash = sha256(hash) WHERE audit_row = 6")
    assert await desk.findings() == [("leaf_altered", 2, 6)]


async def test_a_row_that_was_altered_together_with_its_leaf_is_named(
    desk: AuditDesk, tampered: str
) -> None:
    alter_with_leaf(tampered)
    assert await desk.findings() == [("row_altered", 2, 6)]


async def test_a_leaf_that_was_removed_is_named(desk: AuditDesk, tampered: str) -> None:
    change(tampered, "DELETE FROM vetassist_audit_leaves WHERE audit_row = 6")
    assert await desk.findings() == [("leaf_removed", 2, None), ("row_inserted", None, 6)]


@pytest.mark.parametrize("batch", [-(2**63), -1, 0, 77, 2**63 - 1])
async def test_a_leaf_of_a_batch_that_never_was_is_named_without_its_row(
    desk: AuditDesk, tampered: str, batch: int
) -> None:
    change(
        tampered,
        f"INSERT INTO vetassist_audit_leaves VALUES ({batch}, -9, 500, '1', sha256('row'), 'tag')",
    )
    assert await desk.findings() == [("leaf_inserted", batch, 500)]


async def test_a_leaf_of_a_batch_that_never_was_is_named_with_its_row(
    desk: AuditDesk, tampered: str
) -> None:
    change(
        tampered,
        f"""
        INSERT INTO {AUDIT} (event_type, created_at, transaction_id, row_number)
        SELECT 'logout', created_at, transaction_id, 100 FROM {AUDIT} WHERE row_number = 6;
        INSERT INTO vetassist_audit_leaves
        SELECT 77, 0, 100, transaction_id, sha256('row'), sha256('tag')
        FROM {AUDIT} WHERE row_number = 100
        """,
    )
    assert await desk.findings() == [("leaf_inserted", 77, 100), ("row_inserted", None, 100)]


async def test_a_leaf_that_was_moved_to_a_batch_that_never_was_is_missed_and_named(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, "UPDATE vetassist_audit_leaves SET batch = 77 WHERE audit_row = 6")
    assert await desk.findings() == [
        ("leaf_removed", 2, None),
        ("leaf_inserted", 77, 6),
        ("row_inserted", None, 6),
    ]


async def test_leaves_that_are_left_of_a_batch_tell_of_it_without_their_rows(
    desk: AuditDesk, tampered: str
) -> None:
    change(
        tampered,
        f"""
        DELETE FROM vetassist_audit_batches WHERE number = 3;
        DELETE FROM {AUDIT} WHERE row_number > 8
        """,
    )
    assert await desk.findings() == [("batch_removed", 3, row) for row in range(9, 13)]


@pytest.mark.parametrize("row", [5, 6, 8])
async def test_a_leaf_at_another_position_is_named(
    desk: AuditDesk, tampered: str, row: int
) -> None:
    change(
        tampered,
        f"UPDATE vetassist_audit_leaves SET position = position + 100 WHERE audit_row = {row}",
    )
    assert ("leaf_altered", 2, row) in await desk.findings()


async def test_leaves_that_begin_elsewhere_are_named_though_their_order_is_right(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, "UPDATE vetassist_audit_leaves SET position = position - 9 WHERE batch = 2")
    assert await desk.findings() == [("leaf_altered", 2, row) for row in range(5, 9)]


async def test_a_leaf_that_names_another_transaction_is_told_from_an_altered_row(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, "UPDATE vetassist_audit_leaves SET transaction_id = '1' WHERE audit_row = 6")
    assert await desk.findings() == [("leaf_altered", 2, 6)]


async def test_all_leaves_that_a_batch_lacks_are_one_finding(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, "DELETE FROM vetassist_audit_leaves WHERE audit_row IN (6, 8)")
    _, findings = await desk.verify()
    assert [str(found) for found in findings if found.kind.value == "leaf_removed"] == [
        "leaf_removed: batch 2: 2 leaves are missing, from position 1 to position 3"
    ]


@pytest.mark.parametrize("time", ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01"])
async def test_a_time_that_no_calendar_has_is_a_finding_like_any_other(
    desk: AuditDesk, tampered: str, time: str
) -> None:
    change(tampered, f"UPDATE {AUDIT} SET created_at = '{time}' WHERE row_number = 6")
    assert await desk.findings() == [("row_altered", 2, 6)]
    change(tampered, f"UPDATE vetassist_audit_batches SET sealed_at = '{time}' WHERE number = 3")
    assert ("batch_altered", 3, None) in await desk.findings()
    change(
        tampered,
        f"""
        INSERT INTO vetassist_audit_drops
        VALUES ('2026-01', 3, 12, '{time}', '{AuditKey(KEY).id}', sha256('forged'))
        """,
    )
    assert ("drop_forged", 3, None) in await desk.findings()


@pytest.mark.parametrize("count", [2**31 - 1, 0, -1, -500, -(2**31)])
async def test_a_count_that_no_batch_can_have_is_one_finding_of_the_batch(
    desk: AuditDesk, tampered: str, count: int
) -> None:
    change(tampered, f"UPDATE vetassist_audit_batches SET row_count = {count} WHERE number = 2")
    found = await desk.findings()
    assert ("batch_altered", 2, None) in found
    assert len(found) < 10


#: Each column of a batch or of a leaf, and values that only somebody can have written there.
EXTREMES: Final = {
    "vetassist_audit_batches": {
        "number": ["-2", "0", str(2**63 - 1), str(-(2**63))],
        "month": ["''", "'9999-12'", "'0001-01'", "'2026-1x'"],
        "total": [str(2**63 - 1), str(-(2**63))],
        "first_row": [str(2**63 - 1), str(-(2**63))],
        "root": ["''"],
        "previous": ["''"],
        "horizon_transaction": [str(2**63 - 1), str(-(2**63))],
        "horizon_row": [str(2**63 - 1), "0"],
        "key_id": ["''"],
        "mac": ["''", "substr(mac, 1, 16)"],
        "hash": ["''"],
    },
    "vetassist_audit_leaves": {
        "batch": [str(-(2**63)), str(2**63 - 1)],
        "position": [str(-(2**31)), str(2**31 - 1)],
        "audit_row": [str(-(2**63)), str(2**63 - 1)],
        "transaction_id": ["'0'", "'18446744073709551615'"],
        "hash": ["''"],
        "tag": ["''"],
    },
}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        (table, column, value)
        for table, columns in EXTREMES.items()
        for column, values in columns.items()
        for value in values
    ],
)
async def test_no_value_stops_the_verification(
    desk: AuditDesk, tampered: str, table: str, column: str, value: str
) -> None:
    which = "audit_row = 6" if table.endswith("leaves") else "number = 2"
    if (table, column, value) == ("vetassist_audit_leaves", "tag", "''"):
        # A tag matters only once something else does not fit.
        which += "; DELETE FROM vetassist_audit_leaves WHERE audit_row = 7"
    change(tampered, f"UPDATE {table} SET {column} = {value} WHERE {which}")
    verified, findings = await desk.verify()
    assert findings
    assert len(findings) < 20
    assert verified.findings == len(findings)


@pytest.mark.parametrize(
    "tampering",
    [
        "DROP TABLE vetassist_audit_leaves",
        "DROP TABLE vetassist_audit_batches",
        "DROP TABLE vetassist_audit_drops",
        f"DROP TABLE {AUDIT}",
        f"ALTER TABLE {AUDIT} DROP COLUMN user_id",
        f"ALTER TABLE {AUDIT} DROP COLUMN row_number",
        "ALTER TABLE vetassist_audit_batches DROP COLUMN month",
        "ALTER TABLE vetassist_audit_leaves DROP COLUMN tag",
    ],
)
async def test_a_part_of_the_trail_that_is_gone_is_told_in_one_line(
    desk: AuditDesk, tampered: str, tampering: str
) -> None:
    change(tampered, tampering)
    with pytest.raises(TrailUnreadableError, match="does not exist") as unreadable:
        await desk.verify()
    assert "\n" not in str(unreadable.value)


async def test_leaves_in_another_order_are_told(desk: AuditDesk, tampered: str) -> None:
    change(
        tampered,
        """
        UPDATE vetassist_audit_leaves SET position = -1 WHERE audit_row = 6;
        UPDATE vetassist_audit_leaves SET position = 1 WHERE audit_row = 7;
        UPDATE vetassist_audit_leaves SET position = 2 WHERE audit_row = 6;
        """,
    )
    assert await desk.findings() == [("row_moved", 2, None)]


async def test_leaves_that_were_given_each_others_rows_are_named(
    desk: AuditDesk, tampered: str
) -> None:
    change(
        tampered,
        """
        UPDATE vetassist_audit_leaves SET audit_row = -1 WHERE position = 1 AND batch = 2;
        UPDATE vetassist_audit_leaves SET audit_row = 6 WHERE position = 2 AND batch = 2;
        UPDATE vetassist_audit_leaves SET audit_row = 7 WHERE position = 1 AND batch = 2;
        """,
    )
    assert await desk.findings() == [("row_moved", 2, 7), ("row_moved", 2, 6)]


async def test_a_row_that_was_moved_to_another_batch_is_missed_in_the_one_and_odd_in_the_other(
    desk: AuditDesk, tampered: str
) -> None:
    change(
        tampered, "UPDATE vetassist_audit_leaves SET batch = 3, position = 4 WHERE audit_row = 6"
    )
    assert await desk.findings() == [("leaf_removed", 2, None), ("leaf_inserted", 3, 6)]


@pytest.mark.parametrize("column", BATCH_VALUES)
async def test_a_header_of_which_one_column_was_altered_is_named(
    desk: AuditDesk, tampered: str, column: str
) -> None:
    value = BATCH_VALUES[column]
    change(tampered, f"UPDATE vetassist_audit_batches SET {column} = {value} WHERE number = 2")
    found = await desk.findings()

    assert ("batch_altered", 2, None) in found
    assert {batch for _, batch, _ in found} <= {2, 3}


async def test_a_header_that_names_another_key_is_named(desk: AuditDesk, tampered: str) -> None:
    change(tampered, "UPDATE vetassist_audit_batches SET key_id = 'ours' WHERE number = 2")
    assert ("key_unknown", 2, None) in await desk.findings()


async def test_a_batch_that_was_given_another_number_is_named(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, "UPDATE vetassist_audit_batches SET number = 9 WHERE number = 3")
    found = await desk.findings()
    assert ("batch_removed", 3, None) in found
    assert ("batch_misplaced", 9, None) in found


async def test_a_batch_that_was_replayed_is_named(desk: AuditDesk, tampered: str) -> None:
    columns = BATCH_COLUMNS.partition(", ")[2]
    change(
        tampered,
        f"""
        INSERT INTO vetassist_audit_batches (number, {columns})
        SELECT 4, {columns} FROM vetassist_audit_batches WHERE number = 2
        """,
    )
    _, findings = await desk.verify()

    assert findings[0].kind.value == "batch_misplaced"
    assert findings[0].batch == 4
    assert "sealed as batch 2" in findings[0].detail
    assert {finding.batch for finding in findings} == {4}


async def test_two_batches_that_changed_places_are_named(desk: AuditDesk, tampered: str) -> None:
    change(
        tampered,
        """
        UPDATE vetassist_audit_batches SET number = 99 WHERE number = 2;
        UPDATE vetassist_audit_batches SET number = 2 WHERE number = 3;
        UPDATE vetassist_audit_batches SET number = 3 WHERE number = 99;
        UPDATE vetassist_audit_leaves SET batch = 99 WHERE batch = 2;
        UPDATE vetassist_audit_leaves SET batch = 2 WHERE batch = 3;
        UPDATE vetassist_audit_leaves SET batch = 3 WHERE batch = 99;
        """,
    )
    found = await desk.findings()
    assert ("batch_misplaced", 2, None) in found
    assert ("batch_misplaced", 3, None) in found


@pytest.mark.parametrize("batch", [1, 2])
async def test_a_batch_that_was_taken_out_without_a_trace_is_missed(
    desk: AuditDesk, tampered: str, batch: int
) -> None:
    take_out(tampered, batch)
    assert await desk.findings() == [("batch_removed", batch, None)]


async def test_a_tail_that_was_cut_carelessly_is_missed_by_what_hung_on_it(
    desk: AuditDesk, tampered: str
) -> None:
    change(tampered, "DELETE FROM vetassist_audit_batches WHERE number = 3")
    found = await desk.findings()
    assert found == [("batch_removed", 3, row) for row in range(9, 13)]


async def test_a_tail_that_was_cut_cleanly_shows_against_an_outside_checkpoint_alone(
    desk: AuditDesk, tampered: str, checkpoints: list[SealedBatch]
) -> None:
    take_out(tampered, 3)

    assert await desk.findings() == []
    assert await desk.findings(checkpoints) == [("tail_cut", 3, None)]
    assert await desk.findings(checkpoints[-1:]) == [("tail_cut", 3, None)]
    assert await desk.findings(checkpoints[:2]) == []


async def test_a_trail_that_was_thrown_away_and_begun_anew_shows_against_a_checkpoint(
    desk: AuditDesk, tampered: str, checkpoints: list[SealedBatch]
) -> None:
    for batch in (1, 2, 3):
        take_out(tampered, batch)
    await desk.append(12)
    await desk.seal()

    assert await desk.findings() == []
    assert await desk.findings(checkpoints) == [
        ("history_rewritten", number, None) for number in (1, 2, 3)
    ]


async def test_a_history_that_was_chained_anew_without_the_key_is_named(
    desk: AuditDesk, tampered: str, checkpoints: list[SealedBatch]
) -> None:
    chain_anew(tampered, from_batch=2, key=secrets.token_bytes(32))
    found = await desk.findings()
    assert ("batch_forged", 2, None) in found
    assert ("batch_forged", 3, None) in found
    assert {kind for kind, _, _ in found} == {"batch_forged", "row_altered"}
    found = await desk.findings(checkpoints)
    assert {("history_rewritten", number, None) for number in (2, 3)} <= set(found)


async def test_a_history_that_was_chained_anew_with_the_key_shows_against_a_checkpoint_alone(
    desk: AuditDesk, tampered: str, checkpoints: list[SealedBatch]
) -> None:
    chain_anew(tampered, from_batch=2, key=AuditKey(KEY).for_seals)

    assert await desk.findings() == []
    assert await desk.findings(checkpoints) == [
        ("history_rewritten", number, None) for number in (2, 3)
    ]


async def test_a_chain_that_leads_elsewhere_is_named(desk: AuditDesk, tampered: str) -> None:
    """By a holder of the key who did not take the trouble to chain what follows."""
    chain_anew(tampered, from_batch=2, to_batch=2, key=AuditKey(KEY).for_seals)
    assert await desk.findings() == [("chain_broken", 3, None)]


async def test_a_checkpoint_that_nobody_made_is_left_aside_and_told(desk: AuditDesk) -> None:
    forged = a_sealed_batch(7)
    forged = replace(forged, header=replace(forged.header, key_id=AuditKey(KEY).id))
    assert await desk.findings([forged]) == [("checkpoint_forged", 7, None)]


async def test_a_checkpoint_under_an_unknown_key_is_compared_and_has_a_number_of_a_batch(
    desk: AuditDesk,
) -> None:
    assert await desk.findings([a_sealed_batch(2)]) == [("history_rewritten", 2, None)]
    assert await desk.findings([a_sealed_batch(0)]) == [("checkpoint_forged", 0, None)]


async def test_without_the_key_the_rows_are_still_held_against_the_seals(
    desk: AuditDesk, tampered: str
) -> None:
    desk.keys = seal_keys(secrets.token_bytes(32))
    assert await desk.findings() == [("key_unknown", number, None) for number in (1, 2, 3)]
    change(tampered, f"DELETE FROM {AUDIT} WHERE row_number = 6")
    assert ("row_removed", 2, 6) in await desk.findings()


async def test_a_trail_is_verified_across_a_change_of_the_key(desk: AuditDesk) -> None:
    desk.keys = seal_keys(secrets.token_bytes(32), KEY)
    await desk.append(2)
    await desk.seal()
    verified, findings = await desk.verify()
    assert (verified.batches, findings) == (4, [])


def take_out(database_url: str, batch: int) -> None:
    """Everything of a batch."""
    change(
        database_url,
        f"""
        DELETE FROM {AUDIT} WHERE row_number IN (
            SELECT audit_row FROM vetassist_audit_leaves WHERE batch = {batch}
        );
        DELETE FROM vetassist_audit_leaves WHERE batch = {batch};
        DELETE FROM vetassist_audit_batches WHERE number = {batch};
        """,
    )


def alter_with_leaf(database_url: str) -> None:
    """Another event in row 6, with a leaf that fits."""
    with psycopg.connect(database_url) as connection:
        connection.execute(PINNED)
        connection.execute(f"UPDATE {AUDIT} SET event_type = 'login' WHERE row_number = 6".encode())
        content = connection.execute(
            f"SELECT {CONTENT} FROM {AUDIT} AS audit WHERE row_number = 6".encode()
        ).fetchone()
        assert content is not None
        connection.execute(
            "UPDATE vetassist_audit_leaves SET hash = %s WHERE audit_row = 6",
            (leaf_hash(content[0].encode()),),
        )


def chain_anew(database_url: str, *, from_batch: int, key: bytes, to_batch: int = 3) -> None:
    """Alter row 6, and make everything fit again with whatever key one has."""
    alter_with_leaf(database_url)
    known = {batch.header.number: batch for batch in batches(database_url)}
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        for number in range(from_batch, to_batch + 1):
            leaves = connection.execute(
                "SELECT * FROM vetassist_audit_leaves WHERE batch = %s ORDER BY position",
                (number,),
            ).fetchall()
            header = replace(
                known[number].header,
                root=tree_root([leaf["hash"] for leaf in leaves]),
                previous=known[number - 1].hash,
            )
            mac = hmac.digest(key, header.encoded(), "sha256")
            known[number] = batch = SealedBatch(header=header, mac=mac)
            connection.execute(
                """
                UPDATE vetassist_audit_batches
                SET root = %s, previous = %s, mac = %s, hash = %s WHERE number = %s
                """,
                (header.root, header.previous, mac, batch.hash, number),
            )
