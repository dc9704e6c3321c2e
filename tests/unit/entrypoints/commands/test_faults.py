"""What commands say of a database that is none of ours, refuses, or is away."""

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from adapters.postgres.migrations import migrate
from entrypoints.cli import app
from entrypoints.settings_reader import read_settings
from tests.support.databases import APPLICATION_ROLE, as_application, change, new_database
from tests.support.environment import required_settings

pytestmark = pytest.mark.postgres

SOMEBODY = str(UUID(int=1))
REASON = ("--reason", "test")
COMMANDS = [
    ("audit", "show"),
    ("audit", "verify"),
    ("audit", "seal"),
    ("audit", "drop"),
    ("purge",),
    ("purge", "--dry-run"),
    ("keys", "rewrap"),
    ("user", "disable", SOMEBODY, *REASON),
    ("user", "enable", SOMEBODY, *REASON),
    ("user", "sign-out", SOMEBODY, *REASON),
    ("client", "list"),
    ("client", "disable", SOMEBODY, *REASON),
]


def vetassist(url: str, *arguments: str) -> Result:
    settings = required_settings(url) | {"VETASSIST_DATABASE_TIMEOUT_SECONDS": "1"}
    with patch.dict(os.environ, settings, clear=True):
        return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    """The one line that the operator gets, beside bars of progress."""
    assert "Traceback" not in result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("vetassist: ")]
    return line


@pytest.fixture
def empty(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        yield url


@pytest.fixture
def ours(empty: str) -> str:
    migrate(empty, application_role=APPLICATION_ROLE)
    return empty


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_without_our_schema_is_one_line_and_the_schemas_code(
    empty: str, command: tuple[str, ...]
) -> None:
    result = vetassist(empty, *command)
    assert result.exit_code == 3
    assert "run `vetassist migrate` first" in said(result)


def test_an_export_from_a_database_without_our_schema_leaves_no_file(
    empty: str, tmp_path: Path
) -> None:
    result = vetassist(empty, "audit", "export", str(tmp_path / "export"))
    assert result.exit_code == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "fault",
    [
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        "DROP TABLE vetassist_auth_audit CASCADE",
        "ALTER TABLE vetassist_auth_audit DROP COLUMN operator",
    ],
)
def test_what_the_database_refuses_is_one_line_and_the_databases_code(
    ours: str, fault: str
) -> None:
    change(ours, fault.format(role=APPLICATION_ROLE))
    result = vetassist(as_application(ours), "audit", "show")
    assert result.exit_code == 4
    assert "the database refuses: " in said(result)


def test_a_stored_value_that_cannot_be_read_is_the_databases_fault(ours: str) -> None:
    change(
        ours,
        """
        INSERT INTO vetassist_service_clients
        VALUES (gen_random_uuid(), 'x', '[]', '{}', '{}', '{}', 'infinity')
        """,
    )
    result = vetassist(ours, "client", "list")
    assert result.exit_code == 4
    assert "unusable value (DataError)" in said(result)


def test_a_database_that_is_away_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    pools = [logging.getLogger("psycopg"), logging.getLogger("psycopg.pool")]
    levels = [logger.level for logger in pools]
    try:
        for logger in pools:
            logger.setLevel(logging.NOTSET)
        result = vetassist("postgresql://127.0.0.1:1/vetassist", "client", "list")
    finally:
        for logger, level in zip(pools, levels, strict=True):
            logger.setLevel(level)
    assert result.exit_code == 4
    assert said(result) == (
        "vetassist: VETASSIST_DATABASE_URL: the database does not answer: "
        "Connection refused, so nothing listens at its host and port"
    )
    assert [record.name for record in caplog.records if "psycopg" in record.name] == []


@pytest.mark.parametrize(
    "command",
    [("purge",), ("purge", "--dry-run"), ("keys", "rewrap"), ("audit", "verify")],
)
def test_a_command_has_one_event_loop_and_reads_the_settings_once(
    ours: str, command: tuple[str, ...]
) -> None:
    with (
        patch("asyncio.run", wraps=asyncio.run) as loops,
        patch("entrypoints.settings_reader.read_settings", wraps=read_settings) as readings,
    ):
        result = vetassist(ours, *command)
    assert result.exit_code == 0, result.output
    assert loops.call_count == 1
    assert readings.call_count == 1
