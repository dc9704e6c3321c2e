"""Users and their aliases, in PostgreSQL."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import (
    DATA_KEY_COLUMNS,
    USER_COLUMNS,
    data_key_of,
    fetch_row,
    fetch_rows,
    user_of,
)
from adapters.postgres.stuck_rows import StuckRows
from application.ports.user_repository import UserRepository
from domain.identifiers import ICN, UserId
from domain.user import LinkedUser, User
from domain.va_identity import VAIdentity

_STORED_COLUMNS: Final = ", ".join(f"stored.{name}" for name in USER_COLUMNS.split(", "))
# The audit trail records which attributes changed, but not their values.
_CHANGED: Final = """
CASE WHEN before.id IS NULL THEN ARRAY[]::text[] ELSE array_remove(ARRAY[
    CASE WHEN linked.va_veteran_status IS DISTINCT FROM before.va_veteran_status
        THEN 'status' END,
    CASE WHEN linked.first_name IS DISTINCT FROM before.first_name THEN 'given_name' END,
    CASE WHEN linked.last_name IS DISTINCT FROM before.last_name THEN 'family_name' END,
    CASE WHEN linked.email IS DISTINCT FROM before.email THEN 'email' END
], NULL) END AS changed
"""
# The user's row stays locked until the unit of work ends. Of several first sign-ins at the same
# time, one inserts the row. The others wait and then update it.
_LINK: Final = f"""
WITH before AS MATERIALIZED (
    SELECT {USER_COLUMNS} FROM vetassist_users WHERE va_icn = %(icn)s FOR NO KEY UPDATE
), linked AS (
    INSERT INTO vetassist_users AS stored (
        id, va_icn, va_veteran_status, first_name, last_name, email,
        is_active, last_login_at, created_at, updated_at
    )
    -- Joined so that the row is read before it changes.
    SELECT
        %(new_id)s::uuid, %(icn)s, coalesce(%(status)s, 'unknown'), %(given_name)s,
        %(family_name)s, %(email)s, true, %(now)s::timestamptz, %(now)s::timestamptz,
        %(now)s::timestamptz
    FROM (SELECT count(*) FROM before) AS read_first
    ON CONFLICT (va_icn) DO UPDATE SET
        va_veteran_status = coalesce(%(status)s, stored.va_veteran_status),
        first_name = coalesce(excluded.first_name, stored.first_name),
        last_name = coalesce(excluded.last_name, stored.last_name),
        email = coalesce(excluded.email, stored.email),
        last_login_at = excluded.last_login_at,
        updated_at = excluded.updated_at
    RETURNING {USER_COLUMNS}, {DATA_KEY_COLUMNS}
), remembered AS (
    INSERT INTO vetassist_va_identities AS stored (
        issuer, subject, user_id, created_at, last_seen_at
    )
    SELECT %(issuer)s, %(subject)s, linked.id, %(now)s, %(now)s FROM linked
    ON CONFLICT (issuer, subject) DO UPDATE SET last_seen_at = excluded.last_seen_at
    RETURNING user_id
)
SELECT linked.*, remembered.user_id AS alias_owner, {_CHANGED}
FROM linked CROSS JOIN remembered LEFT JOIN before ON true
"""  # noqa: S608 - the columns are a constant
# Like everybody else, it locks the user before the alias. An alias that was moved to another user
# in between isn't found.
_LINK_ALIAS: Final = f"""
WITH before AS MATERIALIZED (
    SELECT {USER_COLUMNS} FROM vetassist_users
    WHERE id = (
        SELECT user_id FROM vetassist_va_identities
        WHERE issuer = %(issuer)s AND subject = %(subject)s
    )
    FOR NO KEY UPDATE
), remembered AS (
    UPDATE vetassist_va_identities SET last_seen_at = %(now)s
    WHERE issuer = %(issuer)s AND subject = %(subject)s AND user_id = (SELECT id FROM before)
    RETURNING user_id
), linked AS (
    UPDATE vetassist_users AS stored SET
        va_veteran_status = coalesce(%(status)s, before.va_veteran_status),
        first_name = coalesce(%(given_name)s, before.first_name),
        last_name = coalesce(%(family_name)s, before.last_name),
        email = coalesce(%(email)s, before.email),
        last_login_at = %(now)s,
        updated_at = %(now)s
    FROM before JOIN remembered ON remembered.user_id = before.id
    WHERE stored.id = before.id
    RETURNING {_STORED_COLUMNS}, {DATA_KEY_COLUMNS}
)
SELECT linked.*, linked.id AS alias_owner, {_CHANGED} FROM linked CROSS JOIN before
"""  # noqa: S608 - the columns are a constant
_SELECT: Final = f"""
SELECT {USER_COLUMNS} FROM vetassist_users WHERE id = %s
"""  # noqa: S608 - the columns are a constant
_FORGET_ALIASES: Final = "DELETE FROM vetassist_va_identities WHERE user_id = %s"
_SET_ACTIVE: Final = """
UPDATE vetassist_users SET is_active = %s, updated_at = %s WHERE id = %s
"""
_LOCK: Final = f"""
SELECT {USER_COLUMNS} FROM vetassist_users WHERE id = %s FOR NO KEY UPDATE
"""  # noqa: S608 - the columns are a constant
_FIND_BY_ICN: Final = "SELECT id FROM vetassist_users WHERE va_icn = %s"
# The sort comes before the locks. An ICN is a key, so its change needs the strongest lock: to wait
# for it only at the change could lead to a deadlock.
_LOCK_ALL: Final = f"""
SELECT {USER_COLUMNS} FROM vetassist_users WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""  # noqa: S608 - the columns are a constant
_CHANGE_ICN: Final = """
UPDATE vetassist_users SET va_icn = %s, updated_at = %s WHERE id = %s RETURNING id
"""
_MERGE: Final = """
WITH moved AS (
    UPDATE vetassist_va_identities SET user_id = %(into)s WHERE user_id = %(user_id)s
)
UPDATE vetassist_users SET merged_into = %(into)s, updated_at = %(now)s
WHERE id = %(user_id)s OR merged_into = %(user_id)s
"""


@final
class PostgresUserRepository(UserRepository):
    """Reads and writes users and their aliases on one connection."""

    def __init__(self, connection: AsyncConnection[Any], stuck_rows: StuckRows) -> None:
        self._connection = connection
        self._stuck_rows = stuck_rows

    async def link(
        self, identity: VAIdentity, icn: ICN, *, new_id: UserId, now: datetime
    ) -> LinkedUser:
        facts = _facts(identity, now) | {"new_id": new_id, "icn": icn.value}
        with self._stuck_rows.waiting_for(icn):
            row = await fetch_row(self._connection, _LINK, facts)
        if row is None:
            raise AssertionError("an upsert must return a row")
        return _linked(row, is_new=row["id"] == new_id)

    async def link_alias(self, identity: VAIdentity, *, now: datetime) -> LinkedUser | None:
        with self._stuck_rows.waiting_for((identity.issuer, identity.subject)):
            row = await fetch_row(self._connection, _LINK_ALIAS, _facts(identity, now))
        if row is None:
            return None
        return _linked(row, is_new=False)

    async def find(self, user_id: UserId) -> User | None:
        row = await fetch_row(self._connection, _SELECT, (user_id,))
        return None if row is None else user_of(row)

    async def lock(self, user_id: UserId) -> User | None:
        with self._stuck_rows.waiting_for(user_id):
            row = await fetch_row(self._connection, _LOCK, (user_id,))
        return None if row is None else user_of(row)

    async def find_by_icn(self, icn: ICN) -> UserId | None:
        row = await fetch_row(self._connection, _FIND_BY_ICN, (icn.value,))
        return None if row is None else UserId(row["id"])

    async def lock_all(self, user_ids: Collection[UserId]) -> list[User]:
        rows = await fetch_rows(self._connection, _LOCK_ALL, (list(user_ids),))
        return [user_of(row) for row in rows]

    async def change_icn(self, user_id: UserId, icn: ICN | None, *, now: datetime) -> None:
        # The answer is awaited, so that a conflict is raised here and not at commit.
        await fetch_row(self._connection, _CHANGE_ICN, (icn and icn.value, now, user_id))

    async def merge(self, user_id: UserId, *, into: UserId, now: datetime) -> None:
        parameters = {"user_id": user_id, "into": into, "now": now}
        with translated_errors():
            await self._connection.execute(_MERGE, parameters)

    async def forget_aliases(self, user_id: UserId) -> None:
        with translated_errors():
            await self._connection.execute(_FORGET_ALIASES, (user_id,))

    async def set_active(self, user_id: UserId, *, is_active: bool, now: datetime) -> None:
        with translated_errors():
            await self._connection.execute(_SET_ACTIVE, (is_active, now, user_id))


def _linked(row: dict[str, Any], *, is_new: bool) -> LinkedUser:
    return LinkedUser(
        user=user_of(row),
        alias_owner=UserId(row["alias_owner"]),
        is_new=is_new,
        data_key=data_key_of(row),
        changed=tuple(row["changed"]),
    )


def _facts(identity: VAIdentity, now: datetime) -> dict[str, object]:
    return {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "status": identity.status and identity.status.value,
        "given_name": identity.given_name,
        "family_name": identity.family_name,
        "email": identity.email,
        "now": now,
    }
