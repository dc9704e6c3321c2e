"""Writes checkpoints of the audit trail as JSON lines for a log collector."""

import asyncio
import errno
import json
import os
import sys
from pathlib import Path
from typing import Final, final

from application.errors import CheckpointUntoldError
from application.ports.audit_checkpoints import AuditCheckpoints
from domain.audit_seal import SealedBatch

STANDARD_OUTPUT: Final = "-"
_MODE: Final = 0o640


@final
class LineAuditCheckpoints(AuditCheckpoints):
    """Appends to a file, writes to standard output, or does nothing.

    Each line is a single write to a file in append mode, so several processes can share it.

    Args:
        target: A path, ``STANDARD_OUTPUT``, or None to write nothing.
    """

    def __init__(self, target: str | None) -> None:
        self._target = target

    async def tell(self, batch: SealedBatch) -> None:
        if self._target is None:
            return
        line = json.dumps(batch.to_record(), separators=(",", ":")) + "\n"
        try:
            if self._target == STANDARD_OUTPUT:
                sys.stdout.write(line)
                sys.stdout.flush()
            else:
                # Writing blocks on the disk, so it runs in a thread.
                await asyncio.to_thread(_append, Path(self._target), line.encode())
        except OSError as error:
            where = "standard output" if self._target == STANDARD_OUTPUT else self._target
            raise CheckpointUntoldError(f"{where}: {error.strerror}") from error


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
    with open(descriptor, "rb+", buffering=0) as file:  # noqa: PTH123 - of a descriptor
        # A process that is killed during a write leaves an incomplete line. End that line first.
        if file.seek(0, os.SEEK_END) and os.pread(descriptor, 1, file.tell() - 1) != b"\n":
            line = b"\n" + line
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
