"""Arguments and options that several commands share."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from entrypoints.starting import EXIT_SETTINGS, fail

#: Free text could hold anything: a name, an ICN, or control sequences of a terminal.
_REASON: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def _reason(text: str) -> str:
    if _REASON.fullmatch(text) is None:
        fail(
            ["--reason must be a short code, such as `lost_device`: a-z, 0-9, `_`, `.` and `-`"],
            EXIT_SETTINGS,
        )
    return text


UserIdArgument = Annotated[UUID, typer.Argument(help="The user's id: the JWT's `sub`.")]
ClientIdArgument = Annotated[str, typer.Argument(help="The client's id.")]
Reason = Annotated[
    str,
    typer.Option(
        callback=_reason,
        help="A short code for why, such as `lost_device`. The audit trail keeps it.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")
]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")]


def in_utc(instant: datetime | None) -> datetime | None:
    """An option's instant, which the command line gives without a time zone."""
    return None if instant is None else instant.replace(tzinfo=UTC)


def text_of(path: Path) -> str:
    """The text of a file that the operator named; exits if there is none."""
    try:
        return path.read_text()
    except (OSError, UnicodeError):
        fail([f"{path}: the file cannot be read as text"], EXIT_SETTINGS)
