"""What is stored about users, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, final

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from adapters.postgres.rows import USER_COLUMNS, user_of
from adapters.postgres.session_repository import SESSION_COLUMNS, session_of
from application.ports.user_records import UserRecords
from domain.identifiers import UserId
from domain.user_record import KnownAccount, UserRecord, UserSummary, VALink
from domain.user_search import ByEmail, ByICN, ById, ByName, NamePrefix
from domain.va_identity import VAAccount

_SELECT: Final = f"SELECT {USER_COLUMNS}, created_at FROM vetassist_users"  # noqa: S608 - constant
_BY_ID: Final = f"""
{_SELECT} WHERE id IN (
    SELECT %(id)s::uuid UNION SELECT user_id FROM vetassist_sessions WHERE id = %(id)s
)
ORDER BY id LIMIT %(limit)s
"""  # noqa: S608 - the columns are a constant
_BY_ICN: Final = f"{_SELECT} WHERE va_icn = %(icn)s LIMIT %(limit)s"
# The expressions are those of the indexes.
_EMAIL: Final = 'vetassist_folded(email) COLLATE "C"'
_FIRST: Final = 'vetassist_folded(first_name) COLLATE "C"'
_LAST: Final = 'vetassist_folded(last_name) COLLATE "C"'
_BY_EMAIL: Final = f"""
{_SELECT} WHERE {_EMAIL} = vetassist_folded(%(email)s) ORDER BY {_EMAIL}, id LIMIT %(limit)s
"""
_LIST: Final = f"{_SELECT} WHERE id = ANY(%(ids)s) ORDER BY id"
# No character sorts after the last one of Unicode.
_BEGINS: Final = """
{column} >= vetassist_folded(%({name})s)
AND {column} < vetassist_folded(%({name})s) || U&'\\+10FFFF'
"""
# Each way to read the text has a branch of its own, which reads an index in order and stops early.
_BY_NAME: Final = """
SELECT DISTINCT ON (last, first, id) found.*
FROM ({branches}) AS found
ORDER BY last, first, id
LIMIT %(limit)s
"""
_BRANCH: Final = f"""(
    SELECT {USER_COLUMNS}, created_at, {_LAST} AS last, {_FIRST} AS first
    FROM vetassist_users
    WHERE {{conditions}}
    ORDER BY {{order}}, id
    LIMIT %(limit)s
)"""  # noqa: S608 - the columns are a constant
_ACCOUNTS: Final = """
SELECT issuer, subject, created_at, last_seen_at FROM vetassist_va_identities
WHERE user_id = %s ORDER BY last_seen_at DESC, issuer, subject
"""
_LINK: Final = """
SELECT issuer, subject, scope, expires_at, needs_sign_in_at
FROM vetassist_va_tokens WHERE user_id = %s
"""
_SESSIONS: Final = f"""
SELECT {SESSION_COLUMNS} FROM vetassist_sessions WHERE user_id = %s
ORDER BY (revoked_at IS NULL AND expires_at > %s) DESC, created_at DESC, id DESC
LIMIT %s
"""  # noqa: S608 - the columns are a constant
_MERGED: Final = "SELECT id FROM vetassist_users WHERE merged_into = %s ORDER BY id"


@final
class PostgresUserRecords(UserRecords):
    """Reads with one statement for each kind of thing, on pooled connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def search(
        self, wanted: ById | ByICN | ByEmail | ByName, *, limit: int
    ) -> Sequence[UserSummary]:
        query, parameters = _search(wanted)
        return await self._summaries(query, {**parameters, "limit": limit})

    async def find_all(self, user_ids: Collection[UserId]) -> Sequence[UserSummary]:
        return await self._summaries(_LIST, {"ids": [*user_ids]})

    async def find(self, user_id: UserId, *, now: datetime, max_sessions: int) -> UserRecord | None:
        summaries = await self.find_all([user_id])
        if not summaries:
            return None
        accounts = await self._rows(_ACCOUNTS, (user_id,))
        links = await self._rows(_LINK, (user_id,))
        sessions = await self._rows(_SESSIONS, (user_id, now, max_sessions + 1))
        merged = await self._rows(_MERGED, (user_id,))
        return UserRecord(
            summary=summaries[0],
            accounts=tuple(map(_account_of, accounts)),
            link=_link_of(links[0]) if links else None,
            sessions=tuple(map(session_of, sessions[:max_sessions])),
            has_more_sessions=len(sessions) > max_sessions,
            merged=tuple(UserId(row["id"]) for row in merged),
        )

    async def _summaries(self, query: str, parameters: Mapping[str, object]) -> list[UserSummary]:
        rows = await self._rows(query, parameters)
        return [UserSummary(user=user_of(row), created_at=row["created_at"]) for row in rows]

    async def _rows(self, query: str, parameters: Any) -> list[dict[str, Any]]:
        with translated_errors():
            return await self._pool.rows(query, parameters)


def _search(wanted: ById | ByICN | ByEmail | ByName) -> tuple[str, dict[str, object]]:
    match wanted:
        case ById(id=id_):
            return _BY_ID, {"id": id_}
        case ByICN(icn=icn):
            return _BY_ICN, {"icn": icn.value}
        case ByEmail(email=email):
            return _BY_EMAIL, {"email": email}
        case ByName(prefixes=prefixes):
            return _by_name(prefixes)


def _by_name(prefixes: Sequence[NamePrefix]) -> tuple[str, dict[str, object]]:
    branches = []
    parameters: dict[str, object] = {}
    for number, prefix in enumerate(prefixes):
        parts = [
            (column, f"{name}{number}", text)
            for column, name, text in (
                (_LAST, "last", prefix.last),
                (_FIRST, "first", prefix.first),
            )
            if text
        ]
        parameters |= {name: text for _, name, text in parts}
        conditions = [_BEGINS.format(column=column, name=name) for column, name, _ in parts]
        # The order of the index that begins with the first of the columns.
        order = f"{_LAST}, {_FIRST}" if prefix.last else f"{_FIRST}, {_LAST}"
        branches.append(_BRANCH.format(conditions=" AND ".join(conditions), order=order))
    return _BY_NAME.format(branches=" UNION ALL ".join(branches)), parameters


def _account_of(row: dict[str, Any]) -> KnownAccount:
    return KnownAccount(
        account=VAAccount(issuer=row["issuer"], subject=row["subject"]),
        created_at=row["created_at"],
        last_seen_at=row["last_seen_at"],
    )


def _link_of(row: dict[str, Any]) -> VALink:
    is_known = None not in (row["issuer"], row["subject"])
    return VALink(
        account=VAAccount(issuer=row["issuer"], subject=row["subject"]) if is_known else None,
        scope=row["scope"] or "",
        expires_at=row["expires_at"],
        needs_sign_in=row["needs_sign_in_at"] is not None,
    )
