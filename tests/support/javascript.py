"""What is written in TypeScript: made by the Makefile's own rules, once for all tests."""

import fcntl
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.support.environment import plain_environment
from tests.support.processes import REPOSITORY

LIBRARY: Final = REPOSITORY / "clients" / "js"
SAMPLE: Final = REPOSITORY / "examples" / "spa"

_NODE: Final = "Node 20.19 or newer"
_SECONDS: Final = 300
#: So that a registry that doesn't answer is known soon.
_IMPATIENT: Final = {"npm_config_fetch_retries": "0", "npm_config_fetch_timeout": "20000"}
#: npm could not reach the registry.
_NO_REGISTRY: Final = re.compile(r"E(AI_AGAIN|CONNREFUSED|CONNRESET|NOTFOUND|TIMEDOUT)")


def made(*targets: str) -> None:
    """Make targets of the Makefile. Skips the test if there is no Node or no registry."""
    if shutil.which("npm") is None:
        pytest.skip(f"needs {_NODE}")
    # Each process of the tests would make the same files.
    with (Path(tempfile.gettempdir()) / "vetassist-npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = _run("make", "--silent", *targets, folder=REPOSITORY, **_IMPATIENT)
    if told.returncode and _NODE in told.stderr:
        pytest.skip(f"needs {_NODE}")
    if told.returncode and _NO_REGISTRY.search(told.stderr):
        pytest.skip("needs the npm registry, which doesn't answer")
    assert told.returncode == 0, told.stdout + told.stderr


def npm(*arguments: str, folder: Path = LIBRARY, **variables: str) -> str:
    """Run npm in a folder with everything installed. Returns what it wrote."""
    told = _run("npm", *arguments, folder=folder, **variables)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def _run(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=plain_environment() | variables,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
