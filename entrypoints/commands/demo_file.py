"""`.vetassist/demo.env`: what a shell needs to run commands beside the demo."""

import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NAME: Final = "demo.env"
#: The owner of the tables, for `vetassist migrate` and `vetassist audit drop`.
_OWNER_URL: Final = "OWNER_DATABASE_URL"
_HEADING: Final = """\
# The settings of the running demo. To run commands beside it:
#   set -a; . .vetassist/demo.env
"""


def remove_demo_file(folder: Path) -> None:
    """Remove the file of a demo that was killed, so that nobody takes it for a running one's."""
    (folder / _NAME).unlink(missing_ok=True)


@contextmanager
def written_demo_file(
    folder: Path, variables: Mapping[str, str], *, owner_database_url: str
) -> Iterator[Path]:
    """Write the file for the time of the block. Only the owner can read it.

    Args:
        folder: Where it is written.
        variables: The settings of the demo.
        owner_database_url: The database, for the owner of the tables.
    """
    programs = shlex.quote(str(Path(sys.executable).parent))
    lines = [
        f"PATH={programs}:$PATH",
        *(f"{name}={shlex.quote(value)}" for name, value in sorted(variables.items())),
        f"{_OWNER_URL}={shlex.quote(owner_database_url)}",
    ]
    path = folder / _NAME
    # Its mode is 0600 from the beginning.
    descriptor, new = tempfile.mkstemp(dir=folder, prefix=f"{_NAME}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_HEADING + "\n".join(lines) + "\n")
    Path(new).replace(path)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
