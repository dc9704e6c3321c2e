"""`vetassist client`, on a real database."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from typer.testing import CliRunner, Result

from adapters.postgres.migrations import migrate
from entrypoints.cli import app
from tests.support.databases import new_database
from tests.support.environment import required_settings
from tests.support.service_clients import ec_key, pem_of

pytestmark = pytest.mark.postgres

MAY = ("--purpose", "veteran_status", "--scope", "veteran_status.read")


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    """A database of its own, which the command finds in its environment."""
    with new_database(database_url) as url:
        migrate(url)
        with patch.dict(os.environ, required_settings(url), clear=True):
            yield url


def vetassist(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def told(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    return dict(line.split(": ", 1) for line in result.stdout.splitlines())


def add(*arguments: str, name: str = "Benefits assistant") -> dict[str, str]:
    return told(vetassist("client", "add", name, *MAY, *arguments))


def listed() -> list[dict[str, object]]:
    result = vetassist("client", "list", "--json")
    assert result.exit_code == 0
    rows: list[dict[str, object]] = json.loads(result.stdout)
    return rows


def dump(url: str) -> str:
    """All that the database knows of clients."""
    with psycopg.connect(url) as connection:
        query = (
            "SELECT c::text FROM vetassist_service_clients AS c "
            "UNION ALL SELECT a::text FROM vetassist_auth_audit AS a"
        )
        return "\n".join(row[0] for row in connection.execute(query).fetchall())


def audited(url: str) -> list[tuple[str, dict[str, str]]]:
    with psycopg.connect(url) as connection:
        query = "SELECT event_type, event_data FROM vetassist_auth_audit ORDER BY id"
        return [(row[0], row[1]) for row in connection.execute(query).fetchall()]


def refused(command: str, client_id: str) -> tuple[str, dict[str, str]]:
    return "command_refused", {"client": client_id, "command": command, "reason": "not_found"}


@pytest.mark.case(100)
def test_a_secret_is_shown_once_and_kept_nowhere(url: str) -> None:
    added = add("--secret")

    assert set(added) == {"client_id", "client_secret"}
    assert len(added["client_secret"]) == 43
    assert added["client_secret"] not in dump(url)
    assert added["client_secret"] not in json.dumps(listed())
    assert audited(url)[0] == (
        "client_added",
        {
            "client": added["client_id"],
            "method": "client_secret",
            "purposes": "veteran_status",
            "scope": "veteran_status.read",
        },
    )


def test_a_key_is_read_from_a_file(url: str, tmp_path: Path) -> None:
    file = tmp_path / "client.pub.pem"
    file.write_text(pem_of(ec_key()))

    added = add("--public-key", str(file))

    assert set(added) == {"client_id", "kid", "alg"}
    assert added["alg"] == "ES256"
    (row,) = listed()
    assert row["method"] == "private_key_jwt"
    assert row["keys"] == [added["kid"]]


def test_a_private_key_is_refused_and_kept_nowhere(url: str, tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    pem = ec_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file.write_text(pem)

    result = vetassist("client", "add", "x", *MAY, "--public-key", str(file))

    assert result.exit_code == 2
    assert "private" in result.stderr
    assert pem.splitlines()[1] not in result.output
    assert listed() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("client", "add", "x", *MAY),
        ("client", "add", "x", *MAY, "--secret", "--public-key", __file__),
        ("client", "add", "x", *MAY, "--public-key", __file__),
        ("client", "add", "x", *MAY, "--public-key", "/nowhere"),
        ("client", "add", "x", "--purpose", "curiosity", "--scope", "openid", "--secret"),
        ("client", "add", "x", "--purpose", "veteran_status", "--scope", "all", "--secret"),
        ("client", "add", "x", "--purpose", "veteran_status", "--secret"),
        ("client", "add", "x", "--scope", "openid", "--secret"),
        ("client", "add", "", *MAY, "--secret"),
        ("client", "add", *MAY, "--secret"),
        ("client", "disable", str(uuid4())),
    ],
)
def test_a_command_line_that_makes_no_sense_registers_nobody(
    url: str, arguments: tuple[str, ...]
) -> None:
    result = vetassist(*arguments)

    assert result.exit_code == 2
    assert result.stderr
    assert "Traceback" not in result.output
    assert listed() == []
    assert audited(url) == []


def test_a_purpose_that_is_none_is_told_which_there_are(url: str) -> None:
    result = vetassist("client", "add", "x", "--purpose", "x", "--scope", "openid", "--secret")

    assert "veteran_status" in result.stderr


def test_clients_are_listed_as_a_table_and_no_name_is_taken_for_markup(url: str) -> None:
    added = add("--secret", name="[red]Helper[/red]")

    result = vetassist("client", "list")

    assert result.exit_code == 0
    assert "[red]Helper[/red]" in result.stdout
    assert added["client_id"] in result.stdout


def test_an_id_can_be_copied_from_the_table_of_a_narrow_terminal(url: str) -> None:
    added = add("--secret", name="A name that is rather long for a column of a terminal")

    result = CliRunner().invoke(app, ["client", "list"], env={"COLUMNS": "80"})

    assert added["client_id"] in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.case(100)
def test_a_client_is_disabled_on_record(url: str) -> None:
    added = add("--secret")

    first = vetassist("client", "disable", added["client_id"], "--reason", "left_the_project")
    again = vetassist("client", "disable", added["client_id"], "--reason", "again")

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stdout != again.stdout
    (row,) = listed()
    assert row["disabled_at"] is not None
    assert audited(url)[1:] == [
        ("client_disabled", {"client": added["client_id"], "reason": "left_the_project"})
    ]


@pytest.mark.case(100)
@pytest.mark.parametrize("client_id", ["5f0c5d2e-7b0e-4b52-9d36-1f7f7f4f2f10", "nobody", "0"])
def test_nobody_is_disabled_who_is_not_there(url: str, client_id: str) -> None:
    result = vetassist("client", "disable", client_id, "--reason", "x")

    assert result.exit_code == 6
    assert result.stderr == "vetassist: there is no such client\n"
    # What is no id at all names no client that there might be.
    assert audited(url) == [refused("client_disable", client_id)][: len(client_id) == 36]


@pytest.mark.case(100)
def test_a_new_secret_is_shown_once_and_the_one_before_retired(url: str) -> None:
    added = add("--secret")
    rotated = told(vetassist("client", "rotate-secret", added["client_id"]))

    assert set(rotated) == {"client_secret"}
    assert rotated["client_secret"] != added["client_secret"]
    assert rotated["client_secret"] not in dump(url)
    first, again = [vetassist("client", "retire", added["client_id"]) for _ in range(2)]
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stdout != again.stdout
    assert [type_ for type_, _ in audited(url)] == [
        "client_added",
        "client_credential_added",
        "client_credential_retired",
    ]


def test_a_second_key_is_added_beside_the_first(url: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.pem", "two.pem")]
    for file in files:
        file.write_text(pem_of(ec_key()))
    added = add("--public-key", str(files[0]))

    rotate = ("client", "rotate-key", added["client_id"], "--public-key")
    rotated = told(vetassist(*rotate, str(files[1])))
    same = vetassist(*rotate, str(files[1]))
    secret = vetassist("client", "rotate-secret", added["client_id"])

    assert set(rotated) == {"kid", "alg"}
    assert listed()[0]["keys"] == [rotated["kid"], added["kid"]]
    assert (same.exit_code, secret.exit_code) == (2, 2)


@pytest.mark.parametrize(
    ("command", "verb"), [("rotate-secret", "client_rotate"), ("retire", "client_retire")]
)
def test_nothing_is_changed_of_a_client_that_is_not_there(
    url: str, command: str, verb: str
) -> None:
    nobody = str(uuid4())
    assert vetassist("client", command, nobody).exit_code == 6
    assert audited(url) == [refused(verb, nobody)]
