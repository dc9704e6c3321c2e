"""What commands and servers check before they start, and how they report a fault."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from entrypoints.exit_codes import ExitCode

if TYPE_CHECKING:
    # At run time each function imports what it needs, so that `--help` is fast.
    from entrypoints.settings import Settings

EXIT_UNFORESEEN: Final = ExitCode.UNFORESEEN
_T = TypeVar("_T")

EXIT_CHECKPOINT: Final = ExitCode.UNFORESEEN
EXIT_SETTINGS: Final = ExitCode.SETTINGS
EXIT_SCHEMA: Final = ExitCode.SCHEMA
EXIT_LISTENING: Final = ExitCode.SCHEMA
EXIT_DATABASE: Final = ExitCode.DATABASE
EXIT_DEMO: Final = ExitCode.DEMO
EXIT_NOT_FOUND: Final = ExitCode.NOT_FOUND
EXIT_KEYS: Final = ExitCode.KEYS
EXIT_AUDIT: Final = ExitCode.AUDIT
EXIT_UNHEALTHY: Final = ExitCode.UNHEALTHY
EXIT_DECISION: Final = ExitCode.DECISION


def settings_or_exit() -> "Settings":
    """Read the settings. If any are unusable, print a line for each fault and exit."""
    from entrypoints.settings_reader import SettingsError, read_settings  # noqa: PLC0415

    try:
        return read_settings(os.environ)
    except SettingsError as error:
        fail(error.faults, EXIT_SETTINGS)


def part_or_exit(kind: type[_T]) -> _T:
    """Read the settings of a command that needs few; exits as ``settings_or_exit`` does.

    Args:
        kind: As for ``read_part``.
    """
    from entrypoints.settings_reader import SettingsError, read_part  # noqa: PLC0415

    try:
        return read_part(os.environ, kind)
    except SettingsError as error:
        fail(error.faults, EXIT_SETTINGS)


def require_current_schema(settings: "Settings", *, may_be_unreadable: bool = False) -> None:
    """Exit with one line if the schema isn't the one that this version needs.

    Args:
        settings: The settings that name the database.
        may_be_unreadable: Whether a role that may not read which steps were applied gets further.
    """
    from entrypoints.storage import PrivilegeError, pending_migrations  # noqa: PLC0415

    with database_or_exit():
        try:
            pending = pending_migrations(
                settings.database_url.reveal(),
                prepared_statements=settings.database_prepared_statements,
            )
        except PrivilegeError:
            if not may_be_unreadable:
                raise
            return
    if pending:
        lacks = ", ".join(step.name for step in pending)
        fail([f"the schema lacks {lacks}: run `vetassist migrate` first"], EXIT_SCHEMA)


def require_sound_connections(settings: "Settings") -> None:
    """Exit with a line for each fault if connections lack what the service relies on."""
    from entrypoints.storage import connection_faults  # noqa: PLC0415

    with database_or_exit():
        faults = connection_faults(
            settings.database_url.reveal(),
            prepared_statements=settings.database_prepared_statements,
        )
    if faults:
        fail([f"VETASSIST_DATABASE_URL: {fault}" for fault in faults], EXIT_DATABASE)


@contextmanager
def database_or_exit() -> Iterator[None]:
    """Exit with one line if the database turns out to be unusable inside the block."""
    from application.errors import UnavailableError  # noqa: PLC0415
    from entrypoints.storage import DatabaseFaultError, SchemaError  # noqa: PLC0415

    try:
        yield
    except SchemaError as error:
        fail([str(error)], EXIT_SCHEMA)
    except (DatabaseFaultError, UnavailableError) as error:
        fail([database_fault(error)], EXIT_DATABASE)


def database_fault(error: Exception) -> str:
    """One line for the operator about a DatabaseFaultError or an UnavailableError."""
    from entrypoints.storage import DatabaseFaultError, PoolerError  # noqa: PLC0415

    if isinstance(error, PoolerError):
        return (
            "VETASSIST_DATABASE_PREPARED_STATEMENTS: a pooler in front of the database "
            f"{error}: set it to false (docs/scaling.md)"
        )
    if isinstance(error, DatabaseFaultError):
        return f"VETASSIST_DATABASE_URL: {error}"
    return "VETASSIST_DATABASE_URL: the database did not answer in time"


def fail(lines: Iterable[str], code: int) -> NoReturn:
    """Print each line on standard error, and exit with ``code``."""
    for line in lines:
        print_on_stderr(line)
    sys.exit(code)


def print_on_stderr(line: str) -> None:
    """Print one line for the operator, apart from the output of the command."""
    print(f"vetassist: {line}", file=sys.stderr)  # noqa: T201 - meant for a terminal
