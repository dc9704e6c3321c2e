"""`vetassist audit`, in this process, on a database of its own."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from adapters.postgres.migrations import migrate
from entrypoints.cli import app
from examples import verify_audit_export
from tests.support.databases import (
    APPLICATION_ROLE,
    as_application,
    change,
    count_of,
    new_database,
    rows_of,
)
from tests.support.environment import required_settings

pytestmark = pytest.mark.postgres

FIVE_ROWS = """
INSERT INTO vetassist_auth_audit (event_type, created_at)
SELECT 'logout', '2026-01-20 17:30:00+00' FROM generate_series(1, 5)
"""


@pytest.fixture
def trail(database_url: str, tmp_path: Path) -> Iterator[str]:
    """A database with five rows, and everything set for it; checkpoints go to a file."""
    with new_database(database_url) as url:
        migrate(url)
        change(url, FIVE_ROWS)
        values = required_settings(url) | {
            "VETASSIST_AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints.jsonl")
        }
        with patch.dict(os.environ, values, clear=True):
            yield url


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments])


def test_what_is_there_is_sealed_and_verified(trail: str) -> None:
    sealed = audit("seal")
    assert (sealed.exit_code, sealed.stdout) == (0, "Sealed 5 rows in 1 batches.\n")
    verified = audit("verify")

    assert verified.exit_code == 0
    assert verified.stdout.splitlines() == [
        "Checked 5 sealed rows in 1 batches; 0 rows wait to be sealed; compared 1 checkpoints.",
        "The trail is as it was sealed.",
    ]


def test_without_a_checkpoint_it_says_what_it_cannot_see(trail: str, tmp_path: Path) -> None:
    audit("seal")
    with patch.dict(os.environ):
        del os.environ["VETASSIST_AUDIT_CHECKPOINTS"]
        verified = audit("verify")
    assert verified.exit_code == 0
    assert "whether the newest batches were cut off" in verified.stdout


def garbage(line: str) -> bytes:
    return b"\x00\xff\xfe{{{\n[1]\n" + line[: len(line) // 2].encode() + b"\n"


def infinite(line: str) -> bytes:
    return line.replace('"number":1', '"number":Infinity').encode()


def enormous(line: str) -> bytes:
    return line.replace('"count":5', '"count":1e999').encode()


@pytest.mark.parametrize("spoil", [lambda _line: b"", garbage, infinite, enormous])
@pytest.mark.parametrize("is_given", [True, False])
def test_a_file_without_any_checkpoint_is_a_fault_and_the_trail_is_not_called_intact(
    trail: str,
    tmp_path: Path,
    spoil: Callable[[str], bytes],
    is_given: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    audit("seal")
    file = tmp_path / "checkpoints.jsonl"
    spoilt = spoil(file.read_text())
    assert spoilt != file.read_bytes()
    file.write_bytes(spoilt)
    given = ["--checkpoint", str(file)] if is_given else []
    told = audit("verify", *given)
    report = audit("verify", "--json", *given)

    assert told.exit_code == report.exit_code == 2
    assert "as it was sealed" not in told.stdout
    assert f"{file}: the file has no checkpoint" in told.stderr
    said = json.loads(report.stdout)
    assert (said["intact"], said["checkpoints"], said["findings"]) == (False, 0, 0)
    lines = [line for line in spoilt.splitlines() if line.strip()]
    assert said["odd_checkpoint_lines"] == len(lines)


def test_a_file_of_the_settings_that_is_gone_is_a_fault_once_something_is_sealed(
    trail: str, tmp_path: Path
) -> None:
    assert audit("verify").exit_code == 0
    audit("seal")
    (tmp_path / "checkpoints.jsonl").unlink()
    gone = audit("verify")
    assert gone.exit_code == 2
    assert "the file has no checkpoint" in gone.stderr


def test_a_file_that_is_given_must_hold_a_checkpoint_even_before_the_first_batch(
    trail: str, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert audit("verify", "--checkpoint", str(empty)).exit_code == 2


def test_a_file_of_the_settings_that_cannot_be_read_is_a_fault(trail: str, tmp_path: Path) -> None:
    with patch.dict(os.environ, {"VETASSIST_AUDIT_CHECKPOINTS": str(tmp_path)}):
        unreadable = audit("verify")
    assert unreadable.exit_code == 2
    assert f"{tmp_path}: Is a directory" in unreadable.stderr


@pytest.mark.parametrize(
    ("was", "name", "value"),
    [("root", "batch", "00" * 32), ("mac", "mac", "00" * 32), ("hash", "hash", "00" * 32)],
)
def test_a_checkpoint_that_contradicts_itself_is_a_finding(
    trail: str, tmp_path: Path, was: str, name: str, value: str
) -> None:
    audit("seal")
    file = tmp_path / "checkpoints.jsonl"
    told = json.loads(file.read_text())
    told[name] = told["batch"] | {was: value} if name == "batch" else value
    file.write_text(json.dumps(told) + "\n")
    verified = audit("verify", "--json")

    assert verified.exit_code == 9
    said = json.loads(verified.stdout)
    assert [(found["kind"], found["batch"]) for found in said["details"]] == [
        ("checkpoint_forged", 1)
    ]
    assert not said["intact"]


def given(*files: Path) -> list[str]:
    return [word for file in files for word in ("--checkpoint", str(file))]


def test_every_checkpoint_file_that_is_given_is_used(trail: str, tmp_path: Path) -> None:
    audit("seal")
    first = (tmp_path / "checkpoints.jsonl").rename(tmp_path / "first")
    change(trail, FIVE_ROWS)
    audit("seal")
    second = (tmp_path / "checkpoints.jsonl").rename(tmp_path / "second")
    verified = audit("verify", *given(first, second))
    assert verified.exit_code == 0
    assert "compared 2 checkpoints" in verified.stdout

    # Whatever one of them shows is found, in whatever order they come.
    told = json.loads(first.read_text())
    first.write_text(json.dumps(told | {"hash": "00" * 32}) + "\n")
    for files in ((first, second), (second, first)):
        report = audit("verify", "--json", *given(*files))
        assert report.exit_code == 9
        said = json.loads(report.stdout)
        assert [found["kind"] for found in said["details"]] == ["checkpoint_forged"]
        assert said["checkpoints"] == 1
    cut = "DELETE FROM vetassist_audit_batches WHERE number = 2"
    change(trail, cut)
    assert audit("verify", *given(second, second)).exit_code == 9


def test_each_file_that_is_given_must_have_a_checkpoint(trail: str, tmp_path: Path) -> None:
    audit("seal")
    sound, odd, empty = (
        tmp_path / "checkpoints.jsonl",
        tmp_path / "odd",
        tmp_path / "empty",
    )
    odd.write_text("nonsense\n")
    empty.touch()
    for files in ((sound, odd, empty), (odd, empty, sound)):
        verified = audit("verify", *given(*files))
        assert verified.exit_code == 2
        assert "as it was sealed" not in verified.stdout
        assert sorted(verified.stderr.splitlines()) == sorted(
            [
                f"vetassist: {odd}: skipped 1 lines that are not checkpoints",
                f"vetassist: {odd}: the file has no checkpoint, so nothing was compared with it",
                f"vetassist: {empty}: the file has no checkpoint, so nothing was compared with it",
            ]
        )


def test_tampering_is_told_with_an_exit_code_of_its_own(trail: str, tmp_path: Path) -> None:
    audit("seal")
    change(trail, "DELETE FROM vetassist_auth_audit WHERE row_number = 3")
    told = audit("verify")
    report = audit("verify", "--json", "--checkpoint", str(tmp_path / "checkpoints.jsonl"))

    assert told.exit_code == report.exit_code == 9
    assert told.stdout.splitlines()[0] == "row_removed: batch 1, row 3: it is missing"
    said = json.loads(report.stdout)
    assert (said["intact"], said["findings"], said["checkpoints"]) == (False, 1, 1)
    assert said["details"] == [
        {"kind": "row_removed", "batch": 1, "row": 3, "detail": "it is missing"}
    ]


def test_lines_that_are_no_checkpoints_are_left_aside_and_counted(
    trail: str, tmp_path: Path
) -> None:
    audit("seal")
    with (tmp_path / "checkpoints.jsonl").open("a") as file:
        file.write('{"batch": {"number": 1\n\nnonsense\n{"batch": {}}\n' + "[" * 100_000 + "\n")
    verified = audit("verify")

    assert verified.exit_code == 0
    assert "skipped 4 lines that are not checkpoints" in verified.stderr
    assert json.loads(audit("verify", "--json").stdout)["odd_checkpoint_lines"] == 4


def test_a_checkpoint_file_that_is_not_there_is_a_fault(trail: str, tmp_path: Path) -> None:
    refused = audit("verify", "--checkpoint", str(tmp_path / "nowhere"))
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output


def test_a_checkpoint_that_cannot_be_told_is_named_and_everything_is_sealed(
    trail: str, tmp_path: Path
) -> None:
    nowhere = tmp_path / "away" / "checkpoints.jsonl"
    with patch.dict(os.environ, {"VETASSIST_AUDIT_CHECKPOINTS": str(nowhere)}):
        for _ in range(2):
            sealed = audit("seal")
            assert sealed.exit_code == 1
            assert sealed.stderr == (
                "vetassist: everything is sealed, but the checkpoint could not be written: "
                f"{nowhere}: No such file or directory\n"
            )
    assert count_of(trail, "vetassist_audit_leaves") == 5


def test_an_export_is_a_new_file_for_its_owner_that_checks_outside(
    trail: str, tmp_path: Path
) -> None:
    audit("seal")
    file = tmp_path / "export.jsonl"
    exported = audit("export", str(file))

    assert exported.exit_code == 0
    assert exported.stdout == f"Exported 5 rows and 1 batch headers to {file}.\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints.jsonl", "export.jsonl"]
    checkpoints = str(tmp_path / "checkpoints.jsonl")
    assert verify_audit_export.main([str(file), "--checkpoints", checkpoints]) == 0


def test_an_export_is_bounded_by_time_and_user(trail: str, tmp_path: Path) -> None:
    audit("seal")
    nobody = "00000000-0000-4000-8000-000000000000"
    for number, (bound, value) in enumerate(
        [
            ("--since", "2026-01-21"),
            ("--until", "2026-01-20T17:30:00"),
            # The same instant, elsewhere.
            ("--until", "2026-01-20T12:30:00-05:00"),
            ("--since", "2026-01-20T19:30:00.000001+02:00"),
            ("--user", nobody),
        ]
    ):
        exported = audit("export", str(tmp_path / str(number)), bound, value)
        assert exported.stdout.startswith("Exported 0 rows")
    around = ("--since", "2026-01-20T18:30:00+01:00", "--until", "2026-01-20T18:30:01+01:00")
    assert audit("export", str(tmp_path / "all"), *around).stdout.startswith("Exported 5 rows")


def test_a_file_that_is_there_is_not_written_over(trail: str, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text("an export of before")
    refused = audit("export", str(file))

    assert refused.exit_code == 2
    assert file.read_text() == "an export of before"


def test_a_trail_that_was_tampered_with_is_not_exported(trail: str, tmp_path: Path) -> None:
    audit("seal")
    change(trail, "UPDATE vetassist_auth_audit SET event_type = 'login' WHERE row_number = 3")
    refused = audit("export", str(tmp_path / "export.jsonl"))

    assert refused.exit_code == 9
    assert "batch 1 is not as it was sealed" in refused.stderr
    assert not (tmp_path / "export.jsonl").exists()


def test_a_trail_of_which_a_part_is_gone_is_told_with_that_exit_code_and_in_one_line(
    trail: str, tmp_path: Path
) -> None:
    audit("seal")
    change(trail, "DROP TABLE vetassist_audit_drops")
    for command in (["verify"], ["verify", "--json"], ["export", str(tmp_path / "export.jsonl")]):
        told = audit(*command)
        assert told.exit_code == 9
        assert 'relation "vetassist_audit_drops" does not exist' in told.stderr
        assert told.stdout == ""
    assert not (tmp_path / "export.jsonl").exists()


def test_a_month_past_its_retention_is_dropped_once_it_was_exported(
    trail: str, tmp_path: Path
) -> None:
    assert audit("drop").stdout == "No month is past its retention.\n"
    change(trail, "SELECT vetassist_make_audit_partition('2026-02-01')")
    change(trail, FIVE_ROWS.replace("2026-01", "2026-02"))
    audit("seal")
    with patch.dict(os.environ, {"VETASSIST_AUDIT_RETENTION_MONTHS": "1"}):
        # January has no partition of its own: it came before there was room for it.
        kept = audit("drop")
        assert kept.stdout == "2026-02: 5 rows, kept, as it was not exported yet\n"
        audit("export", str(tmp_path / "export.jsonl"))
        assert audit("drop", "--dry-run").stdout == "2026-02: 5 rows, would be dropped\n"
        assert audit("drop").stdout == "2026-02: 5 rows, dropped\n"
    verified = audit("verify")

    assert verified.exit_code == 0
    assert "The rows of 1 batches were exported and dropped." in verified.stdout


def test_an_export_is_itself_in_the_trail(trail: str, tmp_path: Path) -> None:
    audit("seal")
    file = tmp_path / "export.jsonl"
    audit("export", str(file))
    (event,) = rows_of(
        trail, "SELECT * FROM vetassist_auth_audit WHERE event_type = 'audit_exported'"
    )
    assert event["event_data"] == {
        "rows": 5,
        "batches": 1,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


def test_an_export_that_cannot_be_noted_leaves_no_file(trail: str, tmp_path: Path) -> None:
    audit("seal")
    change(
        trail,
        "ALTER TABLE vetassist_auth_audit ADD CHECK (event_type <> 'audit_exported') NOT VALID",
    )
    refused = audit("export", str(tmp_path / "export.jsonl"))

    assert refused.exit_code == 4
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints.jsonl"]


def test_an_export_that_cannot_be_named_is_kept(trail: str, tmp_path: Path) -> None:
    audit("seal")
    with patch("pathlib.Path.rename", side_effect=OSError(13, "Permission denied")):
        refused = audit("export", str(tmp_path / "export.jsonl"))

    assert refused.exit_code == 2
    draft = tmp_path / ".export.jsonl.part"
    (event,) = rows_of(
        trail, "SELECT * FROM vetassist_auth_audit WHERE event_type = 'audit_exported'"
    )
    assert event["event_data"]["sha256"] == hashlib.sha256(draft.read_bytes()).hexdigest()


def test_only_the_owner_drops_a_month(trail: str, tmp_path: Path) -> None:
    migrate(trail, application_role=APPLICATION_ROLE)
    change(trail, "SELECT vetassist_make_audit_partition('2026-02-01')")
    change(trail, FIVE_ROWS.replace("2026-01", "2026-02"))
    audit("seal")
    audit("export", str(tmp_path / "export.jsonl"))
    ours = {
        "VETASSIST_AUDIT_RETENTION_MONTHS": "1",
        "VETASSIST_DATABASE_URL": as_application(trail),
    }
    with patch.dict(os.environ, ours):
        refused = audit("drop")
    assert refused.exit_code == 4
    assert "only the owner of the tables" in refused.stderr
