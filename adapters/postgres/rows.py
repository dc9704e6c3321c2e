"""Rows as domain values."""

from typing import Any, Final

from domain.data_key import WrappedDataKey
from domain.errors import InvalidICNError
from domain.identifiers import ICN, UserId
from domain.user import User
from domain.veteran_status import VeteranStatus

USER_COLUMNS: Final = (
    "id, va_icn, va_veteran_status, first_name, last_name, email, is_active, last_login_at"
)

DATA_KEY_COLUMNS: Final = "data_key, data_key_version, data_key_master_id"


def data_key_of(row: dict[str, Any]) -> WrappedDataKey | None:
    """A user's wrapped data key from its columns, or None while there is none."""
    if row["data_key"] is None:
        return None
    return WrappedDataKey(
        user_id=UserId(row["id"]),
        version=row["data_key_version"],
        master_key_id=row["data_key_master_id"],
        box=row["data_key"],
    )


def user_of(row: dict[str, Any]) -> User:
    """A user from its columns; values that an earlier phase left odd read as unknown."""
    return User(
        id=UserId(row["id"]),
        icn=_icn(row["va_icn"]),
        status=_status(row["va_veteran_status"]),
        given_name=row["first_name"],
        family_name=row["last_name"],
        email=row["email"],
        is_active=row["is_active"] is not False,
        last_login_at=row["last_login_at"],
    )


def _icn(value: str | None) -> ICN | None:
    # The earlier phase fell back to the provider's `sub`; that names no person.
    try:
        return ICN.parse(value)
    except InvalidICNError:
        return None


def _status(value: str | None) -> VeteranStatus:
    try:
        return VeteranStatus((value or "").replace("_", " "))
    except ValueError:
        return VeteranStatus.UNKNOWN
