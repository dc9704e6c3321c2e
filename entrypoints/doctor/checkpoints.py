"""What the file of checkpoints has to tell of the newest seal."""

import os
from pathlib import Path
from typing import Final

from application.ports.seal_keys import SealKeys
from domain.audit_seal import SealedBatch
from entrypoints.checkpoint_file import checkpoint_in

#: The end of the file that is looked at: some hundred lines.
_TAIL_BYTES: Final = 262_144


def newest_checkpoint(file: Path, keys: SealKeys) -> SealedBatch | None:
    """The newest that a holder of the key told, near the file's end; None: there is none.

    Raises:
        OSError: It cannot be read, or is no file.
    """
    with file.open("rb") as lines:
        lines.seek(max(0, lines.seek(0, os.SEEK_END) - _TAIL_BYTES))
        tail = lines.read(_TAIL_BYTES).decode(errors="replace")
    told = []
    for line in tail.splitlines():
        try:
            batch = checkpoint_in(line)
        except ValueError:
            continue
        header = batch.header
        if keys.is_authentic(header.encoded(), batch.mac, key_id=header.key_id):
            told.append(batch)
    return max(told, key=lambda batch: batch.header.number, default=None)
