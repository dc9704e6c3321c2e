"""Databases with unusual defaults, read-only ones, and encodings that store too little."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner, Result

from adapters.postgres.command_connection import EncodingError
from adapters.postgres.connection_string import connection_string
from adapters.postgres.migrations import SchemaError, migrate, migrations, pending_migrations
from application.errors import UnavailableError
from application.ports.readiness import ReadinessCheck
from application.use_cases.sessions.validate_session import ValidateSessionCommand
from application.use_cases.sign_in.issue_session import IssueSessionCommand
from entrypoints.cli import app
from entrypoints.container import Container
from tests.support.builders import a_visitor
from tests.support.databases import (
    APPLICATION_ROLE,
    as_application,
    as_owner,
    change,
    new_database,
    rows_of,
)
from tests.support.environment import plain_environment, read, required_settings
from tests.support.processes import REPOSITORY, run
from tests.support.service import open_storage
from tests.support.storage import a_stored_user
from tests.support.whole_life import live_a_whole_life

pytestmark = pytest.mark.postgres

ODD: Final = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "America/New_York",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "search_path": "elsewhere",
    "client_encoding": "LATIN1",
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "synchronous_commit": "off",
}
IN_FORCE: Final = "SELECT current_setting(name) AS value FROM unnest(%s::text[]) AS name"
MADE: Final = "SELECT relname FROM pg_class WHERE starts_with(relname, 'vetassist')"
#: Prints what a connection of the service shows in this environment.
SHOW: Final = """
import json, sys
import psycopg
from adapters.postgres.connection_string import connection_string
with psycopg.connect(connection_string(sys.argv[1])) as connection:
    shown = [connection.info.parameter_status(name) for name in ("DateStyle", "TimeZone")]
    print(json.dumps(shown))
"""
CREATE: Final = """
CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE 'C' STRATEGY file_copy
"""
EXIT_DATABASE, EXIT_UNWELL = 4, 10


def set_default(url: str, scope: str, name: str, value: str) -> None:
    """For the whole database, or for each role that is used in it."""
    database = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
    owner = sql.Identifier(str(conninfo_to_dict(as_owner(url))["user"]))
    targets = {
        "database": [sql.SQL("DATABASE {}").format(database)],
        "role": [
            sql.SQL("ROLE {} IN DATABASE {}").format(role, database)
            for role in (owner, sql.Identifier(APPLICATION_ROLE))
        ],
    }[scope]
    with psycopg.connect(as_owner(url), autocommit=True) as connection:
        for target in targets:
            setting = sql.SQL("ALTER {} SET {} = {}").format(
                target, sql.Identifier(name), sql.Literal(value)
            )
            connection.execute(setting)


def in_force(url: str) -> list[str]:
    """What is in force on a connection of the service."""
    return [row["value"] for row in rows_of(connection_string(url), IN_FORCE, list(ODD))]


def command(url: str, *arguments: str) -> Result:
    with patch.dict(os.environ, plain_environment() | required_settings(url), clear=True):
        return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("scope", ["database", "role"])
@pytest.mark.parametrize("name", ODD)
async def test_odd_defaults_change_nothing(empty_database: str, name: str, scope: str) -> None:
    before = in_force(empty_database)
    set_default(empty_database, scope, name, ODD[name])

    assert in_force(empty_database) == before
    migrate(empty_database, application_role=APPLICATION_ROLE)
    assert pending_migrations(as_application(empty_database)) == []
    await live_a_whole_life(read(required_settings(as_application(empty_database))))


def test_the_environment_of_libpq_changes_nothing(database_url: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SHOW, database_url],
        cwd=REPOSITORY,
        env=plain_environment()
        | {
            "PYTHONPATH": str(REPOSITORY),
            "PGDATESTYLE": "German",
            "PGTZ": "America/New_York",
            "PGCLIENTENCODING": "LATIN1",
            "PGOPTIONS": "-c IntervalStyle=iso_8601",
        },
        capture_output=True,
        check=True,
    ).stdout
    assert json.loads(shown) == ["ISO, YMD", "UTC"]


@pytest.mark.parametrize(
    "said",
    [
        {"client_encoding": "SQL_ASCII"},
        {"options": "-c client_encoding=SQL_ASCII -c DateStyle=German -c IntervalStyle=iso_8601"},
    ],
)
async def test_no_more_does_a_url_change_what_the_service_relies_on(
    own_database: str, said: dict[str, str]
) -> None:
    url = make_conninfo(as_application(own_database), **said)
    assert in_force(url) == in_force(as_application(own_database))
    assert pending_migrations(url) == []
    await live_a_whole_life(read(required_settings(url)))


def test_no_second_schema_is_made_where_a_default_of_the_search_path_led_to_the_first(
    empty_database: str,
) -> None:
    change(empty_database, "CREATE SCHEMA elsewhere")
    elsewhere = make_conninfo(empty_database, options="-csearch_path=elsewhere")
    migrate(elsewhere)
    set_default(empty_database, "database", "search_path", "elsewhere")

    for look in (migrate, pending_migrations):
        with pytest.raises(SchemaError, match=r"schema elsewhere.*options=-csearch_path%3Delse"):
            look(empty_database)
        assert look(elsewhere) == []
    # Two that are meant are made.
    change(empty_database, "CREATE SCHEMA another")
    assert migrate(make_conninfo(empty_database, options="-csearch_path=another"))


@pytest.mark.parametrize("scope", ["database", "role"])
def test_a_migration_of_a_database_that_is_read_only_says_so(
    empty_database: str, scope: str
) -> None:
    set_default(empty_database, scope, "default_transaction_read_only", "on")

    ended = command(empty_database, "migrate")

    assert ended.exit_code == EXIT_DATABASE
    (line,) = ended.stderr.splitlines()
    assert line.startswith("vetassist: VETASSIST_DATABASE_URL: the database is read-only")
    assert rows_of(empty_database, MADE) == []


async def test_a_database_that_is_read_only_answers_validations_and_is_not_ready(
    own_database: str,
) -> None:
    url = as_application(own_database)
    settings = read(required_settings(url))
    container = Container(settings=settings)
    async with open_storage(container):
        user = await a_stored_user(container.unit_of_work)
        wanted = IssueSessionCommand(user_id=user.id, visitor=a_visitor())
        grant = await container.issue_session().execute(wanted)
    set_default(own_database, "database", "default_transaction_read_only", "on")

    container = Container(settings=settings)
    async with open_storage(container):
        assert await container.readiness().failing() == {ReadinessCheck.WRITABLE}
        validation = ValidateSessionCommand(token=grant.token)
        await container.validate_session().execute(validation)
        with pytest.raises(UnavailableError):
            await container.issue_session().execute(wanted)
    examined = await asyncio.to_thread(command, url, "doctor", "--json")
    assert verdicts_of(examined)["writable"] == "fail"


def verdicts_of(result: Result) -> dict[str, str]:
    assert result.exit_code == EXIT_UNWELL, result.output
    return {each["check"]: each["verdict"] for each in json.loads(result.stdout)["checks"]}


@contextmanager
def database_of(encoding: str, server_url: str) -> Iterator[str]:
    with new_database(server_url) as url:
        name = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
        with psycopg.connect(as_owner(server_url), autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {}").format(name))
            server.execute(sql.SQL(CREATE).format(name, sql.Literal(encoding)))
        yield url


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_is_not_utf_8_is_refused_in_one_line_and_nothing_is_made(
    database_url: str, encoding: str
) -> None:
    with database_of(encoding, database_url) as url:
        migrated = command(url, "migrate")
        assert rows_of(url, MADE) == []
        served = run("serve", environment=plain_environment() | required_settings(url))
        examined = verdicts_of(command(url, "doctor", "--json"))

    for code, said in [
        (migrated.exit_code, migrated.stderr),
        (served.returncode, served.stderr),
    ]:
        assert code == EXIT_DATABASE
        (line,) = said.splitlines()
        assert f"VETASSIST_DATABASE_URL: the database's encoding is {encoding}, and only" in line
    assert examined["encoding"] == "fail"
    assert {examined[name] for name in ("schema", "connections", "primary", "writable")} == {"warn"}


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_schema_that_an_earlier_version_made_there_is_not_said_to_have_been_changed(
    database_url: str, encoding: str
) -> None:
    with database_of(encoding, database_url) as url:
        change(
            url,
            """
            CREATE TABLE vetassist_schema_migrations (
                version integer PRIMARY KEY, name text, checksum text
            )
            """,
        )
        with psycopg.connect(connection_string(url)) as connection:
            for step in migrations():
                connection.execute(
                    "INSERT INTO vetassist_schema_migrations VALUES (%s, %s, %s)",
                    (step.version, step.name, step.checksum),
                )
            # As texts, and not as the bytes that psycopg takes texts without an encoding for.
            stored = connection.execute("SELECT checksum FROM vetassist_schema_migrations")
            assert {row[0] for row in stored} == {step.checksum for step in migrations()}
        for look in (migrate, pending_migrations):
            with pytest.raises(EncodingError, match=encoding):
                look(url)
