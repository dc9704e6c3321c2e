"""The seals of the audit trail, in PostgreSQL."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.audit_rows import (
    BATCH,
    BATCH_COLUMNS,
    CONTENT,
    PINNED,
    SNAPSHOT,
    batch_of,
    horizon_of,
)
from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import fetch_row, fetch_rows
from application.ports.audit_seals import AuditSeals
from domain.audit_seal import SealedBatch, SealedLeaf
from domain.trail_row import Horizon, Place, TrailRow, UnsealedRows

# An arbitrary constant. All processes that seal use the same one.
_ADVISORY_LOCK: Final = 7_303_014_802_202
_TAKE_TURN: Final = "SELECT pg_try_advisory_xact_lock(%s) AS is_ours"
_NEWEST: Final = f"""
SELECT {BATCH} FROM vetassist_audit_batches ORDER BY number DESC LIMIT 1
"""  # noqa: S608 - the columns are a constant
_HAS_NUMBERS_TO_COME: Final = """
SELECT EXISTS (
    SELECT FROM vetassist_auth_audit
    WHERE transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
) AS found
"""
# Every row has a month. For the time infinity it's 'none'.
_COLUMNS: Final = f"""
    transaction_id::text AS transaction, row_number,
    coalesce(to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM'), 'none') AS month,
    {CONTENT} AS content
"""
# If a leaf has the row's number already, the row was forged. It's left for verification to report.
_IS_UNSEALED: Final = """
(transaction_id, row_number) > (%(transaction)s::text::xid8, %(row)s)
AND NOT EXISTS (SELECT FROM vetassist_audit_leaves WHERE audit_row = audit.row_number)
"""
# All transactions below the snapshot's xmin have ended, and new ones get higher numbers. So no row
# can appear at or before the horizon later.
_UNSEALED: Final = f"""
SELECT {_COLUMNS} FROM vetassist_auth_audit AS audit
WHERE transaction_id < pg_snapshot_xmin(pg_current_snapshot()) AND {_IS_UNSEALED}
ORDER BY transaction_id, row_number LIMIT %(limit)s
"""  # noqa: S608 - the columns are a constant
# Rows that were copied from another server can have higher numbers than this server's own.
_UNSEALED_OF_BOTH: Final = f"""
SELECT {_COLUMNS} FROM vetassist_auth_audit AS audit WHERE {_IS_UNSEALED}
ORDER BY transaction_id, row_number LIMIT %(limit)s
"""  # noqa: S608 - the columns are a constant
_ADD_BATCH: Final = f"""
INSERT INTO vetassist_audit_batches ({BATCH_COLUMNS})
VALUES (
    %(number)s, %(month)s, %(count)s, %(total)s, %(first_row)s, %(last_row)s, %(root)s,
    %(previous)s, %(horizon_transaction)s, %(horizon_row)s, %(sealed_at)s, %(key_id)s, %(mac)s,
    %(hash)s
)
"""  # noqa: S608 - the columns are a constant
_ADD_LEAVES: Final = """
INSERT INTO vetassist_audit_leaves (batch, position, audit_row, transaction_id, hash, tag)
SELECT %(batch)s, position - 1, audit_row, transaction::xid8, hash, tag
FROM unnest(%(rows)s::bigint[], %(transactions)s::text[], %(hashes)s::bytea[], %(tags)s::bytea[])
    WITH ORDINALITY AS leaf (audit_row, transaction, hash, tag, position)
"""
# No transaction has this number.
_BEGINNING: Final = Place(transaction=0, row=0)
_LAST_ROW: Final = 2**63 - 1


@final
class PostgresAuditSeals(AuditSeals):
    """Reads the audit trail and adds batches on one connection, without blocking other writers."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def take_turn(self) -> bool:
        (row,) = await fetch_rows(self._connection, _TAKE_TURN, (_ADVISORY_LOCK,))
        return bool(row["is_ours"])

    async def newest(self) -> SealedBatch | None:
        row = await fetch_row(self._connection, _NEWEST)
        return None if row is None else batch_of(row)

    async def unsealed(self, *, after: SealedBatch | None, limit: int) -> UnsealedRows | None:
        with translated_errors():
            await self._connection.execute(PINNED)
        number = after.header.number if after else None
        (snapshot,) = await fetch_rows(self._connection, SNAPSHOT, (number,))
        horizon = await self._beginning() if after is None else horizon_of(after, snapshot)
        query = _UNSEALED_OF_BOTH if horizon.is_moving else _UNSEALED
        if horizon.is_moving:
            with translated_errors():
                # This reads all copied rows, and no request is waiting.
                await self._connection.execute("SET LOCAL statement_timeout = 0")
        passed = horizon.place
        parameters = {"transaction": str(passed.transaction), "row": passed.row, "limit": limit}
        found = await fetch_rows(self._connection, query, parameters)
        if not found:
            return None
        of_month = list(takewhile(lambda row: row["month"] == found[0]["month"], found))
        if not horizon.is_moving:
            passed = _place_of(of_month[-1])
        elif len(of_month) == len(found) < limit:
            # These were the last copied rows. Rows committed later have this server's numbers.
            passed = Place(transaction=snapshot["oldest"] - 1, row=_LAST_ROW)
        return UnsealedRows(
            rows=_each_number_once(of_month), month=found[0]["month"], horizon=passed
        )

    async def add(self, batch: SealedBatch, leaves: Sequence[SealedLeaf]) -> None:
        header = batch.header
        with translated_errors():
            await self._connection.execute(
                _ADD_BATCH,
                {
                    "number": header.number,
                    "month": header.month,
                    "count": header.count,
                    "total": header.total,
                    "first_row": header.first_row,
                    "last_row": header.last_row,
                    "root": header.root,
                    "previous": header.previous,
                    "horizon_transaction": header.horizon.transaction,
                    "horizon_row": header.horizon.row,
                    "sealed_at": header.sealed_at,
                    "key_id": header.key_id,
                    "mac": batch.mac,
                    "hash": batch.hash,
                },
            )
            await self._connection.execute(
                _ADD_LEAVES,
                {
                    "batch": header.number,
                    "rows": [leaf.place.row for leaf in leaves],
                    "transactions": [str(leaf.place.transaction) for leaf in leaves],
                    "hashes": [leaf.hash for leaf in leaves],
                    "tags": [leaf.tag for leaf in leaves],
                },
            )

    async def _beginning(self) -> Horizon:
        """Returns the horizon before the first batch. The trail may be an unsealed copy."""
        (row,) = await fetch_rows(self._connection, _HAS_NUMBERS_TO_COME)
        return Horizon(place=_BEGINNING, is_moving=bool(row["found"]))


def _place_of(row: dict[str, Any]) -> Place:
    return Place(transaction=int(row["transaction"]), row=row["row_number"])


def _each_number_once(found: Sequence[dict[str, Any]]) -> list[TrailRow]:
    """Returns the rows without repeated numbers, because each number can be sealed only once."""
    rows: dict[int, TrailRow] = {}
    for row in found:
        sealed = TrailRow(place=_place_of(row), content=row["content"].encode())
        rows.setdefault(row["row_number"], sealed)
    return list(rows.values())
