"""Registered front ends in PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, final
from uuid import UUID

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import fetch_row, fetch_rows
from application.ports.front_ends import FrontEnds
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId, SessionDelivery

_COLUMNS: Final = "id, name, url, delivery, idle_seconds, absolute_seconds, created_at, disabled_at"
_INSERT: Final = """
INSERT INTO vetassist_front_ends (
    id, name, url, origin, delivery, idle_seconds, absolute_seconds, created_at, disabled_at
)
VALUES (
    %(id)s, %(name)s, %(url)s, %(origin)s, %(delivery)s, %(idle_seconds)s, %(absolute_seconds)s,
    %(created_at)s, %(disabled_at)s
)
"""
_UPDATE: Final = """
UPDATE vetassist_front_ends SET
    name = %(name)s, url = %(url)s, origin = %(origin)s, delivery = %(delivery)s,
    idle_seconds = %(idle_seconds)s, absolute_seconds = %(absolute_seconds)s,
    disabled_at = %(disabled_at)s
WHERE id = %(id)s
"""
FIND: Final = f"SELECT {_COLUMNS} FROM vetassist_front_ends WHERE id = %s"  # noqa: S608 - constant
_HOLD: Final = f"{FIND} FOR SHARE"
_LOCK: Final = f"{FIND} FOR UPDATE"
LIST: Final = f"SELECT {_COLUMNS} FROM vetassist_front_ends ORDER BY created_at, id"  # noqa: S608 - constant


@final
class PostgresFrontEnds(FrontEnds):
    """Reads and writes ``vetassist_front_ends`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def add(self, front_end: FrontEnd) -> None:
        with translated_errors():
            await self._connection.execute(_INSERT, _parameters(front_end))

    async def find(self, front_end_id: FrontEndId) -> FrontEnd | None:
        return await self._one(FIND, front_end_id)

    async def hold(self, front_end_id: FrontEndId) -> FrontEnd | None:
        return await self._one(_HOLD, front_end_id)

    async def lock(self, front_end_id: FrontEndId) -> FrontEnd | None:
        return await self._one(_LOCK, front_end_id)

    async def save(self, front_end: FrontEnd) -> None:
        with translated_errors():
            await self._connection.execute(_UPDATE, _parameters(front_end))

    async def list_all(self) -> Sequence[FrontEnd]:
        return [front_end_of(row) for row in await fetch_rows(self._connection, LIST)]

    async def _one(self, query: str, front_end_id: FrontEndId) -> FrontEnd | None:
        row = await fetch_row(self._connection, query, (front_end_id,))
        return None if row is None else front_end_of(row)


def front_end_of(row: dict[str, Any]) -> FrontEnd:
    """Returns a front end from its columns."""
    return FrontEnd(
        id=FrontEndId(row["id"]),
        name=row["name"],
        url=row["url"],
        delivery=SessionDelivery(row["delivery"]),
        idle=_limit_of(row["idle_seconds"]),
        absolute=_limit_of(row["absolute_seconds"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )


def stored_id_of(front_end_id: FrontEndId) -> UUID | None:
    """Returns what is stored for a front end: NULL for the one of the settings."""
    return None if front_end_id == SETTINGS_FRONT_END else front_end_id


def front_end_id_of(stored: UUID | None) -> FrontEndId:
    """Returns the front end that is stored like this."""
    return SETTINGS_FRONT_END if stored is None else FrontEndId(stored)


def _parameters(front_end: FrontEnd) -> dict[str, object]:
    return {
        "id": front_end.id,
        "name": front_end.name,
        "url": front_end.url,
        "origin": front_end.origin,
        "delivery": front_end.delivery.value,
        "idle_seconds": _seconds(front_end.idle),
        "absolute_seconds": _seconds(front_end.absolute),
        "created_at": front_end.created_at,
        "disabled_at": front_end.disabled_at,
    }


def _seconds(limit: timedelta | None) -> int | None:
    return None if limit is None else int(limit.total_seconds())


def _limit_of(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
