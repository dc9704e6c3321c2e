"""An export is checked with nothing but the standard library, and shows what was done to it."""

import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
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
from tests.support.event_loop import run
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
        is_whole: bool = False,
        lines: Sequence[dict[str, Any]] | None = None,
        text: bytes | None = None,
    ) -> int:
        export = self.folder / "export.jsonl"
        export.write_bytes(
            as_file(self.lines if lines is None else lines) if text is None else text
        )
        arguments = [str(export)] + ["--whole"] * is_whole
        if with_key:
            arguments += ["--key-file", str(self.folder / "key")]
        if with_checkpoints:
            arguments += ["--checkpoints", str(self.folder / "checkpoints.jsonl")]
        return verify_audit_export.main(arguments)


def as_file(lines: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


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
        return run(exported(url))


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
        "10 rows in 3 batches: sealed with the audit key and "
        "sealed before checkpoint 3 was written\n"
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


def without_a_row(lines: list[dict[str, Any]]) -> None:
    del lines[2]


def cut_behind_a_row(lines: list[dict[str, Any]]) -> None:
    del lines[6:]


def cut_before_the_line_of_the_batch(lines: list[dict[str, Any]]) -> None:
    del lines[-1]


def without_a_batch(lines: list[dict[str, Any]]) -> None:
    lines[:] = [line for line in lines if line["batch"]["number"] != 2]


def without_the_first_batch(lines: list[dict[str, Any]]) -> None:
    lines[:] = [line for line in lines if line["batch"]["number"] != 1]


def without_the_rows_of_a_batch(lines: list[dict[str, Any]]) -> None:
    lines[:] = [line for line in lines if line["type"] == "batch" or line["batch"]["number"] != 2]


def with_a_month_that_is_said_to_have_gone(lines: list[dict[str, Any]]) -> None:
    without_the_rows_of_a_batch(lines)
    month, key_id = lines[0]["batch"]["month"], lines[0]["batch"]["key_id"]
    note = {"type": "drop", "month": month, "last_batch": 2, "rows": 6, "dropped_at": "2026-03-01"}
    lines.insert(0, note | {"key_id": key_id, "mac": "00" * 32})


@pytest.mark.parametrize(
    "tamper",
    [
        without_a_row,
        cut_behind_a_row,
        cut_before_the_line_of_the_batch,
        without_a_batch,
        without_the_first_batch,
        without_the_rows_of_a_batch,
        with_a_month_that_is_said_to_have_gone,
    ],
)
@pytest.mark.parametrize(("with_key", "with_checkpoints"), [(True, False), (False, True)])
def test_what_was_left_out_of_a_whole_export_is_missed(
    handed: Handed,
    tamper: Callable[[list[dict[str, Any]]], None],
    with_key: bool,  # noqa: FBT001 - a parameter of the test
    with_checkpoints: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    check = partial(
        handed.check, with_key=with_key, with_checkpoints=with_checkpoints, is_whole=True
    )
    assert check() == 0
    lines = json.loads(json.dumps(handed.lines))
    tamper(lines)
    assert check(lines=lines) == 1


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("line", [0, 2, 4])
def test_a_line_that_stands_there_twice_or_out_of_order_is_told(
    handed: Handed,
    line: int,
    is_whole: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    twice = [*handed.lines[:line], handed.lines[line], *handed.lines[line:]]
    assert handed.check(lines=twice, is_whole=is_whole) == 1
    assert handed.check(lines=[*handed.lines, handed.lines[line]], is_whole=is_whole) == 1


def altered(handed: Handed, **members: Any) -> bytes:
    """The export, with a row of which members are others; None takes one away."""
    line = dict(handed.lines[2]) | members
    line = {name: value for name, value in line.items() if value is not None}
    return as_file([*handed.lines[:2], line, *handed.lines[3:]])


def with_header(handed: Handed, **members: Any) -> bytes:
    header = handed.lines[2]["batch"] | members
    return altered(handed, batch={name: v for name, v in header.items() if v is not None})


def with_text(handed: Handed, old: str, new: str) -> bytes:
    text = json.dumps(handed.lines[2])
    assert old in text
    odd = text.replace(old, new, 1).encode(errors="surrogateescape") + b"\n"
    return as_file(handed.lines[:2]) + odd + as_file(handed.lines[3:])


ODD: Final[dict[str, Callable[[Handed], bytes]]] = {
    "nothing at all": lambda _: b"",
    "an empty line": lambda handed: b"\n" + as_file(handed.lines),
    "an unknown type": lambda handed: altered(handed, type="Row"),
    "a type that is none": lambda handed: altered(handed, type=["row"]),
    "no type": lambda handed: altered(handed, type=None),
    "an unknown name": lambda handed: altered(handed, note="paid in full"),
    "an unknown name in the header": lambda handed: with_header(handed, note="paid in full"),
    "a name that stands there twice": lambda handed: with_text(
        handed, '"row":', '"row": "", "row":'
    ),
    "such a name in the header": lambda handed: with_text(
        handed, '"number":', '"number": 9, "number":'
    ),
    "a line that was cut": lambda handed: as_file(handed.lines)[:-30],
    "a line without its end": lambda handed: as_file(handed.lines)[:-1],
    "a list": lambda handed: as_file(handed.lines) + b"[]\n",
    "a number": lambda handed: as_file(handed.lines) + b"7\n",
    "what is very deep": lambda handed: as_file(handed.lines) + b"[" * 100_000 + b"\n",
    "bytes that are no text": lambda handed: with_text(handed, "logout_all", "logout\udcff"),
    "half of a surrogate pair": lambda handed: with_text(handed, "logout_all", "logout\\ud800"),
    "a path that is not hexadecimal": lambda handed: altered(handed, path=["zz" * 32] * 2),
    "a path of short hashes": lambda handed: altered(handed, path=["00"] * 2),
    "a path that is none": lambda handed: altered(handed, path="00" * 32),
    "no MAC": lambda handed: altered(handed, mac=None),
    "a MAC that is not hexadecimal": lambda handed: altered(handed, mac="zz" * 32),
    "a MAC in capitals": lambda handed: altered(handed, mac="AA" * 32),
    "a hash that is a number": lambda handed: altered(handed, hash=7),
    "a position that is text": lambda handed: altered(handed, position="1"),
    "a position that is true": lambda handed: altered(handed, position=True),
    "a position with a fraction": lambda handed: altered(handed, position=1.0),
    "a row that is an object": lambda handed: altered(handed, row={}),
    "a header that is none": lambda handed: altered(handed, batch=7),
    "a header without a root": lambda handed: with_header(handed, root=None),
    "a header of another format": lambda handed: with_header(handed, format=2),
    "a header with a count of text": lambda handed: with_header(handed, count="4"),
    "a header with a number below one": lambda handed: with_header(handed, number=0),
    "a header with an infinite number": lambda handed: with_header(handed, total=float("inf")),
    "a header with half a horizon": lambda handed: with_header(handed, horizon=[1]),
    "a number of many digits": lambda handed: with_text(
        handed, '"count": 4', '"count": ' + "4" * 5_000
    ),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("is_whole", [True, False])
def test_what_is_no_export_is_refused_in_one_line(
    handed: Handed,
    capsys: pytest.CaptureFixture[str],
    odd: str,
    is_whole: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert handed.check(text=ODD[odd](handed), is_whole=is_whole) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("can't check: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("key", ["nothex", "00", "", "\u00e9" * 64, None])
def test_a_key_file_that_holds_no_key_is_refused_in_one_line(
    handed: Handed, capsys: pytest.CaptureFixture[str], key: str | None
) -> None:
    file = handed.folder / "key"
    if key is None:
        file.unlink()
    else:
        file.write_text(key, encoding="utf-8")
    assert handed.check() == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert str(file) in said.err


def test_files_that_are_not_there_are_told_in_one_line(
    handed: Handed, capsys: pytest.CaptureFixture[str]
) -> None:
    (handed.folder / "checkpoints.jsonl").unlink()
    assert handed.check() == 2
    assert verify_audit_export.main([str(handed.folder / "x"), "--key-file", "y"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_every_file_of_checkpoints_is_used(handed: Handed) -> None:
    file = handed.folder / "checkpoints.jsonl"
    lines = [line for line in file.read_text().splitlines() if "{" in line]
    parts = [handed.folder / f"part{number}" for number in range(len(lines))]
    for part, line in zip(parts, lines, strict=True):
        part.write_text(line + "\n")
    export = handed.folder / "export.jsonl"
    export.write_bytes(as_file(handed.lines))

    def check(*files: Path) -> int:
        given = [word for each in files for word in ("--checkpoints", str(each))]
        return verify_audit_export.main([str(export), *given])

    assert len(parts) > 1
    # The newest alone reaches to the end, and the others alone don't.
    assert check(parts[-1]) == 0
    assert check(*parts[:-1]) == 1
    assert check(*parts) == check(*reversed(parts)) == 0


def test_checkpoints_may_stand_among_anything_else(handed: Handed) -> None:
    file = handed.folder / "checkpoints.jsonl"
    odd = ["[" * 100_000, "{}", "[1]", '{"batch": 1, "mac": "", "hash": ""}', "Infinity"]
    odd += [
        line.replace('"number":1', '"number":Infinity') for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(odd) + "\n" + file.read_text())
    assert handed.check(with_key=False) == 0


async def test_a_whole_export_tells_of_the_months_that_went_and_is_checked_with_the_key(
    desk: AuditDesk, own_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(own_database, "SELECT vetassist_make_audit_partition('2025-11-01')")
    await desk.append(5, now=datetime(2025, 11, 3, tzinfo=UTC))
    await desk.append(1, now=FEBRUARY)
    await desk.seal()
    await desk.export()
    assert await desk.retire() == {"2025-11": "dropped"}
    await desk.seal()
    lines = await desk.export()

    assert [line["type"] for line in lines].count("drop") == 1
    assert next(line["batch"]["number"] for line in lines if line["type"] == "batch") == 1
    (tmp_path / "key").write_text(KEY.hex())
    (tmp_path / "checkpoints.jsonl").write_text("".join(f"{told}\n" for told in desk.told.lines))
    handed = Handed(folder=tmp_path, lines=lines)
    assert handed.check(is_whole=True) == 0
    assert "with nothing left out up to batch" in capsys.readouterr().out
    # Without the key nobody can tell whether the month went by right.
    assert handed.check(is_whole=True, with_key=False) == 1
    assert (
        handed.check(is_whole=True, lines=[line for line in lines if line["type"] != "drop"]) == 1
    )
    assert all(line["type"] != "drop" for line in await desk.export(since=NOW))


def test_another_key_or_another_trails_checkpoints_prove_nothing(
    handed: Handed, capsys: pytest.CaptureFixture[str]
) -> None:
    (handed.folder / "key").write_text(secrets.token_hex(32))
    assert handed.check(with_checkpoints=False) == 1
    (handed.folder / "checkpoints.jsonl").write_text("")
    assert handed.check(with_key=False) == 1
    assert "no checkpoint for any of these batches" in capsys.readouterr().out


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
