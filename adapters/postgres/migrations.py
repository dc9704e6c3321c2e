"""Brings the schema up to date with plain SQL files, in order."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any, Final

import psycopg

from adapters.postgres.application_roles import (
    RoleError,
    grant_application_roles,
    remember_application_role,
)
from adapters.postgres.audit_trail import INSERT_EVENT, event_parameters
from adapters.postgres.command_connection import command_connection, plain_connection
from adapters.postgres.connection_string import SEARCH_PATH
from adapters.postgres.index_builds import (
    Index,
    build_beside_traffic,
    build_small,
    indexes_in,
    missing,
)
from domain.audit_event import AuditEvent

# Any constant, as long as every migrating process uses the same.
_ADVISORY_LOCK: Final = 7_303_014_802_201
_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS vetassist_schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


#: There may be many rows of an earlier phase.
MIGRATION_TIMEOUT: Final = timedelta(hours=1)
_LEDGERS: Final = """
SELECT quote_ident(nspname), current_setting('search_path'),
    has_schema_privilege(pg_namespace.oid, 'USAGE')
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relname = 'vetassist_schema_migrations' ORDER BY nspname
"""


class SchemaError(Exception):
    """The schema can't be brought up to date. The message says why, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema.

    Attributes:
        index_sql: ``CREATE INDEX`` statements, from the file of the same name that ends in
            ``.indexes``. A step that has some may be applied again until they are complete.
    """

    version: int
    name: str
    sql: str
    index_sql: str = ""

    @property
    def checksum(self) -> str:
        """Detects a file that was changed after it was applied."""
        return hashlib.sha256((self.sql + self.index_sql).encode()).hexdigest()

    @property
    def indexes(self) -> tuple[Index, ...]:
        """The indexes that belong to the step and may be built after it."""
        return indexes_in(self.index_sql)


def migrations() -> list[Migration]:
    """Returns the steps that this version of the service knows, in order."""
    return [
        Migration(
            version=int(file.name.split("_", 1)[0]),
            name=file.name,
            sql=file.read_text("utf-8"),
            index_sql=_index_sql_of(file),
        )
        for file in sorted(_sql_files(), key=lambda file: file.name)
    ]


#: Makes the audit event for the applied steps and for a new role.
Note = Callable[[Sequence[Migration], str | None], AuditEvent]


def migrate(
    database_url: str,
    *,
    application_role: str | None = None,
    note: Note | None = None,
    prepared_statements: bool = True,
    within: timedelta = MIGRATION_TIMEOUT,
) -> Sequence[Migration]:
    """Applies the missing steps in one transaction, and returns them.

    Indexes of large tables are built after it, beside live traffic. Their step counts as applied
    once they are complete.

    Of several simultaneous processes, one applies them, and the others find nothing to do. The
    application roles, this one and those named before, get the privileges that the service needs,
    and no others. A role that doesn't exist is created without a password.

    Args:
        database_url: The URL for the owner of the tables.
        application_role: The name of one more application role.
        note: Makes the audit event of a change. If None, changes aren't audited.
        prepared_statements: As for ``connection_string``.
        within: The deadline for everything.

    Raises:
        SchemaError: An applied step is unknown here or was changed, a step can't be applied, or
            the role can't be an application role.
        DatabaseFaultError: The database can't be used. Nothing was created.
        UnavailableError: The database didn't answer in time.
        psycopg.Error: The database can't be reached, or refuses.
    """
    with command_connection(
        database_url, prepared_statements=prepared_statements, within=within
    ) as connection:
        # The server limits only the wait for locks.
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL lock_timeout = '60s'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        pending = _pending(connection)
        connection.execute(_LEDGER)
        unfinished = [each for each in pending if not _apply(connection, each)]
        done = [each for each in pending if each not in unfinished]
        new_role = None
        try:
            if application_role is not None and remember_application_role(
                connection, application_role
            ):
                new_role = application_role
            grant_application_roles(connection)
        except (RoleError, psycopg.errors.InsufficientPrivilege) as error:
            raise SchemaError(" ".join(str(error).split())) from error
        if note is not None and (done or new_role):
            _record(connection, note(done, new_role))
    for migration in unfinished:
        _finish(
            database_url, migration, note, prepared_statements=prepared_statements, within=within
        )
    return pending


def pending_migrations(
    database_url: str, *, prepared_statements: bool = True
) -> Sequence[Migration]:
    """Returns the steps that the database lacks. Empty if its schema is current.

    Raises:
        SchemaError: An applied step is unknown here or was changed.
        DatabaseFaultError: The database can't be used.
        UnavailableError: The database didn't answer in time.
        psycopg.Error: The database can't be reached, or refuses.
    """
    with command_connection(database_url, prepared_statements=prepared_statements) as connection:
        return _pending(connection)


def _sql_files() -> list[Any]:
    folder = files("adapters.postgres").joinpath("schema")
    return [file for file in folder.iterdir() if file.name.endswith(".sql")]


def _pending(connection: psycopg.Connection[Any]) -> list[Migration]:
    known = {migration.version: migration for migration in migrations()}
    for version, checksum in _applied(connection):
        if version not in known:
            raise SchemaError(f"the schema has step {version}, which is newer than this service")
        if known.pop(version).checksum != checksum:
            raise SchemaError(f"step {version} of the schema was changed after it was applied")
    return list(known.values())


def _applied(connection: psycopg.Connection[Any]) -> list[tuple[int, str]]:
    row = connection.execute("SELECT to_regclass('vetassist_schema_migrations')").fetchone()
    if row is None or row[0] is None:
        _require_no_other_ledger(connection)
        return []
    cursor = connection.execute("SELECT version, checksum FROM vetassist_schema_migrations")
    return cursor.fetchall()


def _require_no_other_ledger(connection: psycopg.Connection[Any]) -> None:
    """Refuses to create the tables again if they exist in another schema."""
    for schema, search_path, is_usable in connection.execute(_LEDGERS):
        if not is_usable:
            raise SchemaError(f"the role may not use the schema {schema}: GRANT USAGE on it")
        if search_path.replace(" ", "") == SEARCH_PATH:
            raise SchemaError(
                f"the tables are in the schema {schema}, and only the URL says where to look: "
                f"add options=-csearch_path%3D{schema} to it"
            )


def _index_sql_of(file: Any) -> str:
    indexes = files("adapters.postgres").joinpath("schema", file.name[: -len("sql")] + "indexes")
    return indexes.read_text("utf-8") if indexes.is_file() else ""


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> bool:
    """Apply a step. Returns False if indexes of large tables are left to build."""
    try:
        connection.execute(migration.sql.encode())
        is_complete = not build_small(connection, migration.indexes)
    except psycopg.errors.UniqueViolation as error:
        raise SchemaError(
            f"{migration.name}: rows contradict each other ({error.diag.constraint_name}); "
            "nothing was changed"
        ) from error
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError as error:
        # PostgreSQL's message may contain a value, so only the type of the error is shown.
        raise SchemaError(
            f"{migration.name}: does not apply to what is there ({type(error).__name__}); "
            "nothing was changed"
        ) from error
    if is_complete:
        _remember(connection, migration)
    return is_complete


def _finish(
    database_url: str,
    migration: Migration,
    note: Note | None,
    *,
    prepared_statements: bool,
    within: timedelta,
) -> None:
    """Build the indexes that are left of a step, and count it as applied."""
    with plain_connection(
        database_url, prepared_statements=prepared_statements, within=within
    ) as connection:
        build_beside_traffic(connection, migration.indexes, is_pooled=not prepared_statements)
    with command_connection(database_url, prepared_statements=prepared_statements) as connection:
        if missing(connection, migration.indexes):
            raise SchemaError(f"{migration.name}: its indexes aren't complete: run it again")
        if _remember(connection, migration) and note is not None:
            _record(connection, note([migration], None))


def _remember(connection: psycopg.Connection[Any], migration: Migration) -> bool:
    """Count a step as applied. Returns False if another process has done so."""
    cursor = connection.execute(
        """
        INSERT INTO vetassist_schema_migrations (version, name, checksum) VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (migration.version, migration.name, migration.checksum),
    )
    return cursor.rowcount > 0


def _record(connection: psycopg.Connection[Any], event: AuditEvent) -> None:
    connection.execute(INSERT_EVENT.encode(), event_parameters(event))
