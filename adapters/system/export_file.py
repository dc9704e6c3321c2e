"""Writes exports of the audit trail to local files."""

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, final

from application.ports.export_file import ExportFile


@final
class LocalExportFile(ExportFile):
    """Writes a draft beside the file, and renames it when it is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.part")
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None

    def open(self) -> None:
        if self._path.exists():
            raise FileExistsError(errno.EEXIST, "is there already", str(self._path))
        descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, line: str) -> None:
        written = line.encode() + b"\n"
        self._hash.update(written)
        self._opened.write(written)

    def settle(self) -> bytes:
        self._opened.flush()
        os.fsync(self._opened.fileno())
        self._opened.close()
        return self._hash.digest()

    def keep(self) -> None:
        self._draft.rename(self._path)

    def discard(self) -> None:
        if self._file is None:
            return
        self._draft.unlink(missing_ok=True)
        # Closing flushes, which fails again if the disk is full.
        with suppress(OSError):
            self._file.close()

    @property
    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the file isn't open")
        return self._file
