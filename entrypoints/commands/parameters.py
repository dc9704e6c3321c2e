"""Arguments and options that several commands share."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from entrypoints.starting import EXIT_SETTINGS, fail

# More digits than the database keeps.
_TOO_FINE: Final = re.compile(r"[.,]\d{7}")


def _reason(text: str) -> str:
    from domain.errors import InvalidReasonError
    from domain.operator import parse_reason

    try:
        return parse_reason(text)
    except InvalidReasonError as error:
        fail([f"--reason {error}"], EXIT_SETTINGS)


def _instant(text: str) -> datetime:
    """An instant in UTC. One without an offset is UTC already."""
    try:
        # No instant is written like this.
        instant = datetime.fromisoformat(_TOO_FINE.sub("too fine", text.strip()))
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "must be an instant, such as 2026-01-20, 2026-01-20T17:30:00 (both UTC), or "
            "2026-01-20T12:30:00-05:00"
        ) from None


def id_of(text: str) -> UUID:
    """An id on the command line."""
    # What was given instead isn't repeated: it may be a name or an ICN.
    try:
        return UUID(text.strip())
    except ValueError:
        raise typer.BadParameter("must be an id: 32 hexadecimal digits with hyphens") from None


def whole_number(least: int, most: int) -> Callable[[object], int]:
    """Reads a whole number by the rule of the settings. Python alone takes `1_0` for ten."""

    def read(given: object) -> int:
        from entrypoints import setting_rules

        try:
            return setting_rules.whole_number(least, most)(str(given).strip())
        except ValueError as fault:
            raise typer.BadParameter(str(fault)) from None

    return read


def clean_text(text: str | None) -> str | None:
    """A callback for free text: exits if the text isn't valid UTF-8."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        fail(["an argument is not valid UTF-8"], EXIT_SETTINGS)
    return text


def clean_texts(texts: list[str] | None) -> list[str]:
    """The same for several texts."""
    return [clean_text(text) or "" for text in texts or []]


UserIdArgument = Annotated[
    UUID, typer.Argument(parser=id_of, help="The user's id: the JWT's `sub`.")
]
SessionIdArgument = Annotated[
    UUID, typer.Argument(parser=id_of, help="The session's id: the JWT's `sid`.")
]
ClientIdArgument = Annotated[str, typer.Argument(help="The client's id.")]
OfUser = Annotated[
    UUID | None, typer.Option("--user", parser=id_of, help="Only rows of this user.")
]
OfSession = Annotated[
    UUID | None, typer.Option("--session", parser=id_of, help="Only rows of this session.")
]
Since = Annotated[
    datetime | None,
    typer.Option(
        parser=_instant,
        help="Only rows at or after this instant. UTC, unless it has an offset, such as +02:00.",
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        parser=_instant,
        help="Only rows before this instant. UTC, unless it has an offset, such as +02:00.",
    ),
]
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
Port = Annotated[
    int,
    typer.Option(
        parser=whole_number(0, 65_535), metavar="NUMBER", help="Port to listen on. 0: any free one."
    ),
]


def require_order(since: datetime | None, until: datetime | None) -> None:
    """Exit if no instant is between the two."""
    if since is not None and until is not None and since >= until:
        fail(["--since must be before --until"], EXIT_SETTINGS)


def text_of(path: Path) -> str:
    """The text of a file that the operator named; exits if there is none."""
    try:
        return path.read_text()
    except (OSError, UnicodeError):
        fail([f"{path}: the file cannot be read as text"], EXIT_SETTINGS)
