"""What every ExportFile promises, run against each adapter."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.memory.export_file import MemoryExportFile
from adapters.system.export_file import LocalExportFile
from application.ports.export_file import ExportFile

LINES = ["{}", '{"name":"Zo\u00eb"}']
BYTES = "".join(f"{line}\n" for line in LINES).encode()

#: What is there under the name of the file, or None.
Reader = Callable[[], bytes | None]


@pytest.fixture(params=["memory", "local"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ExportFile, Reader]:
    if request.param == "local":
        path = tmp_path / "export.jsonl"
        return LocalExportFile(path), lambda: path.read_bytes() if path.exists() else None
    memory = MemoryExportFile()

    def read() -> bytes | None:
        written = "".join(f"{line}\n" for line in memory.lines).encode()
        return written if memory.is_kept else None

    return memory, read


def test_a_file_has_its_name_once_it_is_kept(file: tuple[ExportFile, Reader]) -> None:
    export, read = file
    export.open()
    for line in LINES:
        export.write(line)
    digest = export.settle()
    assert read() is None
    export.keep()

    assert read() == BYTES
    assert digest == hashlib.sha256(BYTES).digest()


@pytest.mark.parametrize("is_settled", [True, False])
def test_nothing_is_left_of_a_discarded_file(
    file: tuple[ExportFile, Reader],
    tmp_path: Path,
    is_settled: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    export, read = file
    export.open()
    export.write("{}")
    if is_settled:
        export.settle()
    export.discard()

    assert read() is None
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_refused_and_the_file_that_has_it_stays(
    file: tuple[ExportFile, Reader], tmp_path: Path
) -> None:
    export, read = file
    export.open()
    export.write("{}")
    export.settle()
    export.keep()
    again = LocalExportFile(tmp_path / "export.jsonl") if list(tmp_path.iterdir()) else export
    with pytest.raises(FileExistsError):
        again.open()
    again.discard()

    assert read() == b"{}\n"
