"""Whatever is wrong with the database, every command says so in one line and ends."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner, Result

from adapters.postgres.migrations import migrate
from entrypoints.cli import app
from tests.support.commands import COMMANDS, SERVERS, Words, arguments
from tests.support.databases import (
    APPLICATION_ROLE,
    as_application,
    as_owner,
    change,
    new_database,
)
from tests.support.environment import required_settings

pytestmark = pytest.mark.postgres

DONE, SETTINGS, SCHEMA, DATABASE, NOT_FOUND = 0, 2, 3, 4, 6
#: These look at the database by themselves, and have tests of their own.
_OTHERS: Final = SERVERS | {("doctor",)}
#: Only the owner may.
_OWNERS: Final = {("migrate",), ("audit", "drop")}
_PASSWORD: Final = "hunter2-canary"
#: The same keys for all commands: some verify what others have sealed.
_SETTINGS: Final = required_settings() | {
    "VETASSIST_DATABASE_TIMEOUT_SECONDS": "1",
    "VETASSIST_VA_SCOPES": "openid veteran_status.read",
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[Words, Words]:
    """Every command that takes a database, with arguments."""
    every = arguments(tmp_path_factory.mktemp("arguments"))
    assert every.keys() == COMMANDS.keys() - SERVERS
    return {words: given for words, given in every.items() if words not in _OTHERS}


@pytest.fixture(scope="module")
def migrated(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        migrate(url, application_role=APPLICATION_ROLE)
        yield url


@pytest.fixture
def copy(database_url: str, migrated: str) -> Iterator[str]:
    """A migrated database that a test may spoil."""
    with new_database(database_url, like=migrated) as url:
        yield url


def vetassist(url: str, words: Words, given: Words) -> Result:
    settings = _SETTINGS | {"VETASSIST_DATABASE_URL": url}
    with patch.dict(os.environ, settings, clear=True):
        return CliRunner().invoke(app, [*words, *given])


def said(result: Result, words: Words) -> str:
    """The one line on standard error."""
    assert result.exception is None or isinstance(result.exception, SystemExit), words
    assert result.stdout == "", words
    assert len(result.stderr.splitlines()) == 1, (words, result.stderr)
    assert result.stderr.startswith("vetassist: "), words
    assert "unforeseen" not in result.stderr, (words, result.stderr)
    assert _PASSWORD not in result.stderr
    return result.stderr


@contextmanager
def listening(answer: bytes) -> Iterator[str]:
    """A server of another kind; as a database URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1024)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"postgresql://x:{_PASSWORD}@127.0.0.1:{listener.getsockname()[1]}/vetassist"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def with_wrong_password(url: str) -> str:
    return make_conninfo(as_application(url), password=_PASSWORD)


def of_nobody(url: str) -> str:
    return make_conninfo(url, user="nobody_at_all", password=_PASSWORD)


def without_database(url: str) -> str:
    return make_conninfo(url, dbname="vetassist_nowhere")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (with_wrong_password, "the role or its password is wrong"),
        (of_nobody, "the role or its password is wrong"),
        (without_database, "there is no database of this name: vetassist_nowhere"),
        (
            lambda _url: f"postgresql://x:{_PASSWORD}@127.0.0.1:1/x",
            "Connection refused, so nothing listens",
        ),
        (lambda _url: f"postgresql://x:{_PASSWORD}@/x?host=/nowhere", "no such Unix socket"),
    ],
)
def test_a_url_that_leads_to_no_database_is_told_as_what_it_is(
    migrated: str, lines: dict[Words, Words], wrong: Callable[[str], str], why: str
) -> None:
    for words, given in lines.items():
        result = vetassist(wrong(migrated), words, given)
        assert result.exit_code == DATABASE, words
        assert why in said(result, words)


def test_a_host_without_an_address_is_told_as_that() -> None:
    # Of one command, because some machines take long to look for one.
    result = vetassist(f"postgresql://x:{_PASSWORD}@h.invalid/x", ("client", "list"), ())
    assert "its host name is unknown" in said(result, ("client", "list"))


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b""])
def test_what_is_not_postgresql_is_told_as_that(lines: dict[Words, Words], answer: bytes) -> None:
    with listening(answer) as url:
        for words, given in lines.items():
            result = vetassist(url, words, given)
            assert result.exit_code == DATABASE, words
            assert "isn't PostgreSQL" in said(result, words)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ("DELETE FROM vetassist_schema_migrations WHERE version > 1", "run `vetassist migrate`"),
        ("DROP TABLE vetassist_schema_migrations", "run `vetassist migrate`"),
        ("INSERT INTO vetassist_schema_migrations VALUES (9999, 'later', 'x')", "is newer than"),
        ("UPDATE vetassist_schema_migrations SET checksum = 'x' WHERE version = 1", "was changed"),
    ],
)
def test_a_schema_of_another_version_is_refused_before_anything_is_done(
    copy: str, lines: dict[Words, Words], changed: str, why: str
) -> None:
    change(copy, changed)
    for words, given in lines.items():
        if words != ("migrate",):
            result = vetassist(copy, words, given)
            assert result.exit_code == SCHEMA, words
            assert why in said(result, words)


def test_a_database_of_another_encoding_is_refused(
    database_url: str, lines: dict[Words, Words]
) -> None:
    with new_database(database_url) as url:
        name = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
        with psycopg.connect(as_owner(database_url), autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {}").format(name))
            create = "CREATE DATABASE {} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
            server.execute(sql.SQL(create).format(name))
        for words, given in lines.items():
            result = vetassist(url, words, given)
            assert result.exit_code == DATABASE, words
            assert "encoding is LATIN1" in said(result, words)


def test_a_database_that_is_read_only_is_told_by_whatever_would_write(
    copy: str, lines: dict[Words, Words]
) -> None:
    role = sql.Identifier(str(conninfo_to_dict(copy)["dbname"])).as_string()
    change(copy, f"ALTER DATABASE {role} SET default_transaction_read_only = on")
    done = set()
    for words, given in lines.items():
        result = vetassist(as_application(copy), words, given)
        if result.exit_code == DONE:
            done.add(words)
        else:
            assert result.exit_code == DATABASE, (words, result.output)
            assert "is read-only" in said(result, words)
    # What only reads, or has nothing to do.
    reading = {
        *("client list", "front-end list", "front-end show"),
        *("audit verify", "audit seal", "audit drop", "keys rewrap"),
    }
    assert {" ".join(words) for words in done} == reading


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}", "lacks a privilege"),
        ("REVOKE USAGE ON SCHEMA public FROM PUBLIC, {role}", "may not use the schema public"),
        ("REVOKE INSERT ON vetassist_auth_audit FROM {role}", "lacks a privilege"),
        ("DROP TABLE vetassist_auth_audit CASCADE", "a table is missing (vetassist_auth_audit)"),
        ("ALTER TABLE vetassist_users DROP COLUMN email", "a column is missing"),
    ],
)
def test_what_is_missing_or_forbidden_is_told_and_never_as_a_bug(
    copy: str, lines: dict[Words, Words], changed: str, why: str
) -> None:
    change(copy, changed.format(role=APPLICATION_ROLE))
    refused = 0
    for words, given in lines.items():
        if words in _OWNERS:
            continue
        result = vetassist(as_application(copy), words, given)
        if result.exit_code in {DATABASE, SCHEMA, 9}:
            refused += 1
            line = said(result, words)
            assert result.exit_code == 9 or why in line, (words, line)
        else:
            # It doesn't need what is missing.
            assert result.exit_code in {DONE, NOT_FOUND}, (words, result.output)
    assert refused
