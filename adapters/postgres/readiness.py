"""Whether PostgreSQL answers with the schema that this service needs."""

from typing import final

from adapters.postgres.errors import translated_errors
from adapters.postgres.migrations import migrations
from adapters.postgres.pool import Pool
from application.errors import UnavailableError
from application.ports.readiness import Readiness


@final
class PostgresReadiness(Readiness):
    """Compares the applied steps of the schema with the known ones."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._needed = {migration.version for migration in migrations()}

    async def check(self) -> None:
        with translated_errors():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(
                    "SELECT to_regclass('vetassist_schema_migrations')"
                )
                row = await cursor.fetchone()
                if row is None or row[0] is None:
                    raise UnavailableError("schema_missing")
                cursor = await connection.execute("SELECT version FROM vetassist_schema_migrations")
                applied = {version for (version,) in await cursor.fetchall()}
        if not self._needed <= applied:
            raise UnavailableError("schema_behind")
