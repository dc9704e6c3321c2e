"""Commands on a database whose processes are all stopped: each ends in time, with one line."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from unittest.mock import patch

import psycopg
import pytest

from adapters.postgres import command_connection
from adapters.postgres.command_connection import connection_faults
from adapters.postgres.migrations import migrate, pending_migrations
from application.errors import UnavailableError
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor
from tests.support.builders import NOW
from tests.support.clusters import Server, mortal_server
from tests.support.databases import rows_of
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import run

pytestmark = pytest.mark.postgres

EXIT_DATABASE, EXIT_UNWELL = 4, 10
#: Well above what any of it may take, so that only a hang misses it.
_PATIENCE_SECONDS: Final = 60
_SHORT: Final = timedelta(seconds=0.5)
MADE: Final = "SELECT relname FROM pg_class WHERE starts_with(relname, 'vetassist')"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with mortal_server() as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    """A database without a schema."""
    with psycopg.connect(server.url) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return server.url


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    try:
        server.freeze()
        yield
    finally:
        server.thaw()


def ends_as_unavailable(server: Server, what: Callable[[], object]) -> None:
    """It freezes the server by itself, and ends all the same."""
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(what)
        try:
            with pytest.raises(UnavailableError):
                ended.result(_PATIENCE_SECONDS)
        finally:
            server.thaw()


@pytest.mark.parametrize("arguments", ["migrate", "serve", "purge", "audit verify"])
def test_a_command_says_in_one_line_that_the_database_does_not_answer(
    server: Server, url: str, arguments: str
) -> None:
    migrate(url)
    with frozen(server):
        ended = run(*arguments.split(), environment=plain_environment() | required_settings(url))
    assert ended.returncode == EXIT_DATABASE, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("vetassist: ")
    assert "does not answer" in line


def test_the_doctor_examines_the_rest(server: Server, url: str) -> None:
    migrate(url)
    with frozen(server):
        environment = plain_environment() | required_settings(url)
        ended = run("doctor", "--json", environment=environment)
    assert (ended.returncode, ended.stderr) == (EXIT_UNWELL, "")
    found = {each["check"]: each for each in json.loads(ended.stdout)["checks"]}
    assert found["database"]["verdict"] == "fail"
    assert "does not answer" in found["database"]["said"]
    assert found["settings"]["verdict"] == "pass"


@pytest.mark.parametrize(
    "ask",
    [
        migrate,
        pending_migrations,
        lambda url: connection_faults(url, prepared_statements=True),
    ],
    ids=["migrate", "pending", "connections"],
)
def test_a_server_that_freezes_once_it_is_connected_to_keeps_no_command(
    server: Server, url: str, ask: Callable[[str], object]
) -> None:
    connect = psycopg.connect

    def connect_and_freeze(*arguments: Any, **options: Any) -> psycopg.Connection[Any]:
        connection = connect(*arguments, **options)
        server.freeze()
        return connection

    with (
        patch.object(psycopg, "connect", connect_and_freeze),
        patch.object(command_connection, "ANSWER_TIMEOUT", _SHORT),
    ):
        ends_as_unavailable(server, lambda: ask(url))


def test_a_server_that_freezes_in_the_middle_of_a_migration_keeps_nothing_of_it(
    server: Server, url: str
) -> None:
    def note(*_changes: object) -> AuditEvent:
        server.freeze()
        return AuditEvent.of_service(AuditEventType.SCHEMA_MIGRATED, visitor=Visitor(), now=NOW)

    ends_as_unavailable(server, lambda: migrate(url, note=note, within=timedelta(seconds=5)))
    assert rows_of(url, MADE) == []
    assert migrate(url)
