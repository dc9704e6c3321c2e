"""How PostgreSQL is."""

from typing import Final, final

from psycopg.rows import class_row

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from application.ports.vital_signs import Vitals, VitalSigns

# One look at a few index ends, and a count of a table that is nearly empty when all is well.
_SELECT: Final = """
SELECT
    clock_timestamp() AS now,
    (SELECT count(*) FROM vetassist_va_revocations) AS outbox,
    (SELECT min(created_at) FROM vetassist_va_revocations) AS oldest_in_outbox,
    (SELECT min(expires_at) FROM vetassist_login_attempts) AS oldest_sign_in_end,
    (SELECT min(expires_at) FROM vetassist_sessions) AS oldest_session_end,
    (
        SELECT created_at FROM vetassist_auth_audit
        WHERE (transaction_id, row_number) > (
            coalesce(newest.horizon_transaction, 0)::text::xid8, coalesce(newest.horizon_row, 0)
        )
        ORDER BY transaction_id, row_number LIMIT 1
    ) AS oldest_unsealed,
    newest.sealed_at AS newest_seal_at,
    has_table_privilege('vetassist_auth_audit', 'UPDATE')
        OR has_table_privilege('vetassist_auth_audit', 'DELETE')
        OR has_table_privilege('vetassist_auth_audit', 'TRUNCATE') AS may_rewrite_audit
FROM (VALUES (true)) AS once
LEFT JOIN (
    SELECT * FROM vetassist_audit_batches ORDER BY number DESC LIMIT 1
) AS newest ON true
"""


@final
class PostgresVitalSigns(VitalSigns):
    """One statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self) -> Vitals:
        with translated_errors():
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=class_row(Vitals)) as cursor,
            ):
                await cursor.execute(_SELECT)
                row = await cursor.fetchone()
        # It answers with one row, whatever is stored.
        assert row is not None  # noqa: S101
        return row
