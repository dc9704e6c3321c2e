"""The months of the audit trail, in PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any, Final, final

from psycopg import AsyncConnection, sql
from psycopg.errors import InsufficientPrivilege

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import fetch_rows
from application.errors import ForbiddenError
from application.ports.audit_partitions import AuditPartitions, MonthStanding
from domain.audit_retention import BatchesExported, DroppedMonth, month_bounds

_MAKE_AHEAD: Final = "SELECT vetassist_make_audit_partitions() AS made"
_MONTHS: Final = """
SELECT substr(name, 22, 4) || '-' || substr(name, 27, 2) AS month
FROM (
    SELECT relname AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = 'vetassist_auth_audit'::regclass
) AS partitions
WHERE name ~ '^vetassist_auth_audit_[0-9]{4}_[0-9]{2}$'
ORDER BY month
"""
_HOLD: Final = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"
_ROWS: Final = """
SELECT count(*) AS rows, count(*) FILTER (WHERE leaf.audit_row IS NULL) AS unsealed
FROM vetassist_auth_audit AS audit
LEFT JOIN vetassist_audit_leaves AS leaf
    ON (leaf.transaction_id, leaf.audit_row) = (audit.transaction_id, audit.row_number)
    AND EXISTS (SELECT FROM vetassist_audit_batches WHERE number = leaf.batch)
WHERE audit.created_at >= %s AND audit.created_at < %s
"""
_BATCHES: Final = """
SELECT coalesce(max(number), 0) AS last_batch, count(*) FILTER (WHERE NOT EXISTS (
    SELECT FROM unnest(%s::bigint[], %s::bigint[]) AS export (first_batch, last_batch)
    WHERE batch.number BETWEEN first_batch AND last_batch
)) AS unexported
FROM vetassist_audit_batches AS batch WHERE month = %s
"""
_NOTE_EXPORT: Final = """
INSERT INTO vetassist_audit_exports (
    id, first_batch, last_batch, sha256, exported_at, key_id, mac
)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
# Python can't represent times outside this range in every time zone.
_EXPORTS: Final = """
SELECT id, first_batch, last_batch, sha256, exported_at AS at, key_id, mac
FROM vetassist_audit_exports
WHERE key_id IS NOT NULL AND mac IS NOT NULL
  AND exported_at BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC'
"""
_DROP_ROWS: Final = "DROP TABLE {}"
_DROP_LEAVES: Final = """
DELETE FROM vetassist_audit_leaves
WHERE batch IN (SELECT number FROM vetassist_audit_batches WHERE month = %s)
"""
# A month can be dropped again if it got a late row after the first drop.
_NOTE_DROP: Final = """
INSERT INTO vetassist_audit_drops (month, last_batch, row_count, dropped_at, key_id, mac)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (month) DO UPDATE SET
    last_batch = excluded.last_batch, row_count = excluded.row_count,
    dropped_at = excluded.dropped_at, key_id = excluded.key_id, mac = excluded.mac
"""


@final
class PostgresAuditPartitions(AuditPartitions):
    """Each month is a partition of ``vetassist_auth_audit``."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def make_ahead(self) -> int:
        (row,) = await fetch_rows(self._connection, _MAKE_AHEAD)
        return int(row["made"])

    async def months(self) -> Sequence[str]:
        return [row["month"] for row in await fetch_rows(self._connection, _MONTHS)]

    async def hold(self, month: str) -> None:
        with translated_errors(), _owners_only():
            cursor = await self._connection.execute(_on_partition(_HOLD, month))
            # In a pipeline, an error is raised only when a result is fetched.
            await cursor.execute("SELECT 1")
            await cursor.fetchall()

    async def standing(self, month: str, exports: Sequence[BatchesExported]) -> MonthStanding:
        with translated_errors():
            # A month is large, and no request is waiting.
            await self._connection.execute("SET LOCAL statement_timeout = 0")
        (rows,) = await fetch_rows(self._connection, _ROWS, month_bounds(month))
        firsts = [each.first_batch for each in exports]
        lasts = [each.last_batch for each in exports]
        (batches,) = await fetch_rows(self._connection, _BATCHES, (firsts, lasts, month))
        return MonthStanding(**rows, **batches)

    async def note_export(self, exported: BatchesExported) -> None:
        noted = (
            exported.id,
            exported.first_batch,
            exported.last_batch,
            exported.sha256,
            exported.at,
            exported.key_id,
            exported.mac,
        )
        with translated_errors():
            await self._connection.execute(_NOTE_EXPORT, noted)

    async def exports(self) -> Sequence[BatchesExported]:
        rows = await fetch_rows(self._connection, _EXPORTS)
        return [BatchesExported(**(row | {"at": row["at"].astimezone(UTC)})) for row in rows]

    async def drop(self, dropped: DroppedMonth) -> None:
        noted = (
            dropped.month,
            dropped.last_batch,
            dropped.rows,
            dropped.dropped_at,
            dropped.key_id,
            dropped.mac,
        )
        with translated_errors(), _owners_only():
            await self._connection.execute(_DROP_LEAVES, (dropped.month,))
            await self._connection.execute(_on_partition(_DROP_ROWS, dropped.month))
            cursor = await self._connection.execute(_NOTE_DROP, noted)
            await cursor.execute("SELECT 1")
            await cursor.fetchall()


def _on_partition(query: str, month: str) -> sql.Composed:
    begin, _ = month_bounds(month)
    return sql.SQL(query).format(sql.Identifier(f"vetassist_auth_audit_{begin:%Y_%m}"))


@contextmanager
def _owners_only() -> Iterator[None]:
    try:
        yield
    except InsufficientPrivilege as error:
        raise ForbiddenError("only the owner of the tables can do this") from error
