"""The audit trail as it lies there, in PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any, Final, final

from psycopg import AsyncCursor
from psycopg.rows import DictRow, dict_row

from adapters.postgres.audit_rows import BATCH_COLUMNS, CONTENT, PINNED, batch_of
from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from adapters.postgres.rows import OCCURRED_AT
from application.ports.sealed_trail import (
    LoosePage,
    LooseRow,
    SealedTrail,
    StoredBatch,
    StoredLeaf,
    StoredRow,
    TrailSize,
)
from domain.audit_seal import DroppedMonth, Place, month_bounds
from domain.identifiers import UserId

_SIZE: Final = """
SELECT count(*) AS batches, coalesce(max(total), 0) AS rows FROM vetassist_audit_batches
"""
_BATCHES: Final = f"""
SELECT {BATCH_COLUMNS} FROM vetassist_audit_batches WHERE number > %s ORDER BY number LIMIT %s
"""  # noqa: S608 - the columns are a constant
_NUMBER_OF: Final = "SELECT number FROM vetassist_audit_batches WHERE hash = %s ORDER BY number"
_DROPS: Final = """
SELECT month, last_batch, row_count AS rows, dropped_at, key_id, mac FROM vetassist_audit_drops
"""
_ROW: Final = f"audit.user_id, {OCCURRED_AT} AS occurred_at, {CONTENT} AS content"
_LEAVES: Final = f"""
SELECT leaf.position, leaf.audit_row, leaf.hash, leaf.tag, {_ROW}
FROM vetassist_audit_leaves AS leaf
LEFT JOIN vetassist_auth_audit AS audit
    ON (audit.transaction_id, audit.row_number) = (leaf.transaction_id, leaf.audit_row)
    AND audit.created_at >= %(begin)s AND audit.created_at < %(end)s
WHERE leaf.batch = %(batch)s
ORDER BY leaf.position LIMIT %(limit)s
"""  # noqa: S608 - the columns are a constant
# Rows whose time or transaction was altered stand elsewhere than their leaf says.
_ASTRAY: Final = f"""
SELECT audit.row_number, {_ROW} FROM vetassist_auth_audit AS audit
WHERE audit.row_number = ANY(%s)
"""  # noqa: S608 - the columns are a constant
_LOOSE: Final = """
SELECT audit.row_number, audit.transaction_id::text::bigint AS transaction, leaf.batch,
    batch.number IS NOT NULL AS is_sealed
FROM (
    SELECT row_number, transaction_id FROM vetassist_auth_audit
    WHERE (transaction_id, row_number) > (%(transaction)s::text::xid8, %(row)s)
    ORDER BY transaction_id, row_number LIMIT %(limit)s
) AS audit
LEFT JOIN vetassist_audit_leaves AS leaf ON leaf.audit_row = audit.row_number
LEFT JOIN vetassist_audit_batches AS batch ON batch.number = leaf.batch
ORDER BY audit.transaction_id, audit.row_number
"""


@final
class PostgresSealedTrail(SealedTrail):
    """Each read is a short transaction of its own: what is sealed does not change."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def size(self) -> TrailSize:
        async with self._cursor() as cursor:
            row = await (await cursor.execute(_SIZE)).fetchone()
        return TrailSize(**(row or {"batches": 0, "rows": 0}))

    async def batches(self, *, after: int, limit: int) -> Sequence[StoredBatch]:
        async with self._cursor() as cursor:
            rows = await (await cursor.execute(_BATCHES, (after, limit))).fetchall()
        return [StoredBatch(sealed=batch_of(row), noted_hash=row["hash"]) for row in rows]

    async def number_of(self, noted_hash: bytes) -> int | None:
        async with self._cursor() as cursor:
            row = await (await cursor.execute(_NUMBER_OF, (noted_hash,))).fetchone()
        return None if row is None else row["number"]

    async def drops(self) -> Sequence[DroppedMonth]:
        async with self._cursor() as cursor:
            rows = await (await cursor.execute(_DROPS)).fetchall()
        return [
            DroppedMonth(**(row | {"dropped_at": row["dropped_at"].astimezone(UTC)}))
            for row in rows
        ]

    async def leaves(self, batch: StoredBatch, *, limit: int) -> Sequence[StoredLeaf]:
        header = batch.sealed.header
        begin, end = _bounds(header.month)
        parameters = {"batch": header.number, "begin": begin, "end": end, "limit": limit}
        async with self._cursor() as cursor:
            rows = await (await cursor.execute(_LEAVES, parameters)).fetchall()
            missing = [row["audit_row"] for row in rows if row["content"] is None]
            astray = []
            if missing:
                astray = await (await cursor.execute(_ASTRAY, (missing,))).fetchall()
        leaves: dict[int, StoredLeaf] = {}
        found: dict[int, list[StoredRow]] = {}
        for row in astray:
            found.setdefault(row["row_number"], []).append(_row_of(row))
        for row in rows:
            number = row["audit_row"]
            stored = found.setdefault(number, [])
            if row["content"] is not None:
                stored.append(_row_of(row))
            leaves[row["position"]] = StoredLeaf(
                position=row["position"],
                row=number,
                hash=row["hash"],
                tag=row["tag"],
                rows=stored,
            )
        return list(leaves.values())

    async def loose(self, *, after: Place | None, horizon: Place | None, limit: int) -> LoosePage:
        begin = after or Place(transaction=0, row=0)
        parameters = {"transaction": begin.transaction, "row": begin.row, "limit": limit}
        async with self._cursor() as cursor:
            rows = await (await cursor.execute(_LOOSE, parameters)).fetchall()
        return LoosePage(
            looked_at=len(rows),
            loose=[
                LooseRow(
                    row=row["row_number"],
                    batch=row["batch"],
                    is_passed=horizon is not None and _place_of(row) <= horizon,
                )
                for row in rows
                if not row["is_sealed"]
            ],
            last=_place_of(rows[-1]) if len(rows) == limit else None,
        )

    @asynccontextmanager
    async def _cursor(self) -> AsyncIterator[AsyncCursor[DictRow]]:
        with translated_errors():
            async with (
                self._pool.connection() as connection,
                connection.transaction(),
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                await cursor.execute(PINNED)
                # Whoever looks at a whole trail has time.
                await cursor.execute("SET LOCAL statement_timeout = 0")
                yield cursor


def _place_of(row: dict[str, Any]) -> Place:
    return Place(transaction=row["transaction"], row=row["row_number"])


def _row_of(row: dict[str, Any]) -> StoredRow:
    return StoredRow(
        content=row["content"].encode(),
        user_id=None if row["user_id"] is None else UserId(row["user_id"]),
        occurred_at=row["occurred_at"],
    )


def _bounds(month: str) -> tuple[str, str]:
    try:
        begin, end = month_bounds(month)
    except (ValueError, OverflowError):
        # No month at all: somebody was at the header. Its rows may stand anywhere.
        return "-infinity", "infinity"
    return begin.isoformat(), end.isoformat()
