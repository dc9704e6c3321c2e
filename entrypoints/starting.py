"""What commands and servers check before they begin, and how they say what is wrong."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    # Imported on use, so that a command loads what it needs and no more.
    import psycopg

    from entrypoints.settings import Settings

EXIT_SETTINGS: Final = 2
EXIT_SCHEMA: Final = 3
EXIT_DATABASE: Final = 4


def settings_or_exit() -> "Settings":
    """The settings of the environment; with a fault in them, a line for each and the end."""
    from entrypoints.settings_reader import SettingsError, read_settings  # noqa: PLC0415

    try:
        return read_settings(os.environ)
    except SettingsError as error:
        fail(error.faults, EXIT_SETTINGS)


def require_current_schema(database_url: str) -> None:
    """Go on if the database's schema is the one of this code; else a line, and the end."""
    import psycopg  # noqa: PLC0415

    from entrypoints.schema import SchemaError, pending_migrations  # noqa: PLC0415

    try:
        pending = pending_migrations(database_url)
    except SchemaError as error:
        fail([str(error)], EXIT_SCHEMA)
    except psycopg.Error as error:
        fail([database_fault(error)], EXIT_DATABASE)
    if pending:
        lacks = ", ".join(step.name for step in pending)
        fail([f"the schema lacks {lacks}: run `vetassist migrate` first"], EXIT_SCHEMA)


def database_fault(error: "psycopg.Error") -> str:
    """What the operator is told. PostgreSQL's words name hosts and roles, never a password."""
    import psycopg  # noqa: PLC0415

    if isinstance(error, psycopg.DataError):
        # Here its words may repeat the value.
        kind = type(error).__name__
        return f"VETASSIST_DATABASE_URL: the database has or refuses an unusable value ({kind})"
    said = " ".join((error.diag.message_primary or str(error)).split())
    is_away = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    verdict = "does not answer" if is_away else "refuses"
    return f"VETASSIST_DATABASE_URL: the database {verdict}: {said}"


def fail(lines: Iterable[str], code: int) -> NoReturn:
    """Say each line on standard error, and end with ``code``."""
    for line in lines:
        say_on_stderr(line)
    sys.exit(code)


def say_on_stderr(line: str) -> None:
    """One line for the operator, apart from what the command prints."""
    print(f"vetassist: {line}", file=sys.stderr)  # noqa: T201 - meant for a terminal
