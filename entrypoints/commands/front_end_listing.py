"""Front ends as an operator reads them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from application.front_end_rules import minutes
from application.use_cases.front_ends.list_front_ends import ListedFrontEnd
from domain.front_end import FrontEnd
from entrypoints.commands import tables

_HEADINGS: Final = ("Front end", "Name", "URL", "Delivery", "Idle", "Absolute", "State")


def print_table(front_ends: Sequence[ListedFrontEnd]) -> None:
    """Print a table for people."""
    tables.print_table(_HEADINGS, [_record(each) for each in front_ends])


def print_one(listed: ListedFrontEnd) -> None:
    """Print one front end, for people."""
    created = ("Created", _time(listed.front_end.created_at))
    tables.print_fields([*zip(_HEADINGS, _record(listed), strict=True), created])


def listed_fields_of(listed: ListedFrontEnd) -> dict[str, object]:
    """A front end as JSON, and whether Veterans can sign in from it."""
    return fields_of(listed.front_end) | {"is_served": listed.is_served}


def fields_of(front_end: FrontEnd) -> dict[str, object]:
    """A front end as JSON. A limit that isn't its own is null."""
    return {
        "front_end_id": str(front_end.id),
        "name": front_end.name,
        "url": front_end.url,
        "delivery": front_end.delivery.value,
        "idle_minutes": _minutes(front_end.idle),
        "absolute_minutes": _minutes(front_end.absolute),
        "is_of_settings": front_end.is_of_settings,
        "created_at": _instant(front_end.created_at),
        "disabled_at": _instant(front_end.disabled_at),
    }


def _record(listed: ListedFrontEnd) -> Sequence[tables.Cell]:
    front_end = listed.front_end
    return (
        str(front_end.id),
        front_end.name,
        front_end.url,
        front_end.delivery.value,
        _words(front_end.idle),
        _words(front_end.absolute),
        _state(listed),
    )


def _words(limit: timedelta | None) -> str:
    return "the service's" if limit is None else f"{minutes(limit)} min"


def _state(listed: ListedFrontEnd) -> str:
    front_end = listed.front_end
    if front_end.is_of_settings:
        return "from the settings"
    disabled_at = front_end.disabled_at
    if disabled_at is not None:
        return f"disabled {_time(disabled_at)}"
    return "enabled" if listed.is_served else "not served: the settings have its origin"


def _minutes(limit: timedelta | None) -> int | None:
    return None if limit is None else minutes(limit)


def _time(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M} UTC"


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
