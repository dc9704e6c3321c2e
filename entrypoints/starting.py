"""What commands and servers check before they begin, and how they say what is wrong."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    # Imported on use, so that a command loads what it needs and no more.
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


def require_current_schema(settings: "Settings") -> None:
    """Go on if the database's schema is the one of this code; else a line, and the end."""
    from entrypoints.storage import pending_migrations  # noqa: PLC0415

    with database_or_exit():
        pending = pending_migrations(
            settings.database_url.reveal(),
            prepared_statements=settings.database_prepared_statements,
        )
    if pending:
        lacks = ", ".join(step.name for step in pending)
        fail([f"the schema lacks {lacks}: run `vetassist migrate` first"], EXIT_SCHEMA)


def require_sound_connections(settings: "Settings") -> None:
    """Go on if connections are what the service relies on; else a line for each fault."""
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
    """End with one line where the database turns out to be unusable inside."""
    from entrypoints.storage import DATABASE_ERRORS, SchemaError  # noqa: PLC0415

    try:
        yield
    except SchemaError as error:
        fail([str(error)], EXIT_SCHEMA)
    except DATABASE_ERRORS as error:
        fail([database_fault(error)], EXIT_DATABASE)


def database_fault(error: Exception) -> str:
    """What the operator is told. PostgreSQL's words name hosts and roles, never a password."""
    import psycopg  # noqa: PLC0415

    from application.errors import UnavailableError  # noqa: PLC0415
    from entrypoints.storage import DatabaseFaultError, PoolerError  # noqa: PLC0415

    if isinstance(error, PoolerError):
        return (
            "VETASSIST_DATABASE_PREPARED_STATEMENTS: a pooler before the database "
            f"{error}: set it to false (docs/scaling.md)"
        )
    name = "VETASSIST_DATABASE_URL"
    if isinstance(error, DatabaseFaultError):
        return f"{name}: {error}"
    if isinstance(error, UnavailableError):
        return f"{name}: the database did not answer in time"
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return (
            f"{name}: the database is read-only, by default_transaction_read_only or as a standby"
        )
    if isinstance(error, psycopg.DataError):
        # Here its words may repeat the value.
        kind = type(error).__name__
        return f"{name}: the database has or refuses an unusable value ({kind})"
    said = " ".join(_words_of(error).split())
    is_away = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    verdict = "does not answer" if is_away else "refuses"
    return f"{name}: the database {verdict}: {said}"


def _words_of(error: Exception) -> str:
    import psycopg  # noqa: PLC0415

    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or str(error)


def fail(lines: Iterable[str], code: int) -> NoReturn:
    """Say each line on standard error, and end with ``code``."""
    for line in lines:
        say_on_stderr(line)
    sys.exit(code)


def say_on_stderr(line: str) -> None:
    """One line for the operator, apart from what the command prints."""
    print(f"vetassist: {line}", file=sys.stderr)  # noqa: T201 - meant for a terminal
