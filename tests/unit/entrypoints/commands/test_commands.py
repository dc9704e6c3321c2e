"""The `vetassist` command, in this process."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from adapters.postgres.migrations import migrate
from entrypoints.cli import app
from entrypoints.serving import server
from entrypoints.starting import settings_or_exit
from tests.support.databases import change, new_database
from tests.support.environment import required_settings, write_secrets

NOBODY = "postgresql://someone:hunter2-canary@127.0.0.1:1/vetassist"
COMMANDS = ("demo", "serve", "sandbox", "migrate")


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """What the command finds in its environment: nothing, until a test adds to it."""
    with patch.dict(os.environ, {}, clear=True):
        yield os.environ  # type: ignore[misc]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """What the command's process became, each that went as far as to listen."""
    listening: list[Sequence[str]] = []

    def become(_path: str, arguments: Sequence[str]) -> None:
        server.check(settings_or_exit())
        listening.append(arguments)

    monkeypatch.setattr("os.execv", become)
    return listening


def vetassist(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def lines(result: Result) -> list[str]:
    return result.stderr.splitlines()


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    result = vetassist(*arguments)
    for command in COMMANDS:
        assert command in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    result = vetassist(command, "--help")
    assert result.exit_code == 0
    assert command in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("unknown",),
        ("serve", "--unknown"),
        ("serve", "--port", "http"),
        ("serve", "--port", "-1"),
        ("serve", "--port", "65536"),
        ("serve", "--workers", "0"),
        ("migrate", "now"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(
    arguments: tuple[str, ...], started: list[Sequence[str]]
) -> None:
    assert vetassist(*arguments).exit_code == 2
    assert started == []


def test_serve_says_everything_that_is_missing_and_does_not_start(
    environment: dict[str, str], started: list[Sequence[str]]
) -> None:
    result = vetassist("serve")

    assert result.exit_code == 2
    assert lines(result) == [
        f"vetassist: {name}: is required: {to_write}"
        for name, to_write in {
            "VETASSIST_DATABASE_URL": "postgresql://USER:PASSWORD@HOST/DATABASE",
            "VETASSIST_JWT_SECRET": "64 random hex digits",
            "VETASSIST_TOKEN_KEYS": "k1: and 32 random bytes in base64url",
            "VETASSIST_AUDIT_KEY": "64 random hex digits",
            "VETASSIST_VA_CLIENT_ID": "the client ID that VA gave you",
            "VETASSIST_VA_CLIENT_SECRET": "the client secret that VA gave you",
        }.items()
    ]
    assert started == []


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_does_not_answer_is_one_line_without_its_password(
    environment: dict[str, str], started: list[Sequence[str]], command: str
) -> None:
    environment.update(required_settings(NOBODY))

    result = vetassist(command)

    assert result.exit_code > 2
    (line,) = lines(result)
    assert "the database does not answer" in line
    assert "VETASSIST_DATABASE_URL" in line
    assert "hunter2" not in result.output
    assert started == []


@pytest.mark.parametrize(
    ("parameter", "named"),
    [
        ("sslmode=canary", "sslmode"),
        ("target_session_attrs=canary", "target_session_attrs"),
        ("connect_timeout=canary", "connect_timeout"),
        ("keepalives=canary", "keepalives"),
        ("ssl_min_protocol_version=canary", "ssl_min_protocol_version"),
        ("port=1,2", "ports differ in number"),
    ],
)
def test_a_parameter_that_libpq_refuses_is_not_blamed_on_the_database(
    environment: dict[str, str], parameter: str, named: str
) -> None:
    environment["VETASSIST_DATABASE_URL"] = f"postgresql://127.0.0.1/vetassist?{parameter}"
    (line,) = lines(vetassist("migrate"))
    assert line.startswith("vetassist: VETASSIST_DATABASE_URL: the URL cannot be used: ")
    assert named in line
    # libpq would quote the value.
    assert "canary" not in line


def test_migrate_needs_to_know_which_database(environment: dict[str, str]) -> None:
    result = vetassist("migrate")
    assert result.exit_code == 2
    (line,) = lines(result)
    assert line.startswith("vetassist: VETASSIST_DATABASE_URL: is required: ")


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x"])
def test_migrate_says_that_a_database_url_is_none(environment: dict[str, str], url: str) -> None:
    environment["VETASSIST_DATABASE_URL"] = url
    result = vetassist("migrate")
    assert result.exit_code == 2
    (line,) = lines(result)
    assert line.startswith(
        "vetassist: VETASSIST_DATABASE_URL: is not a PostgreSQL connection URL: "
    )


@pytest.mark.parametrize("command", ["demo", "serve", "migrate", "purge"])
@pytest.mark.parametrize("password", ["hunter/2", "hunter@2", "hunter%2", "hunter/2?x=y"])
def test_a_password_that_is_not_encoded_is_never_said(
    environment: dict[str, str], started: list[Sequence[str]], command: str, password: str
) -> None:
    environment.update(required_settings(f"postgresql://someone:{password}@127.0.0.1:1/vetassist"))
    result = vetassist(command)
    assert result.exit_code == 2
    (line,) = lines(result)
    assert line.startswith("vetassist: VETASSIST_DATABASE_URL: has a character that must be ")
    assert "hunter" not in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_in_lower_case_is_refused_by_every_command(
    environment: dict[str, str], started: list[Sequence[str]], command: str
) -> None:
    environment.update(required_settings(NOBODY) | {"vetassist_log_level": "DEBUG"})
    result = vetassist(command)
    assert result.exit_code == 2
    assert lines(result) == [
        "vetassist: vetassist_log_level: no such setting; did you mean VETASSIST_LOG_LEVEL?"
    ]


@pytest.mark.postgres
def test_serve_becomes_a_server_with_nothing_secret_among_its_arguments(
    environment: dict[str, str], started: list[Sequence[str]], database_url: str
) -> None:
    environment.update(required_settings(database_url))

    result = vetassist("serve", "--host", "0.0.0.0", "--port", "8123", "--workers", "3")

    assert result.exit_code == 0, result.output
    (arguments,) = started
    assert list(arguments[-3:]) == ["0.0.0.0", "8123", "3"]
    for secret in environment.values():
        assert len(secret) < 20 or not any(secret in argument for argument in arguments)


@pytest.fixture
def own_database(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        migrate(url)
        yield url


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            "DELETE FROM vetassist_schema_migrations WHERE version > 1",
            "run `vetassist migrate` first",
        ),
        (
            "INSERT INTO vetassist_schema_migrations VALUES (9999, 'later', 'x')",
            "newer than this service",
        ),
        (
            "UPDATE vetassist_schema_migrations SET checksum = 'x' WHERE version = 1",
            "changed after it was applied",
        ),
    ],
)
def test_serve_refuses_a_schema_that_is_not_its_own(
    environment: dict[str, str],
    started: list[Sequence[str]],
    own_database: str,
    changed: str,
    said: str,
) -> None:
    change(own_database, changed)
    environment.update(required_settings(own_database))

    result = vetassist("serve")

    assert result.exit_code > 2
    assert lines(result)
    assert all(said in line for line in lines(result))
    assert started == []


def test_serve_reads_its_secrets_from_files(
    environment: dict[str, str], started: list[Sequence[str]], tmp_path: Path
) -> None:
    values = required_settings(NOBODY)
    environment["VETASSIST_SECRETS_DIR"] = str(write_secrets(tmp_path / "secrets", values))

    result = vetassist("serve")

    # It came as far as the database.
    assert "the database does not answer" in lines(result)[0]


@pytest.mark.skipif(sys.platform == "win32", reason="paths are written otherwise there")
def test_migrate_reads_the_database_url_from_a_file(
    environment: dict[str, str], tmp_path: Path
) -> None:
    values = {"VETASSIST_DATABASE_URL": NOBODY}
    environment["VETASSIST_SECRETS_DIR"] = str(write_secrets(tmp_path / "secrets", values))
    assert "the database does not answer" in lines(vetassist("migrate"))[0]
