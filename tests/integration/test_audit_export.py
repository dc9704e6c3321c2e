"""An export is checked with nothing but the standard library, and shows what was done to it."""

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.encryption.audit_keys import AuditKey
from adapters.postgres.migrations import migrate
from adapters.postgres.pool import build_pool, opened
from application.errors import AuditBrokenError, TrailUnreadableError
from examples import verify_audit_export
from tests.support.audit_desk import AuditDesk, seal_keys
from tests.support.builders import NOW, a_user_id
from tests.support.databases import change, new_database
from tests.support.processes import REPOSITORY
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

KEY: Final = secrets.token_bytes(32)
VERIFIER: Final = REPOSITORY / "examples" / "verify_audit_export.py"
FEBRUARY: Final = datetime(2026, 2, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What an auditor was handed: an export, checkpoints, a key; each as a file."""

    folder: Path
    lines: Sequence[dict[str, Any]]

    def check(
        self,
        *,
        with_key: bool = True,
        with_checkpoints: bool = True,
        lines: Sequence[dict[str, Any]] | None = None,
    ) -> int:
        export = self.folder / "export.jsonl"
        export.write_text(
            "".join(json.dumps(line) + "\n" for line in (self.lines if lines is None else lines))
        )
        arguments = [str(export)]
        if with_key:
            arguments += ["--key-file", str(self.folder / "key")]
        if with_checkpoints:
            arguments += ["--checkpoints", str(self.folder / "checkpoints.jsonl")]
        return verify_audit_export.main(arguments)


async def store(desk: AuditDesk) -> None:
    """Six rows of January and four of February, in three batches."""
    await desk.append(6)
    await desk.append(4, now=FEBRUARY)
    await desk.seal()


@pytest.fixture
async def desk(own_database: str) -> AsyncIterator[AuditDesk]:
    async with opened(build_pool(own_database, max_size=2)) as pool:
        desk = AuditDesk(storage=postgres_storage(pool), keys=seal_keys(KEY))
        await store(desk)
        yield desk


async def exported(database_url: str) -> tuple[Sequence[dict[str, Any]], list[str]]:
    """The lines of a whole export, and of the checkpoints."""
    async with opened(build_pool(database_url, max_size=2)) as pool:
        desk = AuditDesk(storage=postgres_storage(pool), keys=seal_keys(KEY))
        await store(desk)
        return await desk.export(), desk.told.lines


@pytest.fixture(scope="module")
def export(database_url: str) -> tuple[Sequence[dict[str, Any]], list[str]]:
    with new_database(database_url) as url:
        migrate(url)
        return asyncio.run(exported(url))


@pytest.fixture
def handed(export: tuple[Sequence[dict[str, Any]], list[str]], tmp_path: Path) -> Handed:
    lines, told = export
    (tmp_path / "key").write_text(KEY.hex() + "\n")
    collected = [f"2026-02-03T12:00:00Z vetassist {line}\n" for line in told]
    (tmp_path / "checkpoints.jsonl").write_text("".join(["not a checkpoint\n", *collected]))
    return Handed(folder=tmp_path, lines=lines)


def test_an_export_is_checked_by_a_process_that_knows_nothing_of_us(
    handed: Handed, tmp_path: Path
) -> None:
    assert handed.check() == 0
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    (alone / "verify.py").write_text(VERIFIER.read_text())
    command = [sys.executable, "-I", "-S", str(alone / "verify.py"), str(tmp_path / "export.jsonl")]
    key = ["--key-file", str(tmp_path / "key")]
    checked = subprocess.run(
        [*command, *key, "--checkpoints", str(tmp_path / "checkpoints.jsonl")],
        capture_output=True,
        text=True,
        cwd=alone,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert checked.stdout == (
        "10 rows in 3 batches: sealed with the audit key and sealed before checkpoint 3 was told\n"
    )
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize(("with_key", "with_checkpoints"), [(True, False), (False, True)])
def test_a_key_or_checkpoints_alone_will_do(
    handed: Handed,
    with_key: bool,  # noqa: FBT001 - a parameter of the test
    with_checkpoints: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert handed.check(with_key=with_key, with_checkpoints=with_checkpoints) == 0


def altered_row(lines: list[dict[str, Any]]) -> None:
    lines[1]["row"] = lines[1]["row"].replace("logout_all", "login")


def row_of_another_batch(lines: list[dict[str, Any]]) -> None:
    rows = [line for line in lines if line["type"] == "row"]
    rows[0]["batch"], rows[0]["mac"], rows[0]["hash"] = (
        rows[5]["batch"],
        rows[5]["mac"],
        rows[5]["hash"],
    )


def another_position(lines: list[dict[str, Any]]) -> None:
    lines[1]["position"] += 1


def cut_path(lines: list[dict[str, Any]]) -> None:
    lines[1]["path"].pop()


def longer_path(lines: list[dict[str, Any]]) -> None:
    lines[1]["path"].append("00" * 32)


def altered_header(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        if line["batch"]["number"] == 2:
            line["batch"] = line["batch"] | {"sealed_at": "2026-01-21T17:30:00.000000+00:00"}


def forged_batch(lines: list[dict[str, Any]]) -> None:
    """One that fits in itself, sealed by somebody else."""
    for line in lines:
        if line["batch"]["number"] == 2:
            line["mac"] = "00" * 32
            line["hash"] = verify_audit_export._hash_of(line["batch"], line["mac"])


@pytest.mark.parametrize(
    "tamper",
    [
        altered_row,
        row_of_another_batch,
        another_position,
        cut_path,
        longer_path,
        altered_header,
        forged_batch,
    ],
)
@pytest.mark.parametrize(("with_key", "with_checkpoints"), [(True, False), (False, True)])
def test_an_export_that_was_tampered_with_does_not_check(
    handed: Handed,
    tamper: Callable[[list[dict[str, Any]]], None],
    with_key: bool,  # noqa: FBT001 - a parameter of the test
    with_checkpoints: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    lines = json.loads(json.dumps(handed.lines))
    tamper(lines)
    found = handed.check(with_key=with_key, with_checkpoints=with_checkpoints, lines=lines)
    assert found == 1


def test_another_key_or_another_trails_checkpoints_prove_nothing(
    handed: Handed, capsys: pytest.CaptureFixture[str]
) -> None:
    (handed.folder / "key").write_text(secrets.token_hex(32))
    assert handed.check(with_checkpoints=False) == 1
    (handed.folder / "checkpoints.jsonl").write_text("")
    assert handed.check(with_key=False) == 1
    assert "no checkpoint tells of any of these batches" in capsys.readouterr().out


def test_a_chain_with_a_missing_link_leads_to_no_checkpoint(handed: Handed) -> None:
    lines = [line for line in handed.lines if line["batch"]["number"] != 2]
    assert handed.check(with_key=False, lines=lines) == 1
    assert handed.check(with_checkpoints=False, lines=lines) == 0


def test_a_batch_that_is_newer_than_every_checkpoint_is_told(handed: Handed) -> None:
    told = handed.folder / "checkpoints.jsonl"
    told.write_text("".join(line + "\n" for line in told.read_text().splitlines()[:-1]))
    assert handed.check(with_key=False) == 1


async def test_an_export_holds_the_rows_that_were_asked_for_and_the_headers_after_them(
    desk: AuditDesk,
) -> None:
    user_id = a_user_id()
    await desk.append(2, user_id=user_id, now=FEBRUARY)
    await desk.append(1, now=FEBRUARY)
    await desk.seal()

    def shape(lines: Sequence[dict[str, Any]]) -> tuple[int, list[int]]:
        rows = [line for line in lines if line["type"] == "row"]
        return len(rows), [line["batch"]["number"] for line in lines if line["type"] == "batch"]

    assert shape(await desk.export()) == (13, [1, 2, 3, 4])
    assert shape(await desk.export(since=FEBRUARY)) == (7, [3, 4])
    assert shape(await desk.export(until=FEBRUARY)) == (6, [1, 2, 3, 4])
    assert shape(await desk.export(user_id=user_id)) == (2, [4])
    assert shape(await desk.export(since=NOW, until=NOW)) == (0, [])
    (row, *_) = await desk.export(user_id=user_id)
    assert json.loads(row["row"])["user_id"] == str(user_id)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE vetassist_auth_audit SET event_type = 'login' WHERE row_number = 2",
        "DELETE FROM vetassist_auth_audit WHERE row_number = 2",
        "DELETE FROM vetassist_audit_leaves WHERE audit_row = 2",
        "UPDATE vetassist_audit_batches SET root = sha256(root) WHERE number = 1",
        "UPDATE vetassist_audit_batches SET month = 'ever' WHERE number = 1",
        "UPDATE vetassist_audit_batches SET hash = sha256(hash) WHERE number = 1",
        "UPDATE vetassist_audit_batches SET mac = sha256(mac) WHERE number = 1",
        "UPDATE vetassist_audit_batches SET row_count = 2147483647 WHERE number = 1",
        "UPDATE vetassist_audit_batches SET sealed_at = 'infinity' WHERE number = 1",
        "UPDATE vetassist_audit_leaves SET position = position + 7 WHERE batch = 1",
        f"""
        INSERT INTO vetassist_audit_drops
        VALUES ('2026-01', 1, 4, now(), '{AuditKey(KEY).id}', sha256('forged'))
        """,
        "INSERT INTO vetassist_audit_drops VALUES ('2026-01', 1, 4, 'infinity', 'none', '')",
    ],
)
async def test_what_was_tampered_with_is_not_handed_on(
    desk: AuditDesk, own_database: str, tampering: str
) -> None:
    change(own_database, tampering)
    with pytest.raises(AuditBrokenError) as broken:
        await desk.export()
    assert broken.value.batch == 1


async def test_a_trail_that_was_chained_anew_under_another_key_is_not_handed_on(
    desk: AuditDesk,
) -> None:
    with_another_key = AuditDesk(storage=desk.storage)
    with pytest.raises(AuditBrokenError) as broken:
        await with_another_key.export()
    assert broken.value.batch == 1


@pytest.mark.parametrize(
    ("tampering", "batch"),
    [
        ("DELETE FROM vetassist_audit_batches WHERE number = 1", 2),
        ("DELETE FROM vetassist_audit_batches WHERE number = 2", 3),
        ("UPDATE vetassist_audit_batches SET number = -number WHERE number = 2", -2),
    ],
)
async def test_a_chain_with_a_missing_link_is_not_handed_on(
    desk: AuditDesk, own_database: str, tampering: str, batch: int
) -> None:
    change(own_database, tampering)
    with pytest.raises(AuditBrokenError) as broken:
        await desk.export()
    assert broken.value.batch == batch


async def test_a_trail_without_one_of_its_tables_is_not_handed_on(
    desk: AuditDesk, own_database: str
) -> None:
    change(own_database, "DROP TABLE vetassist_audit_leaves")
    with pytest.raises(TrailUnreadableError, match="vetassist_audit_leaves"):
        await desk.export()
