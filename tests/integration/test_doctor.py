"""`vetassist doctor` on a real database, on none, and before a VA that does not answer."""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from adapters.memory.seal_keys import MemorySealKeys
from adapters.postgres.migrations import migrate
from application.errors import (
    ClientRejectedByProviderError,
    ProviderUnavailableError,
    UnavailableError,
    UpstreamRejectedError,
)
from application.ports.readiness import ReadinessCheck
from application.ports.vital_signs import Rights, Vitals
from entrypoints.cli import app
from entrypoints.doctor.examination import DEADLINE, Patient, examine, key_ages
from entrypoints.doctor.findings import failed, passed
from entrypoints.doctor.report import print_report
from entrypoints.sandbox.app import create_sandbox
from entrypoints.sandbox.documents import OAUTH_BASE
from entrypoints.sandbox.settings import ServiceBeside, settings_beside
from tests.support.databases import change, new_database, rows_of
from tests.support.environment import read, required_settings, write_secrets
from tests.support.event_loop import pass_time
from tests.support.processes import free_port
from tests.support.product import serving, until

pytestmark = pytest.mark.postgres

UNWELL = 10
EVERYTHING = {
    *("settings", "delivery", "metrics", "keys", "JWT key", "data keys", "schema", "roles"),
    *("clock", "purge", "outbox", "seals", "months", "checkpoints", "VA", "database"),
    *("encoding", "connections", "primary", "writable"),
}
OF_DATABASE = {
    *("database", "encoding", "schema", "connections", "primary", "writable", "roles"),
    *("data keys", "clock", "purge", "outbox", "seals", "months", "checkpoints"),
}
NOBODY = "postgresql://someone:hunter2-canary@127.0.0.1:1/vetassist"


@pytest.fixture(scope="module")
def own_database(database_url: str) -> Iterator[str]:
    """A database of which nobody else leaves anything behind."""
    with new_database(database_url) as url:
        migrate(url)
        yield url


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """What the command finds in its environment: nothing, until a test adds to it."""
    with patch.dict(os.environ, {}, clear=True):
        yield os.environ  # type: ignore[misc]


def without_va(database_url: str) -> dict[str, str]:
    """Settings of which VA is a port where nobody listens."""
    return required_settings(database_url) | {
        "VETASSIST_VA_DISCOVERY_URL": "http://127.0.0.1:1/.well-known/openid-configuration",
        "VETASSIST_VA_ISSUER": "http://127.0.0.1:1",
        "VETASSIST_DATABASE_TIMEOUT_SECONDS": "1",
    }


def verdicts(result: Result) -> dict[str, str]:
    report = json.loads(result.stdout)
    return {each["check"]: each["verdict"] for each in report["checks"]}


def doctor(*options: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *options])


def test_everything_but_va_is_well_and_that_is_said_with_what_to_do(
    environment: dict[str, str], own_database: str
) -> None:
    environment.update(without_va(own_database))
    result = doctor("--json")
    assert result.exit_code == UNWELL
    found = verdicts(result)
    assert found["VA"] == "fail"
    assert {name for name, verdict in found.items() if verdict == "fail"} == {"VA"}
    assert set(found) >= EVERYTHING
    assert found["schema"] == found["clock"] == found["data keys"] == "pass"
    report = json.loads(result.stdout)
    assert report["verdict"] == "fail"
    assert all(bool(each["advice"]) == (each["verdict"] != "pass") for each in report["checks"])


async def test_with_va_there_nothing_fails(environment: dict[str, str], own_database: str) -> None:
    port = free_port()
    sandbox = settings_beside(ServiceBeside(), public_url=f"http://127.0.0.1:{port}")
    async with serving(create_sandbox(sandbox), port=port) as (url, _):
        environment.update(required_settings(own_database))
        environment["VETASSIST_VA_DISCOVERY_URL"] = (
            f"{url}{OAUTH_BASE}/.well-known/openid-configuration"
        )
        environment["VETASSIST_VA_ISSUER"] = sandbox.issuer
        environment["VETASSIST_VA_CLIENT_ID"] = sandbox.client_id
        refused = await asyncio.to_thread(doctor, "--json")
        environment["VETASSIST_VA_CLIENT_SECRET"] = sandbox.client_secret
        result = await asyncio.to_thread(doctor, "--json")
        environment["VETASSIST_VA_ISSUER"] = f"{url}/another"
        other = await asyncio.to_thread(doctor, "--json")

    assert result.exit_code == 0
    assert verdicts(result)["VA"] == verdicts(result)["VA client"] == "pass"
    assert refused.exit_code == other.exit_code == UNWELL
    assert [name for name, each in verdicts(refused).items() if each == "fail"] == ["VA client"]
    (said,) = [each for each in json.loads(other.stdout)["checks"] if each["check"] == "VA"]
    assert "another issuer" in said["said"]


def test_without_a_database_the_rest_is_still_looked_at(environment: dict[str, str]) -> None:
    environment.update(without_va(NOBODY))
    result = doctor("--json")
    assert result.exit_code == UNWELL
    found = verdicts(result)
    assert found["database"] == "fail"
    assert {found[name] for name in OF_DATABASE - {"database"}} == {"warn"}
    assert found["settings"] == found["keys"] == "pass"
    assert "hunter2" not in result.output


def test_a_database_without_our_tables_fails_and_does_not_break_the_doctor(
    environment: dict[str, str], own_database: str
) -> None:
    with new_database(own_database) as empty:
        environment.update(without_va(empty))
        result = doctor("--json")
    found = verdicts(result)
    assert result.exit_code == UNWELL
    assert (found["encoding"], found["schema"]) == ("pass", "fail")
    assert {found[name] for name in OF_DATABASE - {"encoding", "schema"}} == {"warn"}


def test_bad_settings_are_named_and_the_schema_is_looked_at_all_the_same(
    environment: dict[str, str], own_database: str
) -> None:
    environment["VETASSIST_DATABASE_URL"] = own_database
    environment["VETASSIST_JWT_SECRET"] = "canary-too-short"
    result = doctor("--json")
    assert result.exit_code == UNWELL
    report = json.loads(result.stdout)
    said = [each["said"] for each in report["checks"] if each["check"] == "settings"]
    assert "VETASSIST_AUDIT_KEY: is required: 64 random hex digits" in said
    assert verdicts(result)["schema"] == "pass"
    assert "canary" not in result.output


@pytest.mark.parametrize(
    ("kept", "verdict"),
    [
        ("as it was told", "pass"),
        ("", "fail"),
        ("garbage\n", "fail"),
        ("directory", "fail"),
        ("nothing", "warn"),
    ],
)
def test_the_file_of_checkpoints_counts_by_what_is_in_it(
    environment: dict[str, str], own_database: str, tmp_path: Path, kept: str, verdict: str
) -> None:
    with new_database(own_database) as url:
        migrate(url)
        change(url, "INSERT INTO vetassist_auth_audit (event_type) VALUES ('logout')")
        file = tmp_path / "checkpoints"
        environment.update(without_va(url))
        environment["VETASSIST_AUDIT_CHECKPOINTS"] = str(file)
        assert CliRunner().invoke(app, ["audit", "seal"]).exit_code == 0
        if kept in {"directory", "nothing"}:
            file.unlink()
            if kept == "directory":
                file.mkdir()
        elif kept != "as it was told":
            file.write_text(kept)
        assert verdicts(doctor("--json"))["checkpoints"] == verdict


def test_an_event_behind_the_seals_and_a_month_that_is_missing_are_seen(
    environment: dict[str, str], own_database: str
) -> None:
    with new_database(own_database) as url:
        migrate(url)
        environment.update(without_va(url))
        change(url, "INSERT INTO vetassist_auth_audit (event_type) VALUES ('logout')")
        assert CliRunner().invoke(app, ["audit", "seal"]).exit_code == 0
        well = verdicts(doctor("--json"))
        change(
            url,
            """
            INSERT INTO vetassist_auth_audit (event_type, created_at, transaction_id)
            VALUES ('logout', now(), '3')
            """,
        )
        (next_month,) = rows_of(url, "SELECT to_char(now() + '1 month', 'YYYY_MM') AS name")
        change(
            url,
            "ALTER TABLE vetassist_auth_audit "
            f"DETACH PARTITION vetassist_auth_audit_{next_month['name']}",
        )
        found = verdicts(doctor("--json"))

    assert (well["seals"], well["months"]) == ("pass", "pass")
    assert (found["seals"], found["months"]) == ("fail", "warn")


@pytest.mark.parametrize("columns", ["80", "200"])
def test_people_get_a_line_for_each_check(environment: dict[str, str], columns: str) -> None:
    environment.update(without_va(NOBODY))
    environment["COLUMNS"] = columns
    result = doctor()
    assert result.exit_code == UNWELL
    lines = result.output.splitlines()
    assert re.fullmatch(r"pass  settings +every setting is usable", lines[0])
    assert any(line.startswith("fail  VA ") for line in lines)
    assert any(line.strip().startswith("To do: ") for line in lines)
    for secret in (environment["VETASSIST_JWT_SECRET"], "hunter2"):
        assert secret not in result.output


def test_a_finding_is_never_wrapped_and_never_taken_for_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said, advice = "[bold]b[/nonsense] " * 9, "VETASSIST_VA_CLIENT_SECRET " * 9
    print_report([failed("a", said.strip(), advice.strip()), passed("long", "e")])
    assert capsys.readouterr().out.splitlines() == [
        f"fail  a     {said.strip()}",
        f"            To do: {advice.strip()}",
        "pass  long  e",
    ]


class Asked:
    """A patient whose parts do as they are told, and note that they were asked."""

    def __init__(self, **parts: Callable[[], Awaitable[Any]]) -> None:
        self.asked: set[str] = set()
        self._parts = {name: self._noted(name, part) for name, part in parts.items()}

    def _noted(self, name: str, part: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        async def answer() -> Any:
            self.asked.add(name)
            return await part()

        return answer

    def patient(self) -> Patient:
        async def well() -> Vitals:
            return Vitals(
                now=datetime.now(UTC),
                outbox=0,
                oldest_in_outbox=None,
                oldest_sign_in_end=None,
                oldest_session_end=None,
                oldest_unsealed=None,
                newest_seal=0,
                newest_seal_at=None,
                missing_months=(),
                rows_of_no_month=0,
            )

        async def allowed() -> Rights:
            return Rights(is_owner=False)

        async def all_well() -> frozenset[ReadinessCheck]:
            return frozenset()

        parts: dict[str, Any] = {
            "failing": all_well,
            "vital_signs": well,
            "rights": allowed,
            "oldest_passed_by": nothing,
            "seal_keys": MemorySealKeys(),
            "keys_under_older": none,
            "ask_provider": none,
            "check_client": nothing,
        }
        return Patient(
            settings=read(required_settings()),
            pending_migrations=list,
            connection_faults=list,
            **(parts | self._parts),
        )


async def never() -> Any:
    await asyncio.Event().wait()


async def nothing() -> Any:
    return None


async def none() -> Any:
    return 0


@pytest.mark.parametrize(
    ("part", "check"),
    [
        ("vital_signs", "database"),
        ("rights", "roles"),
        ("keys_under_older", "data keys"),
        ("ask_provider", "VA"),
        ("check_client", "VA"),
    ],
)
async def test_what_does_not_answer_fails_by_itself_and_in_time(part: str, check: str) -> None:
    # The last part of each check that is not stuck notes that it was asked, and answers.
    others = {"oldest_passed_by": nothing, "keys_under_older": none, "ask_provider": none}
    if part == "vital_signs":
        del others["oldest_passed_by"]
    asked = Asked(**(others | {part: never}))
    examining = asyncio.create_task(examine(asked.patient(), DEADLINE))
    await until(lambda: asked.asked == {*others, part})
    pass_time(DEADLINE)
    findings = await examining
    (stuck,) = [finding for finding in findings if finding.verdict == "fail"]
    assert stuck.check == check
    assert "no answer within" in stuck.said


@pytest.mark.parametrize(
    ("part", "error", "check"),
    [
        ("vital_signs", UnavailableError("postgres"), "database"),
        ("vital_signs", RuntimeError("canary"), "database"),
        ("oldest_passed_by", RuntimeError("canary"), "database"),
        ("rights", RuntimeError("canary"), "roles"),
        ("keys_under_older", RuntimeError("canary"), "data keys"),
        ("ask_provider", ProviderUnavailableError("status_503"), "VA"),
        ("check_client", ClientRejectedByProviderError("invalid_client"), "VA client"),
    ],
)
async def test_what_breaks_fails_by_itself_without_its_message(
    part: str, error: Exception, check: str
) -> None:
    async def breaks() -> Any:
        raise error

    findings = await examine(Asked(**{part: breaks}).patient())
    assert [finding.check for finding in findings if finding.verdict == "fail"] == [check]
    assert "canary" not in repr(findings)


@pytest.mark.parametrize(
    "error", [ProviderUnavailableError("status_503"), UpstreamRejectedError("invalid_request")]
)
async def test_an_answer_that_says_nothing_of_our_client_is_a_warning(error: Exception) -> None:
    async def breaks() -> None:
        raise error

    findings = await examine(Asked(check_client=breaks).patient())
    (finding,) = [finding for finding in findings if finding.check == "VA client"]
    assert finding.verdict == "warn"


async def test_a_trail_that_takes_too_long_to_look_through_is_warned_of_by_itself() -> None:
    async def too_long() -> Any:
        raise UnavailableError("postgres")

    findings = await examine(Asked(oldest_passed_by=too_long).patient())
    (seals,) = [finding for finding in findings if finding.check == "seals"]
    assert seals.verdict == "warn"
    assert "in time" in seals.said
    assert [finding for finding in findings if finding.verdict == "fail"] == []


def test_the_age_of_a_key_is_that_of_its_file_and_unknown_without_one(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    folder = write_secrets(tmp_path / "secrets", {"VETASSIST_AUDIT_KEY": "x"})
    a_year_ago = (now - timedelta(days=400)).timestamp()
    os.utime(folder / "VETASSIST_AUDIT_KEY", (a_year_ago, a_year_ago))
    given: Mapping[str, str] = {"VETASSIST_SECRETS_DIR": str(folder)}

    (age,) = key_ages(given, now).values()
    assert age.days == 400
    assert key_ages({**given, "VETASSIST_AUDIT_KEY": "wins"}, now) == {}
    assert key_ages({}, now) == {}
