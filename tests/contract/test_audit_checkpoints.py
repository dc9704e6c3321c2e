"""What every AuditCheckpoints promises, run against each adapter."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.memory.audit_checkpoints import MemoryAuditCheckpoints
from adapters.system.audit_checkpoints import STANDARD_OUTPUT, LineAuditCheckpoints
from application.errors import CheckpointUntoldError
from application.ports.audit_checkpoints import AuditCheckpoints
from domain.audit_seal import SealedBatch
from tests.support.builders import a_sealed_batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Checkpoints, and the lines that have been told so far."""

    checkpoints: AuditCheckpoints
    lines: Callable[[], list[str]]


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines()


@pytest.fixture(params=["memory", "file", "standard output"])
def told(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Told:
    if request.param == "memory":
        memory = MemoryAuditCheckpoints()
        return Told(checkpoints=memory, lines=memory.lines.copy)
    if request.param == "file":
        file = tmp_path / "checkpoints.jsonl"
        return Told(
            checkpoints=LineAuditCheckpoints(str(file)),
            lines=lambda: lines_of(file),
        )

    def printed() -> list[str]:
        return capsys.readouterr().out.splitlines()

    return Told(checkpoints=LineAuditCheckpoints(STANDARD_OUTPUT), lines=printed)


async def test_each_batch_is_told_on_a_line_of_its_own_with_all_that_is_authenticated(
    told: Told,
) -> None:
    batches = [a_sealed_batch(number) for number in (1, 2, 3)]
    for batch in batches:
        await told.checkpoints.tell(batch)

    lines = told.lines()
    assert [SealedBatch.from_record(json.loads(line)) for line in lines] == batches
    assert [json.loads(line)["hash"] for line in lines] == [batch.hash.hex() for batch in batches]


async def test_a_line_that_was_cut_off_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.jsonl"
    file.write_text('{"batch":{"num')
    batch = a_sealed_batch(7)
    await LineAuditCheckpoints(str(file)).tell(batch)

    assert file.read_text().endswith("\n")
    _, line = file.read_text().splitlines()
    assert SealedBatch.from_record(json.loads(line)) == batch


async def test_a_file_that_cannot_be_written_is_told_and_can_be_tried_again(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "away"
    checkpoints = LineAuditCheckpoints(str(folder / "checkpoints.jsonl"))
    with pytest.raises(CheckpointUntoldError, match=f"{folder}.*: No such file or directory"):
        await checkpoints.tell(a_sealed_batch(1))
    folder.mkdir()
    await checkpoints.tell(a_sealed_batch(1))


async def test_nothing_is_told_where_nobody_wants_to_hear_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await LineAuditCheckpoints(None).tell(a_sealed_batch(1))
    assert capsys.readouterr().out == ""


async def test_a_disk_that_is_full_is_told() -> None:
    with pytest.raises(CheckpointUntoldError, match="/dev/full: No space left on device"):
        await LineAuditCheckpoints("/dev/full").tell(a_sealed_batch(1))
