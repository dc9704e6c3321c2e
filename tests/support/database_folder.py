"""Where the tests keep the data of PostgreSQL."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# Each new database is hundreds of files.
_IN_MEMORY: Final = Path("/dev/shm")
_ENOUGH_BYTES: Final = 4 * 1024**3


@contextmanager
def database_folder() -> Iterator[Path]:
    """A folder for the data of one server, in memory if there is plenty.

    It isn't in pytest's own folders: they are closed to other users, and if the tests run as root,
    the server is another user.
    """
    with tempfile.TemporaryDirectory(prefix="vetassist-", dir=_parent()) as folder:
        yield Path(folder).resolve()


def _parent() -> Path | None:
    """None is the usual place of temporary files."""
    try:
        room = os.statvfs(_IN_MEMORY)
    except OSError:
        return None
    has_room = room.f_bavail * room.f_frsize >= _ENOUGH_BYTES
    return _IN_MEMORY if has_room and os.access(_IN_MEMORY, os.W_OK) else None
