"""Exports of the audit trail, in memory."""

import hashlib
from typing import final

from application.ports.export_file import ExportFile


@final
class MemoryExportFile(ExportFile):
    """Stores the written lines in a list.

    Attributes:
        lines: The lines so far. Empty after ``discard``.
        is_kept: Whether the file was kept.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.is_kept = False

    def open(self) -> None:
        if self.is_kept:
            raise FileExistsError

    def write(self, line: str) -> None:
        self.lines.append(line)

    def settle(self) -> bytes:
        return hashlib.sha256("".join(f"{line}\n" for line in self.lines).encode()).digest()

    def keep(self) -> None:
        self.is_kept = True

    def discard(self) -> None:
        if not self.is_kept:
            self.lines.clear()
