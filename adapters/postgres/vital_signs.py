"""The vital signs of PostgreSQL."""

from datetime import datetime, timedelta
from typing import Final, final

from psycopg.rows import dict_row

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from adapters.postgres.rights import read_rights
from adapters.postgres.rows import OCCURRED_AT
from application.ports.vital_signs import Rights, Vitals, VitalSigns
from domain.login_attempt import ATTEMPT_KEPT_FOR

# Reads the ends of a few indexes, and counts tables that are normally almost empty.
_SELECT: Final = f"""
SELECT
    clock_timestamp() AS now,
    (SELECT count(*) FROM vetassist_va_revocations) AS outbox,
    (SELECT min(created_at) FROM vetassist_va_revocations) AS oldest_in_outbox,
    (SELECT min(expires_at) FROM vetassist_login_attempts)
        + interval '{ATTEMPT_KEPT_FOR.total_seconds()} seconds' AS oldest_sign_in_end,
    (SELECT min(expires_at) FROM vetassist_sessions) AS oldest_session_end,
    CASE WHEN newest.horizon_transaction > pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    THEN (
        -- The trail was copied from a server with higher numbers, so only the leaves tell what
        -- is sealed.
        SELECT min({OCCURRED_AT}) FROM vetassist_auth_audit AS audit
        WHERE NOT EXISTS (SELECT FROM vetassist_audit_leaves WHERE audit_row = audit.row_number)
    ) ELSE (
        SELECT {OCCURRED_AT} FROM vetassist_auth_audit
        WHERE (transaction_id, row_number) > (
            coalesce(newest.horizon_transaction, 0)::text::xid8, coalesce(newest.horizon_row, 0)
        )
        ORDER BY transaction_id, row_number LIMIT 1
    ) END AS oldest_unsealed,
    coalesce(newest.number, 0) AS newest_seal,
    newest.sealed_at AS newest_seal_at,
    ARRAY(
        SELECT to_char(month, 'YYYY-MM')
        FROM generate_series(0, 2) AS ahead, LATERAL (
            SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead)
        ) AS months (month)
        WHERE NOT EXISTS (
            SELECT FROM pg_inherits JOIN pg_class ON oid = inhrelid
            WHERE inhparent = 'vetassist_auth_audit'::regclass
              AND relname = 'vetassist_auth_audit_' || to_char(month, 'YYYY_MM')
        )
        ORDER BY month
    ) AS missing_months,
    vetassist_audit_rows_of_no_month() AS rows_of_no_month
FROM (VALUES (true)) AS once
LEFT JOIN (
    SELECT * FROM vetassist_audit_batches ORDER BY number DESC LIMIT 1
) AS newest ON true
"""  # noqa: S608 - the columns are a constant
# If the trail was copied from a server with higher numbers, rows behind the horizon can still be
# sealed.
_PASSED_BY: Final = f"""
SELECT min({OCCURRED_AT}) AS oldest
FROM vetassist_auth_audit AS audit, (
    SELECT * FROM vetassist_audit_batches ORDER BY number DESC LIMIT 1
) AS newest
WHERE newest.horizon_transaction <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
  AND (transaction_id, row_number) <= (newest.horizon_transaction::text::xid8, newest.horizon_row)
  AND NOT EXISTS (SELECT FROM vetassist_audit_leaves WHERE audit_row = audit.row_number)
"""  # noqa: S608 - the columns are a constant
_PATIENCE: Final = timedelta(seconds=20)
_ALLOW_TIME: Final = "SET LOCAL statement_timeout = '20s'"


@final
class PostgresVitalSigns(VitalSigns):
    """Reads each answer from the tables or the system catalog, on a pooled connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self) -> Vitals:
        with translated_errors():
            (row,) = await self._pool.rows(_SELECT)
        return Vitals(**row)

    async def rights(self) -> Rights:
        with translated_errors():
            return await self._pool.answer(read_rights)

    async def oldest_passed_by(self) -> datetime | None:
        with translated_errors():
            async with (
                self._pool.connection(within=_PATIENCE) as connection,
                connection.transaction(),
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                await cursor.execute(_ALLOW_TIME)
                await cursor.execute(_PASSED_BY)
                (row,) = await cursor.fetchall()
        oldest: datetime | None = row["oldest"]
        return oldest
