"""The stored audit trail with its seals, in PostgreSQL."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, timedelta
from typing import Final, final

import psycopg
from psycopg import AsyncCursor
from psycopg.rows import DictRow, dict_row

from adapters.postgres.audit_rows import (
    BATCH,
    CONTENT,
    FIRST_INSTANT,
    IS_IN_CALENDAR,
    PINNED,
    SNAPSHOT,
    batch_of,
    horizon_of,
)
from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from application.errors import TrailUnreadableError
from application.ports.sealed_trail import (
    LeafPlace,
    LoosePage,
    LooseRow,
    OrphanLeaf,
    SealedTrail,
    StoredBatch,
    StoredLeaf,
    StoredRow,
    TrailSize,
)
from domain.audit_retention import DroppedMonth, month_bounds
from domain.identifiers import UserId
from domain.trail_row import Horizon, Place

# Reading the whole trail takes long, and no request is waiting.
_PATIENCE: Final = timedelta(minutes=10)
_SIZE: Final = """
SELECT count(*) AS batches, coalesce(max(total), 0) AS rows FROM vetassist_audit_batches
"""
_BATCHES: Final = f"""
SELECT {BATCH} FROM vetassist_audit_batches WHERE number >= %s ORDER BY number LIMIT %s
"""  # noqa: S608 - the columns are a constant
_NUMBER_OF: Final = "SELECT number FROM vetassist_audit_batches WHERE hash = %s ORDER BY number"
# An instant that no client can represent becomes the first one, for which no MAC is valid.
_DROPS: Final = f"""
SELECT month, last_batch, row_count AS rows, key_id, mac,
    CASE WHEN {IS_IN_CALENDAR.format("dropped_at")} THEN dropped_at ELSE {FIRST_INSTANT} END
        AS dropped_at
FROM vetassist_audit_drops
"""  # noqa: S608 - the columns are a constant
_ROW: Final = f"""
audit.user_id, audit.transaction_id::text AS transaction, {CONTENT} AS content,
CASE WHEN {IS_IN_CALENDAR.format("audit.created_at")} THEN audit.created_at END AS created_at
"""
_LEAVES: Final = f"""
SELECT leaf.position, leaf.audit_row, leaf.transaction_id::text AS leaf_transaction, leaf.hash,
    leaf.tag, {_ROW}
FROM (
    SELECT * FROM vetassist_audit_leaves WHERE batch = %(batch)s ORDER BY position LIMIT %(limit)s
) AS leaf
LEFT JOIN vetassist_auth_audit AS audit
    ON (audit.transaction_id, audit.row_number) = (leaf.transaction_id, leaf.audit_row)
    AND audit.created_at >= %(begin)s AND audit.created_at < %(end)s
ORDER BY leaf.position
"""  # noqa: S608 - the columns are a constant
# Finds rows that aren't where their leaf says, because their time or transaction was altered.
_MISPLACED: Final = f"""
SELECT audit.row_number, {_ROW} FROM vetassist_auth_audit AS audit
WHERE audit.row_number = ANY(%s)
"""  # noqa: S608 - the columns are a constant
_ORPHANS: Final = """
SELECT batch, position, audit_row AS row, hash, tag FROM vetassist_audit_leaves AS leaf
WHERE (batch, position) > (%s, %s)
  AND NOT EXISTS (SELECT FROM vetassist_audit_batches WHERE number = leaf.batch)
ORDER BY batch, position LIMIT %s
"""
# A row that was written on this server is visible only if its number is below the snapshot's xmax.
_LOOSE: Final = """
SELECT audit.row_number, audit.transaction_id::text AS transaction,
    audit.transaction_id >= pg_snapshot_xmax(pg_current_snapshot()) AS is_to_come,
    to_char(audit.created_at AT TIME ZONE 'UTC', 'YYYY-MM BC') = batch.month || ' AD'
        AS is_of_month,
    leaf.transaction_id = audit.transaction_id AS is_of_transaction,
    leaf.transaction_id::text AS leaf_transaction, leaf.batch, leaf.position, leaf.hash, leaf.tag,
    batch.number IS NULL AS is_orphan, batch.month
FROM (
    SELECT row_number, transaction_id, created_at FROM vetassist_auth_audit
    WHERE (transaction_id, row_number) > (%(transaction)s::text::xid8, %(row)s)
    ORDER BY transaction_id, row_number LIMIT %(limit)s
) AS audit
LEFT JOIN vetassist_audit_leaves AS leaf ON leaf.audit_row = audit.row_number
LEFT JOIN vetassist_audit_batches AS batch ON batch.number = leaf.batch
ORDER BY audit.transaction_id, audit.row_number
"""
_LOOSE_FROM_THE_FIRST: Final = _LOOSE.replace("row_number) >", "row_number) >=")
_OWN_ROWS: Final = """
SELECT DISTINCT leaf.row
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    AS leaf (row, transaction, begin_at, end_at)
JOIN vetassist_auth_audit AS audit
    ON (audit.transaction_id, audit.row_number) = (leaf.transaction::xid8, leaf.row)
    AND audit.created_at >= leaf.begin_at AND audit.created_at < leaf.end_at
"""
_FIRST_NUMBER: Final = -(2**63)
_LAST_NUMBER: Final = 2**63 - 1
_FIRST_POSITION: Final = -(2**31)
# No transaction has this number.
_BEGINNING: Final = Place(transaction=0, row=0)
_BEFORE_ALL: Final = Place(transaction=0, row=_FIRST_NUMBER)
_NO_MONTH: Final = ("-infinity", "infinity")


@final
class PostgresSealedTrail(SealedTrail):
    """Runs each read in its own short transaction, because sealed data doesn't change."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def size(self) -> TrailSize:
        async with self._cursor() as cursor:
            row = await (await cursor.execute(_SIZE)).fetchone()
        return TrailSize(**(row or {"batches": 0, "rows": 0}))

    async def batches(self, *, after: int | None, limit: int) -> Sequence[StoredBatch]:
        if after == _LAST_NUMBER:
            return []
        begin = _FIRST_NUMBER if after is None else after + 1
        async with self._cursor() as cursor:
            rows = await (await cursor.execute(_BATCHES, (begin, limit))).fetchall()
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
            misplaced = []
            if missing:
                misplaced = await (await cursor.execute(_MISPLACED, (missing,))).fetchall()
        leaves: dict[int, StoredLeaf] = {}
        found: dict[int, list[StoredRow]] = {}
        for row in misplaced:
            found.setdefault(row["row_number"], []).append(_row_of(row))
        for row in rows:
            number = row["audit_row"]
            stored = found.setdefault(number, [])
            if row["content"] is not None:
                stored.append(_row_of(row))
            leaves[row["position"]] = StoredLeaf(
                position=row["position"],
                transaction=int(row["leaf_transaction"]),
                row=number,
                hash=row["hash"],
                tag=row["tag"],
                rows=stored,
            )
        return list(leaves.values())

    async def orphans(self, *, after: LeafPlace | None, limit: int) -> Sequence[OrphanLeaf]:
        begin = after or LeafPlace(batch=_FIRST_NUMBER, position=_FIRST_POSITION)
        async with self._cursor() as cursor:
            await cursor.execute(_ORPHANS, (begin.batch, begin.position, limit))
            return [_orphan_of(row, row["row"]) for row in await cursor.fetchall()]

    async def horizon(self, newest: StoredBatch) -> Horizon:
        async with self._cursor() as cursor:
            await cursor.execute(SNAPSHOT, (newest.sealed.header.number,))
            (snapshot,) = await cursor.fetchall()
        return horizon_of(newest.sealed, snapshot)

    async def loose(self, *, after: Place | None, horizon: Horizon | None, limit: int) -> LoosePage:
        begin = after or _BEFORE_ALL
        parameters = {
            "transaction": str(begin.transaction),
            "row": begin.row,
            "limit": limit,
        }
        async with self._cursor() as cursor:
            query = _LOOSE_FROM_THE_FIRST if after is None else _LOOSE
            rows = await (await cursor.execute(query, parameters)).fetchall()
            odd = [row for row in rows if not _is_held(row)]
            foreign = await self._with_foreign_leaf(cursor, odd)
        awaits_numbers = horizon is None or horizon.is_moving
        passed = max(_BEGINNING, _BEGINNING if horizon is None else horizon.place)
        return LoosePage(
            looked_at=len(rows),
            loose=[
                LooseRow(
                    row=row["row_number"],
                    orphan=_orphan_of(row, row["row_number"])
                    if row["batch"] is not None and row["is_orphan"] and row["is_of_transaction"]
                    else None,
                    is_passed=row["is_of_transaction"] is False
                    or not row["is_orphan"]
                    or _place_of(row) <= passed
                    or (row["is_to_come"] and not awaits_numbers),
                )
                for row in odd
                if row["batch"] is None or row["is_orphan"] or row["row_number"] in foreign
            ],
            last=_place_of(rows[-1]) if len(rows) == limit else None,
        )

    async def _with_foreign_leaf(
        self, cursor: AsyncCursor[DictRow], rows: list[DictRow]
    ) -> set[int]:
        """Returns the numbers of rows whose leaf belongs to another row, which is in its place."""
        leaves = [
            (row["row_number"], row["leaf_transaction"], *bounds)
            for row in rows
            if not row["is_orphan"] and (bounds := _bounds(row["month"]))
        ]
        if not leaves:
            return set()
        await cursor.execute(_OWN_ROWS, [list(column) for column in zip(*leaves, strict=True)])
        return {row["row"] for row in await cursor.fetchall()}

    @asynccontextmanager
    async def _cursor(self) -> AsyncIterator[AsyncCursor[DictRow]]:
        with translated_errors(), _readable():
            async with (
                self._pool.connection(within=_PATIENCE) as connection,
                connection.transaction(),
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                await cursor.execute(PINNED)
                await cursor.execute("SET LOCAL statement_timeout = 0")
                yield cursor


@contextmanager
def _readable() -> Iterator[None]:
    """Raises TrailUnreadableError if the owner has changed or removed part of the tables."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege:
        raise
    except (psycopg.ProgrammingError, psycopg.DataError) as error:
        raise TrailUnreadableError(error.diag.message_primary or type(error).__name__) from error


def _is_held(row: DictRow) -> bool:
    """Whether ``leaves`` returns this row with its leaf, judging by the row alone."""
    if row["is_orphan"] or not row["is_of_transaction"]:
        return False
    return bool(row["is_of_month"]) or _bounds(row["month"]) == _NO_MONTH


def _place_of(row: DictRow) -> Place:
    return Place(transaction=int(row["transaction"]), row=row["row_number"])


def _orphan_of(row: DictRow, number: int) -> OrphanLeaf:
    place = LeafPlace(batch=row["batch"], position=row["position"])
    return OrphanLeaf(place=place, row=number, hash=row["hash"], tag=row["tag"])


def _row_of(row: DictRow) -> StoredRow:
    return StoredRow(
        content=row["content"].encode(),
        transaction=int(row["transaction"]),
        user_id=None if row["user_id"] is None else UserId(row["user_id"]),
        occurred_at=row["created_at"],
    )


def _bounds(month: str) -> tuple[str, str]:
    try:
        begin, end = month_bounds(month)
    except (ValueError, OverflowError):
        # Not a month: the header was tampered with, or its rows have times outside any calendar.
        return _NO_MONTH
    return begin.isoformat(), end.isoformat()
