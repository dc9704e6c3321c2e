"""Committed front ends, in PostgreSQL."""

from collections.abc import Sequence
from typing import final

from adapters.postgres.errors import translated_errors
from adapters.postgres.front_ends import FIND, LIST, front_end_of
from adapters.postgres.pool import Pool
from application.ports.front_end_directory import FrontEndDirectory
from domain.front_end import FrontEnd, FrontEndId


@final
class PostgresFrontEndDirectory(FrontEndDirectory):
    """Reads with one statement on a pooled connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, front_end_id: FrontEndId) -> FrontEnd | None:
        with translated_errors():
            rows = await self._pool.rows(FIND, (front_end_id,))
        return front_end_of(rows[0]) if rows else None

    async def list_all(self) -> Sequence[FrontEnd]:
        with translated_errors():
            rows = await self._pool.rows(LIST, ())
        return [front_end_of(row) for row in rows]
