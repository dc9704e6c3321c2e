"""A server's settings, read for it by a process of its own.

Pydantic, which reads settings, would be a seventh of a server's memory for as long as it serves.
"""

import pickle
import subprocess
import sys
from functools import cache

from entrypoints.settings import Settings
from entrypoints.starting import EXIT_SETTINGS, settings_or_exit


@cache
def begin_reading() -> subprocess.Popen[bytes]:
    """Have the settings of the environment read; there is time for something else meanwhile."""
    command = [sys.executable, "-m", "entrypoints.serving.handed_settings"]
    return subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - nobody else's words


@cache
def handed_settings() -> Settings:
    """The settings, once they are read; with a fault in them, a line for each and the end."""
    reader = begin_reading()
    written, _ = reader.communicate()
    if reader.returncode:
        sys.exit(EXIT_SETTINGS)
    settings: Settings = pickle.loads(written)  # noqa: S301 - our own process wrote it
    return settings


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(settings_or_exit()))
