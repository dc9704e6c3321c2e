"""Outages, as processes recorded them afterwards."""

from typing import Any, Final, final

from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.postgres.errors import translated_errors
from application.ports.outages import Outages
from domain.outage import Outage

_NEWEST: Final = """
SELECT began_at, ended_at FROM vetassist_outages ORDER BY ended_at DESC LIMIT 1
"""


@final
class PostgresOutages(Outages):
    """Reads ``vetassist_outages``, which `PrimaryWatch` writes."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def newest(self) -> Outage | None:
        with translated_errors():
            async with self._connection.cursor(row_factory=class_row(Outage)) as cursor:
                await cursor.execute(_NEWEST)
                return await cursor.fetchone()
