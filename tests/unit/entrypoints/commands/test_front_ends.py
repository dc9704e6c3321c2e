"""`vetassist front-end`, on a real database."""

import json
import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner, Result

from adapters.postgres.migrations import migrate
from domain.front_end import SETTINGS_FRONT_END
from entrypoints.cli import app
from entrypoints.starting import EXIT_NOT_FOUND
from tests.support.databases import new_database
from tests.support.environment import required_settings

pytestmark = pytest.mark.postgres

STAGING = "https://staging.example.org/app"
REASON = ("--reason", "test")


@pytest.fixture(scope="module")
def url(database_url: str) -> Iterator[str]:
    """A database of its own, which the command finds in its environment."""
    settings = {
        "VETASSIST_FRONTEND_URL": "https://app.example.org",
        "VETASSIST_PUBLIC_URL": "https://api.example.org",
        "VETASSIST_OPERATOR": "casey",
    }
    with new_database(database_url) as url:
        migrate(url)
        with patch.dict(os.environ, required_settings(url) | settings, clear=True):
            yield url


def vetassist(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["front-end", *arguments], env={"COLUMNS": "300"})


def told(*arguments: str) -> Any:
    result = vetassist(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def add(*arguments: str) -> str:
    """The id of a new front end, at an origin of its own."""
    result = vetassist("add", "Staging", "--url", f"https://{uuid4()}.example.org", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.removeprefix("front_end_id: ").strip()


def audited(url: str) -> tuple[str, str, dict[str, object]]:
    """The newest event: its type, its operator and its data."""
    with psycopg.connect(url) as connection:
        query = (
            "SELECT event_type, operator, event_data FROM vetassist_auth_audit "
            "ORDER BY row_number DESC LIMIT 1"
        )
        (row,) = connection.execute(query).fetchall()
    return row


def test_a_front_end_is_added_shown_changed_and_disabled(url: str) -> None:
    limits = ("--idle-minutes", "5", "--absolute-minutes", "60")
    added = told("add", "Staging", "--url", f"{STAGING}/", "--delivery", "cookie", *limits)
    front_end_id = added.pop("front_end_id")
    shown = {
        "name": "Staging",
        "url": STAGING,
        "delivery": "cookie",
        "idle_minutes": 5,
        "absolute_minutes": 60,
        "is_of_settings": False,
        "disabled_at": None,
    }
    assert added.items() >= shown.items()
    recorded = {
        "front_end": front_end_id,
        "url": STAGING,
        "delivery": "cookie",
        "idle_minutes": 5,
        "absolute_minutes": 60,
    }
    assert audited(url) == ("front_end_added", "casey", recorded)

    changed = told("change", front_end_id, *REASON, "--name", "Second", "--idle-minutes", "0")
    shown |= {"name": "Second", "idle_minutes": None}
    assert changed.items() >= (shown | {"changed": True}).items()
    assert told("show", front_end_id).items() >= shown.items()
    del recorded["idle_minutes"]
    assert audited(url) == ("front_end_changed", "casey", recorded | {"reason": "test"})
    assert "like this before" in vetassist("change", front_end_id, *REASON).stdout

    assert "is disabled" in vetassist("disable", front_end_id, *REASON).stdout
    data = {"front_end": front_end_id, "reason": "test"}
    assert audited(url) == ("front_end_disabled", "casey", data)
    assert told("show", front_end_id)["disabled_at"] is not None
    assert "disabled before" in vetassist("disable", front_end_id, *REASON).stdout
    # Its origin is free again.
    assert vetassist("add", "New", "--url", STAGING).exit_code == 0


def test_all_are_listed_after_that_of_the_settings(url: str) -> None:
    front_end_id = add()
    rows = told("list")

    assert rows[0]["front_end_id"] == str(SETTINGS_FRONT_END)
    assert rows[0].items() >= {"url": "https://app.example.org", "delivery": "query"}.items()
    # The delivery is that of the settings, unless another is given.
    (row,) = [each for each in rows if each["front_end_id"] == front_end_id]
    assert (row["delivery"], row["idle_minutes"]) == ("query", None)
    for arguments in (("list",), ("show", front_end_id)):
        table = vetassist(*arguments).stdout
        assert front_end_id in table
        assert "the service's" in table
    assert "from the settings" in vetassist("list").stdout


def test_one_whose_origin_the_settings_took_is_told(url: str) -> None:
    front_end_id = add()
    shown = told("show", front_end_id)
    assert shown["is_served"] is True
    for name in ("VETASSIST_FRONTEND_URL", "VETASSIST_PUBLIC_URL"):
        with patch.dict(os.environ, {name: shown["url"]}):
            assert told("show", front_end_id)["is_served"] is False
            assert "not served: the settings have its origin" in vetassist("list").stdout


def test_a_dry_run_changes_nothing(url: str) -> None:
    front_end_id = add()
    before = told("list"), audited(url)
    for arguments in (
        ("add", "Dry", "--url", "https://dry.example.org"),
        ("change", front_end_id, *REASON, "--name", "Dry"),
        ("disable", front_end_id, *REASON),
        ("disable", str(uuid4()), *REASON),
    ):
        vetassist(*arguments, "--dry-run")
        assert (told("list"), audited(url)) == before, arguments


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (("--url", "http://staging.example.org"), 2, "--url must be an https URL"),
        (("--url", "staging"), 2, "--url must be a URL that begins with https://"),
        (("--url", "https://a.example/?x"), 2, "--url must not have a query"),
        (("--url", "https://user@a.example"), 2, "--url must not contain a user name"),
        (("--url", "https://API.example.org:443/x"), 2, "the origin is the service's own"),
        (("--url", "https://app.example.org/x"), 2, "that of the settings' front end"),
        (("--url", "https://a.example", "--idle-minutes", "31"), 2, "at most the service's, 30"),
        (("--url", "https://a.example", "--idle-minutes", "0"), 2, "1 to 525600"),
        (("--url", "https://a.example", "--absolute-minutes", "721"), 2, "service's, 720"),
        (("--url", "https://a.example", "--absolute-minutes", "9"), 0, ""),
        (("--url", "https://b.example", "--delivery", "post"), 2, "'post'"),
    ],
)
def test_only_a_front_end_that_can_be_served_is_added(
    url: str, arguments: tuple[str, ...], status: int, line: str
) -> None:
    before = told("list")
    result = vetassist("add", "Staging", *arguments)

    assert result.exit_code == status, result.output
    assert line in result.output
    assert status == 0 or told("list") == before


def test_no_two_have_the_same_origin(url: str) -> None:
    first = add()
    taken = told("show", first)["url"]
    second = add()
    for arguments in (
        ("add", "Staging", "--url", f"{taken}/elsewhere"),
        ("change", second, *REASON, "--url", taken),
    ):
        result = vetassist(*arguments)
        assert result.exit_code == 2
        assert f"the front end {first} has the same origin" in result.output


def test_what_is_not_there_cannot_be_changed(url: str) -> None:
    for front_end_id in (str(uuid4()), "staging"):
        for verb, more in (("show", ()), ("change", REASON), ("disable", REASON)):
            result = vetassist(verb, front_end_id, *more)
            assert (result.exit_code, result.stdout) == (EXIT_NOT_FOUND, "")
            assert "there is no such front end" in result.output
    for verb in ("change", "disable"):
        result = vetassist(verb, str(SETTINGS_FRONT_END), *REASON)
        assert result.exit_code == 2
        assert "the settings describe this front end" in result.output
    gone = add()
    assert vetassist("disable", gone, *REASON).exit_code == 0
    assert "the front end is disabled" in vetassist("change", gone, *REASON).output
