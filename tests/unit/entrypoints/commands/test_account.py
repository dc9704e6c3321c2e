"""`vetassist user` and `vetassist purge`, on a real database."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from adapters.postgres.migrations import migrate
from entrypoints.cli import app
from entrypoints.commands.account import account_name
from tests.support.databases import change, new_database, rows_of
from tests.support.dump import rows_by_table
from tests.support.environment import required_settings

ONE, OTHER = UUID(int=1), UUID(int=2)
REASON = ("--reason", "lost_device")
ENDING = ("sign-out", "disable")
WOULD_PURGE = (
    "Would remove {} sessions and {} old sign-ins; would shred the unused VA tokens of {} users.\n"
)
#: What names a secret; a file of a public key may be named so.
SECRET_WORDS = ("secret", "token", "key", "password", "code", "jwt", "icn")


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    """Two users with two sessions each, and some of everything that is past its retention."""
    with new_database(database_url) as url:
        migrate(url)
        change(
            url,
            f"""
            INSERT INTO vetassist_users (id, last_login_at)
            VALUES ('{ONE}', now()), ('{OTHER}', now() - interval '43 days');
            INSERT INTO vetassist_va_tokens (user_id, access_token_encrypted, expires_at)
            SELECT id, 'sealed', now() FROM vetassist_users;
            INSERT INTO vetassist_sessions (user_id, jwt_id, created_at, expires_at)
            SELECT id, gen_random_uuid(), day, day + interval '1 day'
            FROM vetassist_users, unnest(ARRAY[0, 0, 92, 92, 92]) AS days,
            LATERAL (SELECT now() - days * interval '1 day') AS begun (day);
            INSERT INTO vetassist_login_attempts (
                state_hash, browser_hash, created_at, expires_at
            )
            SELECT sha256(n::text::bytea), 'b', now(), now() + n * interval '1 hour'
            FROM unnest(ARRAY[-2, -1, 1]) AS n
            """,
        )
        with patch.dict(os.environ, required_settings(url), clear=True):
            yield url


def vetassist(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def active(url: str, user_id: UUID) -> int:
    query = """
        SELECT id FROM vetassist_sessions
        WHERE user_id = %s AND revoked_at IS NULL AND expires_at > now()
    """
    return len(rows_of(url, query, user_id))


def told(url: str) -> list[tuple[str, UUID | None, dict[str, object]]]:
    query = "SELECT event_type, user_id, event_data FROM vetassist_auth_audit ORDER BY row_number"
    return [
        (row["event_type"], row["user_id"], row["event_data"])
        for row in rows_of(url, query)
        # A row of its own a day and user, that the other tests are about.
        if row["event_type"] != "va_tokens_shredded"
    ]


@pytest.mark.case(100)
@pytest.mark.postgres
@pytest.mark.parametrize(
    ("command", "said", "event"),
    [
        ("sign-out", "2 sessions ended.\n", "logout_by_operator"),
        ("disable", "The user is disabled; 2 sessions ended.\n", "user_disabled"),
    ],
)
def test_an_operator_ends_every_session_of_one_user_on_record(
    url: str, command: str, said: str, event: str
) -> None:
    result = vetassist("user", command, str(ONE), *REASON)

    assert (result.exit_code, result.output) == (0, said)
    assert (active(url, ONE), active(url, OTHER)) == (0, 2)
    query = (
        "SELECT DISTINCT revoked_by, revoke_reason FROM vetassist_sessions WHERE revoked_at > %s"
    )
    assert rows_of(url, query, "2020-01-01") == [
        {"revoked_by": "operator", "revoke_reason": "lost_device"}
    ]
    assert told(url) == [(event, ONE, {"reason": "lost_device", "sessions": 2})]


@pytest.mark.case(100)
@pytest.mark.postgres
@pytest.mark.parametrize("command", ["sign-out", "disable"])
def test_who_is_signed_out_may_sign_in_again_and_who_is_disabled_may_not(
    url: str, command: str
) -> None:
    vetassist("user", command, str(ONE), *REASON)

    (row,) = rows_of(url, "SELECT is_active FROM vetassist_users WHERE id = %s", ONE)
    assert row["is_active"] is (command == "sign-out")


@pytest.mark.case(100)
@pytest.mark.postgres
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("user", "sign-out", str(ONE), *REASON), "2 sessions would end.\n"),
        (
            ("user", "disable", str(ONE), *REASON),
            "The user would be disabled; 2 sessions would end.\n",
        ),
        (
            ("purge",),
            WOULD_PURGE.format(6, 2, 1),
        ),
    ],
)
def test_a_dry_run_says_what_would_go_and_changes_and_audits_nothing(
    url: str, command: tuple[str, ...], said: str
) -> None:
    before = rows_by_table(url)
    result = vetassist(*command, "--dry-run")

    assert (result.exit_code, result.output) == (0, said)
    assert rows_by_table(url) == before


@pytest.mark.case(100)
@pytest.mark.postgres
def test_a_purge_does_what_its_dry_run_said_on_record(url: str) -> None:
    result = vetassist("purge")

    assert result.exit_code == 0
    assert result.output == (
        "Removed 6 sessions and 2 old sign-ins; shredded the unused VA tokens of 1 users.\n"
    )
    assert told(url) == [("purged", None, {"sessions": 6, "sign_ins": 2})]
    assert (active(url, ONE), active(url, OTHER)) == (2, 2)
    assert vetassist("purge", "--dry-run").output == (
        "Would remove 0 sessions and 0 old sign-ins; would shred the unused VA tokens of 0 users.\n"
    )


@pytest.mark.case(100)
@pytest.mark.postgres
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
@pytest.mark.parametrize("command", ENDING)
def test_a_user_who_is_not_there_is_an_error_that_changes_nothing(
    url: str, command: str, options: tuple[str, ...]
) -> None:
    before, nobody = _but_the_trail(url), uuid4()
    result = vetassist("user", command, str(nobody), *REASON, *options)

    assert (result.exit_code, result.stderr) == (6, "vetassist: there is no such user\n")
    verb = f"user_{command.replace('-', '_')}"
    attempt = ("command_refused", nobody, {"command": verb, "reason": "not_found"})
    assert told(url) == ([] if options else [attempt])
    assert _but_the_trail(url) == before


def _but_the_trail(url: str) -> dict[str, list[str]]:
    tables = rows_by_table(url).items()
    return {name: rows for name, rows in tables if not name.startswith("vetassist_auth_audit")}


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("named", "operator"), [({"VETASSIST_OPERATOR": "pat@ops"}, "pat@ops"), ({}, account_name())]
)
def test_the_trail_names_who_ran_a_command(url: str, named: dict[str, str], operator: str) -> None:
    with patch.dict(os.environ, named):
        vetassist("user", "sign-out", str(ONE), *REASON)
        vetassist("user", "sign-out", str(uuid4()), *REASON)
        vetassist("purge")
        vetassist("client", "disable", str(uuid4()), *REASON)

    rows = rows_of(url, "SELECT event_type, operator FROM vetassist_auth_audit")
    assert len({row["event_type"] for row in rows}) == 4
    assert {row["operator"] for row in rows} == {operator}


@pytest.mark.case(100)
@pytest.mark.parametrize("command", ENDING)
@pytest.mark.parametrize("arguments", [(str(ONE),), ("nobody", *REASON), REASON])
def test_a_user_is_named_by_id_and_with_a_reason(command: str, arguments: tuple[str, ...]) -> None:
    assert vetassist("user", command, *arguments).exit_code == 2


@pytest.mark.parametrize(
    "reason",
    ["1012667145V762142", "pat@example.org", "\x1b[31m", "\udcff", "two words", "", "-", "a" * 65],
)
@pytest.mark.parametrize(
    "command",
    [
        ("user", "disable", str(ONE)),
        ("user", "enable", str(ONE)),
        ("user", "sign-out", str(ONE)),
        ("client", "disable", str(ONE)),
    ],
)
def test_a_reason_is_a_code_and_nothing_that_may_say_more(
    command: tuple[str, ...], reason: str
) -> None:
    # Refused before anything else is looked at, such as settings, of which there are none.
    with patch.dict(os.environ, {}, clear=True):
        result = vetassist(*command, f"--reason={reason}")

    (said,) = result.stderr.splitlines()
    assert result.exit_code == 2
    assert "--reason must be a short code" in said
    assert len(reason) < 3 or reason not in result.output


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
@pytest.mark.parametrize("command", [("purge",), ("user", "sign-out", str(ONE), *REASON)])
def test_a_database_that_does_not_answer_is_an_exit_code_of_its_own(
    command: tuple[str, ...], dry_run: tuple[str, ...]
) -> None:
    nobody = required_settings("postgresql://127.0.0.1:1/vetassist") | {
        "VETASSIST_DATABASE_TIMEOUT_SECONDS": "1"
    }
    with patch.dict(os.environ, nobody, clear=True):
        result = vetassist(*command, *dry_run)

    (line,) = result.stderr.splitlines()
    assert result.exit_code == 4
    assert line.startswith("vetassist: VETASSIST_DATABASE_URL: the database does not answer")


def parameters(group: typer.Typer) -> Iterator[tuple[str, Any]]:
    """Name and annotation of every parameter of every command."""
    for command in group.registered_commands:
        assert command.callback is not None
        hints = get_type_hints(command.callback, include_extras=True)
        yield from ((name, hint) for name, hint in hints.items() if name != "return")
    for each in group.registered_groups:
        assert each.typer_instance is not None
        yield from parameters(each.typer_instance)


def takes_a_secret(name: str, annotation: Any) -> bool:
    """Whether it is named like a secret and takes one as it is: no flag, and no file's name."""
    kind, declared = get_args(annotation)
    # Inside Annotated, the first name of an option stands where a default would.
    options = f"{name} {declared.default} {declared.param_decls}".lower()
    is_harmless = kind is bool or Path in (kind, *get_args(kind))
    return not is_harmless and any(word in options for word in SECRET_WORDS)


@pytest.mark.case(100)
def test_no_command_takes_a_secret_as_an_argument() -> None:
    every = list(parameters(app))

    assert len(every) > 30
    # Standard input can bring it instead.
    assert [name for name, annotation in every if takes_a_secret(name, annotation)] == ["new_icn"]


@pytest.mark.parametrize(
    ("name", "annotation", "expected"),
    [
        ("given", Annotated[str, typer.Option("--client-secret")], True),
        ("token", Annotated[str | None, typer.Argument()], True),
        ("public_key", Annotated[Path | None, typer.Option()], False),
        ("secret", Annotated[bool, typer.Option("--secret")], False),
        ("reason", Annotated[str, typer.Option()], False),
    ],
)
def test_a_secret_among_the_arguments_would_be_seen(
    name: str,
    annotation: Any,
    expected: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert takes_a_secret(name, annotation) is expected
