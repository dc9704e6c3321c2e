"""Fetches rows and converts them to domain values."""

import json
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from adapters.postgres.errors import translated_errors
from domain.data_key import WrappedDataKey
from domain.errors import InvalidICNError
from domain.identifiers import ICN, UserId
from domain.user import User
from domain.va_tokens import SealedVATokens
from domain.veteran_status import VeteranStatus
from domain.visitor import Visitor

USER_COLUMNS: Final = (
    "id, va_icn, va_veteran_status, first_name, last_name, email, is_active, last_login_at, "
    "merged_into"
)

#: The columns of an audit row that describe the visitor.
VISITOR_COLUMNS: Final = "ip_hash, user_agent_hash, hash_key_id, request_id, operator"

#: The time of an audit row, or the nearest time that Python can represent.
OCCURRED_AT: Final = (
    "LEAST(GREATEST(created_at, '0001-01-02 00:00:00+00'), '9999-12-30 00:00:00+00')"
)

DATA_KEY_COLUMNS: Final = "data_key, data_key_version, data_key_master_id"

SEALED_COLUMNS: Final = (
    "access_token_encrypted, refresh_token_encrypted, id_token_encrypted, "
    "token_type, scope, expires_at"
)


async def fetch_rows(
    connection: AsyncConnection[Any], query: str, parameters: Any = ()
) -> list[DictRow]:
    """Executes a statement and returns the rows that it yields.

    Raises:
        ConflictError: A unique constraint was violated.
        UnavailableError: The database didn't answer.
    """
    with translated_errors():
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()


async def fetch_row(
    connection: AsyncConnection[Any], query: str, parameters: Any = ()
) -> DictRow | None:
    """Executes a statement and returns its first row, or None. Raises like ``fetch_rows``."""
    rows = await fetch_rows(connection, query, parameters)
    return rows[0] if rows else None


def data_key_of(row: dict[str, Any]) -> WrappedDataKey | None:
    """Returns a user's wrapped data key from its columns, or None if there isn't one."""
    if row["data_key"] is None:
        return None
    return WrappedDataKey(
        user_id=UserId(row["id"]),
        version=row["data_key_version"],
        master_key_id=row["data_key_master_id"],
        box=row["data_key"],
    )


def sealed_tokens_of(row: dict[str, Any], user_id: UserId) -> SealedVATokens:
    """Returns a user's sealed tokens from their columns."""
    refresh, id_token = row["refresh_token_encrypted"], row["id_token_encrypted"]
    return SealedVATokens(
        user_id=user_id,
        access_token=bytes_of(row["access_token_encrypted"]),
        refresh_token=None if refresh is None else bytes_of(refresh),
        id_token=None if id_token is None else bytes_of(id_token),
        token_type=row["token_type"] or "Bearer",
        scope=row["scope"] or "",
        expires_at=row["expires_at"],
    )


def sealed_parameters(tokens: SealedVATokens) -> dict[str, object]:
    """Returns the parameters of a statement that stores sealed tokens."""
    return {
        "user_id": tokens.user_id,
        # Text, because `bytea` columns and the `text` columns of an earlier phase both accept it.
        "access": tokens.access_token.decode(),
        "refresh": tokens.refresh_token and tokens.refresh_token.decode(),
        "id_token": tokens.id_token and tokens.id_token.decode(),
        "token_type": tokens.token_type,
        "scope": tokens.scope,
        "expires_at": tokens.expires_at,
    }


def visitor_of(row: dict[str, Any]) -> Visitor:
    """Returns the visitor from the columns of an audit row."""
    return Visitor(
        address_hash=row["ip_hash"],
        user_agent_hash=row["user_agent_hash"],
        key_id=row["hash_key_id"],
        request_id=row["request_id"],
        operator=row["operator"],
    )


def event_data_of(text: str | None) -> dict[str, str | int]:
    """Returns the data of an audit row, or an empty dict if it isn't a JSON object.

    Values other than strings and integers, which this service doesn't write, become JSON text.
    """
    try:
        stored = json.loads(text or "{}")
    except (ValueError, RecursionError):
        # For example, a number with thousands of digits.
        stored = None
    if not isinstance(stored, dict):
        return {}
    return {
        name: value if isinstance(value, str | int) else json.dumps(value)
        for name, value in stored.items()
    }


def visitor_parameters(visitor: Visitor) -> dict[str, object]:
    """Returns the parameters of a statement that stores a visitor, named like the columns."""
    return {
        "ip_hash": visitor.address_hash,
        "user_agent_hash": visitor.user_agent_hash,
        "hash_key_id": visitor.key_id,
        "request_id": visitor.request_id,
        "operator": visitor.operator,
    }


def bytes_of(value: bytes | str) -> bytes:
    """Returns a sealed value as bytes. An earlier phase may have used a `text` column."""
    return value.encode() if isinstance(value, str) else value


def user_of(row: dict[str, Any]) -> User:
    """Returns a user from its columns. Invalid values of an earlier phase become unknown."""
    return User(
        id=UserId(row["id"]),
        icn=_icn(row["va_icn"]),
        status=_status(row["va_veteran_status"]),
        given_name=row["first_name"],
        family_name=row["last_name"],
        email=row["email"],
        is_active=row["is_active"] is not False,
        last_login_at=row["last_login_at"],
        merged_into=None if row["merged_into"] is None else UserId(row["merged_into"]),
    )


def _icn(value: str | None) -> ICN | None:
    # An earlier phase stored the provider's `sub` if it had no ICN. It doesn't identify a person.
    try:
        return ICN.parse(value)
    except InvalidICNError:
        return None


def _status(value: str | None) -> VeteranStatus:
    try:
        return VeteranStatus((value or "").replace("_", " "))
    except ValueError:
        return VeteranStatus.UNKNOWN
