"""`vetassist audit show` on a real database."""

import csv
import json
import os
from collections.abc import Iterator
from datetime import timedelta, timezone
from io import StringIO
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from adapters.postgres.pool import Pool, build_pool, opened
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.visitor import Visitor
from entrypoints.cli import app
from tests.support.builders import NOW, a_session_id, a_user_id
from tests.support.databases import change
from tests.support.environment import required_settings
from tests.support.event_loop import run
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

A_DAY = timedelta(days=1)
REQUEST = "0123456789ab-7f"


@pytest.fixture(autouse=True)
def environment(database_url: str) -> Iterator[None]:
    settings = required_settings(database_url) | {"COLUMNS": "220"}
    with patch.dict(os.environ, settings, clear=True):
        yield


@pytest.fixture
def user_id(database_url: str) -> UserId:
    """A user with a sign-in, a day later a sign-out, and something that looks like markup."""

    async def store() -> UserId:
        async with opened(build_pool(database_url, max_size=1)) as pool:
            return await _store_events(pool)

    return run(store())


async def _store_events(pool: Pool) -> UserId:
    user_id = a_user_id()
    visitor = Visitor(address_hash="0a0b", key_id="k", request_id=REQUEST)
    async with postgres_storage(pool).unit_of_work() as work:
        for days, type_ in enumerate(
            (AuditEventType.LOGIN, AuditEventType.LOGOUT, AuditEventType.USER_DISABLED)
        ):
            event = AuditEvent.of_user(
                type_, user_id, visitor=visitor, now=NOW + days * A_DAY, reason="[red]x[/nonsense]"
            )
            await work.audit.append(event)
        await work.commit()
    return user_id


def show(*options: str) -> Result:
    return CliRunner().invoke(app, ["audit", "show", *options])


def types(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["type"] for line in result.stdout.splitlines()]


def test_people_get_a_table_with_the_newest_first(user_id: UserId) -> None:
    result = show("--user", str(user_id))
    assert result.exit_code == 0
    assert result.output.index("user_disabled") < result.output.index("logout")
    assert result.output.index("logout") < result.output.index("login")
    for told in (str(user_id), "reason=[red]x[/nonsense]", REQUEST, "When (UTC)"):
        assert told in result.output


def test_scripts_get_an_object_a_line(user_id: UserId) -> None:
    result = show("--user", str(user_id), "--json", "--type", "login")
    (line,) = result.stdout.splitlines()
    assert json.loads(line) == {
        "occurred_at": NOW.isoformat().replace("+00:00", "Z"),
        "type": "login",
        "user_id": str(user_id),
        "data": {"reason": "[red]x[/nonsense]"},
        "address_hash": "0a0b",
        "user_agent_hash": None,
        "hash_key_id": "k",
        "request_id": REQUEST,
        "operator": None,
    }


def test_events_are_picked_by_time_and_by_type(user_id: UserId) -> None:
    def found(*options: str) -> list[str]:
        return types(show("--json", "--user", str(user_id), *options))

    day = NOW + A_DAY
    elsewhere = day.astimezone(timezone(timedelta(hours=-5)))
    kinds = ("--type", "login", "--type", "logout", "--type", "user_disabled")
    for text in (day.strftime("%Y-%m-%dT%H:%M:%S"), elsewhere.isoformat()):
        assert found("--since", text, *kinds) == ["user_disabled", "logout"]
        assert found("--until", text, *kinds) == ["login"]
    assert found("--type", "login", "--type", "logout") == ["logout", "login"]


def test_events_are_picked_by_reference_session_client_and_operator(
    database_url: str, user_id: UserId
) -> None:
    session_id, client_id = a_session_id(), a_session_id()
    insert = """
        INSERT INTO vetassist_auth_audit (user_id, event_type, event_data, operator)
        VALUES ('{user}', '{type}', '{{"{name}": "{id}"}}', '{operator}')
    """
    for type_, name, value in (
        ("session_renewed", "session_id", session_id),
        ("va_token_used", "client", client_id),
    ):
        change(
            database_url,
            insert.format(user=user_id, type=type_, name=name, id=value, operator=f"pat {value}"),
        )
    of_user = ("--json", "--user", str(user_id))
    assert types(show(*of_user, "--session", str(session_id))) == ["session_renewed"]
    assert types(show(*of_user, "--client", str(client_id))) == ["va_token_used"]
    assert types(show(*of_user, "--operator", f"pat {client_id}")) == ["va_token_used"]
    assert types(show(*of_user, "--operator", "nobody")) == []
    assert show(*of_user, "--operator", "nobody").stderr == "vetassist: no event matches\n"
    assert types(show(*of_user, "--reference", REQUEST)) == ["user_disabled", "logout", "login"]
    assert types(show("--json", "--reference", f"{REQUEST}0")) == []
    assert types(show(*of_user, "--session", str(session_id), "--client", str(client_id))) == []


def test_what_was_looked_for_is_on_record(user_id: UserId) -> None:
    reference = f"{a_session_id().hex[:12]}-1"
    show("--user", str(user_id), "--reference", reference, "--operator", "pat")
    (line,) = show("--user", str(user_id), "--json", "--type", "audit_shown").stdout.splitlines()
    told = json.loads(line)["data"]
    assert told == {"rows": 0, "of_operator": "pat", "of_reference": reference}


@pytest.mark.parametrize("columns", ["80", None])
def test_ids_are_whole_however_wide_the_terminal_is(user_id: UserId, columns: str | None) -> None:
    with patch.dict(os.environ):
        del os.environ["COLUMNS"]
        os.environ.update({} if columns is None else {"COLUMNS": columns})
        result = show("--user", str(user_id))
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert sum(str(user_id) in line for line in lines) == 3
    assert sum(REQUEST in line for line in lines) == 3
    assert columns is None or max(map(len, lines)) <= int(columns)


def test_a_spreadsheet_gets_a_line_for_each_event(user_id: UserId) -> None:
    result = show("--user", str(user_id), "--csv")
    text = result.stdout_bytes.decode("utf-8-sig")
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert result.stdout_bytes.startswith(b"\xef\xbb\xbf")
    assert [row["type"] for row in rows] == ["user_disabled", "logout", "login"]
    assert {row["user_id"] for row in rows} == {str(user_id)}
    assert show("--csv", "--json").exit_code == 2


def test_what_is_left_out_is_said(user_id: UserId) -> None:
    result = show("--json", "--user", str(user_id), "--limit", "2")
    assert types(result) == ["user_disabled", "logout"]
    assert "there are more than these 2" in result.stderr


def test_nobodys_events_are_an_empty_list() -> None:
    assert types(show("--json", "--user", str(a_user_id()))) == []


@pytest.mark.parametrize(
    "options",
    [
        ("--type", "log_in"),
        ("--user", "somebody"),
        ("--since", "yesterday"),
        ("--limit", "0"),
        ("--limit", "10001"),
    ],
)
def test_what_makes_no_sense_is_refused(options: tuple[str, ...]) -> None:
    assert show(*options).exit_code == 2


def test_a_type_that_there_is_not_is_answered_with_the_nearest() -> None:
    assert "there is no event type 'log_in'; did you mean login" in show("--type", "log_in").stderr


ODD = """
INSERT INTO vetassist_auth_audit (user_id, event_type, event_data, created_at)
VALUES ('{user}', '{type}', '{data}', {at})
"""


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("[1]", {}),
        ('"text"', {}),
        ("5", {}),
        ("null", {}),
        (f'{{"n": {"9" * 5000}}}', {}),
        ('{"a": [1], "b": null, "c": 1.5, "d": 2}', {"a": "[1]", "b": "null", "c": "1.5", "d": 2}),
    ],
)
def test_data_that_is_no_object_of_ours_is_told_as_far_as_it_can_be(
    database_url: str, stored: str, told: dict[str, object]
) -> None:
    user = a_user_id()
    change(database_url, ODD.format(user=user, type="login", data=stored, at="now()"))
    (line,) = show("--user", str(user), "--json").stdout.splitlines()
    assert json.loads(line)["data"] == told
    assert show("--user", str(user)).exit_code == 0


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("'infinity'", "9999-12-30T00:00:00Z"),
        ("'20000-01-01'", "9999-12-30T00:00:00Z"),
        ("'-infinity'", "0001-01-02T00:00:00Z"),
        ("'0044-03-15 BC'", "0001-01-02T00:00:00Z"),
    ],
)
def test_a_time_that_no_calendar_has_is_told_as_the_nearest(
    own_database: str, stored: str, told: str
) -> None:
    user = a_user_id()
    change(own_database, ODD.format(user=user, type="login", data="{}", at=stored))
    with patch.dict(os.environ, {"VETASSIST_DATABASE_URL": own_database}):
        (line,) = show("--user", str(user), "--json").stdout.splitlines()
        assert json.loads(line)["occurred_at"] == told
        assert show().exit_code == 0


def test_a_type_that_the_catalogue_does_not_have_is_shown_as_text(database_url: str) -> None:
    user = a_user_id()
    change(database_url, ODD.format(user=user, type="[b]\x1b[31mmade_up", data="{}", at="now()"))
    (line,) = show("--user", str(user), "--json").stdout.splitlines()
    assert json.loads(line)["type"] == "[b]\x1b[31mmade_up"
    table = show("--user", str(user)).output
    assert "[b]\\x1b[31mmade_up" in table
    assert "\x1b" not in table


def test_who_looked_is_on_record_and_sees_it_the_next_time(user_id: UserId) -> None:
    with patch.dict(os.environ, {"VETASSIST_OPERATOR": "pat"}):
        assert show("--user", str(user_id), "--type", "login").exit_code == 0

    (line,) = show("--user", str(user_id), "--json", "--type", "audit_shown").stdout.splitlines()
    found = json.loads(line)
    assert (found["operator"], found["data"]) == ("pat", {"rows": 1, "types": "login"})
