"""Finds the newest checkpoint in a file."""

import os
from pathlib import Path
from typing import Final

from application.ports.seal_keys import SealKeys
from domain.audit_seal import SealedBatch
from entrypoints.checkpoint_file import checkpoint_in

#: The size of the end of the file that is read: some hundred lines.
_TAIL_BYTES: Final = 262_144


def newest_checkpoint(file: Path, keys: SealKeys) -> SealedBatch | None:
    """The newest authentic checkpoint near the end of the file, if there is one.

    Raises:
        OSError: The file can't be read, or isn't a file.
    """
    with file.open("rb") as lines:
        lines.seek(max(0, lines.seek(0, os.SEEK_END) - _TAIL_BYTES))
        tail = lines.read(_TAIL_BYTES).decode(errors="replace")
    authentic = []
    for line in tail.splitlines():
        try:
            batch = checkpoint_in(line)
        except ValueError:
            continue
        header = batch.header
        if keys.is_authentic(header.encoded(), batch.mac, key_id=header.key_id):
            authentic.append(batch)
    return max(authentic, key=lambda batch: batch.header.number, default=None)
