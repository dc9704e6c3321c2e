"""The seals of the audit trail in PostgreSQL."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final, final

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from adapters.postgres.audit_rows import BATCH_COLUMNS, CONTENT, PINNED, batch_of
from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import OCCURRED_AT
from application.ports.audit_seals import AuditSeals
from domain.audit_seal import Place, SealedBatch, SealedLeaf, TrailRow, UnsealedRows

# Any constant will do, as long as every sealing process asks for the same.
_ADVISORY_LOCK: Final = 7_303_014_802_202
_TAKE_TURN: Final = "SELECT pg_try_advisory_xact_lock(%s) AS is_ours"
_NEWEST: Final = f"""
SELECT {BATCH_COLUMNS} FROM vetassist_audit_batches ORDER BY number DESC LIMIT 1
"""  # noqa: S608 - the columns are a constant
_SNAPSHOT: Final = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
"""
_COLUMNS: Final = f"""
    transaction_id::text::bigint AS transaction, row_number,
    to_char({OCCURRED_AT} AT TIME ZONE 'UTC', 'YYYY-MM') AS month, {CONTENT} AS content
"""
_IS_UNSEALED: Final = """
NOT EXISTS (SELECT FROM vetassist_audit_leaves WHERE audit_row = audit.row_number)
"""
# Whoever writes a row now has a transaction at or above the snapshot's xmin: below it all are
# settled, so nothing can come to stand behind the horizon.
_UNSEALED: Final = f"""
SELECT {_COLUMNS} FROM vetassist_auth_audit AS audit
WHERE (transaction_id, row_number) > (%(transaction)s::text::xid8, %(row)s)
  AND transaction_id < pg_snapshot_xmin(pg_current_snapshot()) AND {_IS_UNSEALED}
ORDER BY transaction_id, row_number LIMIT %(limit)s
"""  # noqa: S608 - the columns are a constant
_UNSEALED_ANYWHERE: Final = f"""
SELECT {_COLUMNS} FROM vetassist_auth_audit AS audit WHERE {_IS_UNSEALED}
ORDER BY row_number LIMIT %(limit)s
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
SELECT %(batch)s, position - 1, audit_row, transaction::text::xid8, hash, tag
FROM unnest(%(rows)s::bigint[], %(transactions)s::bigint[], %(hashes)s::bytea[], %(tags)s::bytea[])
    WITH ORDINALITY AS leaf (audit_row, transaction, hash, tag, position)
"""
_BEGINNING: Final = Place(transaction=0, row=0)


@final
class PostgresAuditSeals(AuditSeals):
    """Reads the trail and adds batches on one connection; nothing waits for it."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def take_turn(self) -> bool:
        (row,) = await self._rows(_TAKE_TURN, (_ADVISORY_LOCK,))
        return bool(row["is_ours"])

    async def newest(self) -> SealedBatch | None:
        rows = await self._rows(_NEWEST, ())
        return batch_of(rows[0]) if rows else None

    async def unsealed(self, *, after: SealedBatch | None, limit: int) -> UnsealedRows | None:
        passed = _BEGINNING if after is None else after.header.horizon
        with translated_errors():
            await self._connection.execute(PINNED)
        (snapshot,) = await self._rows(_SNAPSHOT, ())
        if passed.transaction > snapshot["next"]:
            return await self._unsealed_of_another_server(passed, snapshot["oldest"], limit)
        found = await self._rows(
            _UNSEALED, {"transaction": passed.transaction, "row": passed.row, "limit": limit}
        )
        rows = _of_one_month(found)
        return _unsealed(rows, found, rows[-1].place) if rows else None

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
                    "transactions": [leaf.place.transaction for leaf in leaves],
                    "hashes": [leaf.hash for leaf in leaves],
                    "tags": [leaf.tag for leaf in leaves],
                },
            )

    async def _unsealed_of_another_server(
        self, passed: Place, oldest: int, limit: int
    ) -> UnsealedRows | None:
        """What is unsealed where the trail was copied to a server that counts anew.

        Nobody counts backwards, so the numbers of before say nothing here: whatever is to be
        seen and has no leaf is sealed, and from then on the new numbers count.
        """
        found = await self._rows(_UNSEALED_ANYWHERE, {"limit": limit})
        rows = _of_one_month(found)
        if not rows:
            return None
        is_last = len(rows) == len(found) < limit
        return _unsealed(rows, found, Place(transaction=oldest, row=0) if is_last else passed)

    async def _rows(self, query: str, parameters: Any) -> list[dict[str, Any]]:
        with translated_errors():
            async with self._connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(query, parameters)
                return await cursor.fetchall()


def _of_one_month(found: Sequence[dict[str, Any]]) -> list[TrailRow]:
    return [
        TrailRow(
            place=Place(transaction=row["transaction"], row=row["row_number"]),
            content=row["content"].encode(),
        )
        for row in takewhile(lambda row: row["month"] == found[0]["month"], found)
    ]


def _unsealed(
    rows: Sequence[TrailRow], found: Sequence[dict[str, Any]], horizon: Place
) -> UnsealedRows:
    return UnsealedRows(rows=rows, month=found[0]["month"], horizon=horizon)
