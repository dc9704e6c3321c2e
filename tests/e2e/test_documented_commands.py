"""The commands of the documentation, run as they are written beside a demo that runs."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.documented_commands import (
    BESIDE,
    NOT_BESIDE,
    UNTIL_THE_END,
    blocks,
    documents,
    script_of,
)
from tests.support.environment import plain_environment
from tests.support.processes import REPOSITORY, free_port

#: For everything that a document does.
SECONDS: Final = 120
READ_SETTINGS: Final = "set -a; . .vetassist/demo.env; set +a\n"
#: What a reader has at hand: the session and the user that the browser shows.
IDS: Final = """
TOKEN=$(.venv/bin/python -m examples.demo_token)
SESSION=$(curl -sS -H "Authorization: Bearer $TOKEN" http://localhost:8000/api/v1/session)
echo "$SESSION"
"""

pytestmark = pytest.mark.long


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A demo that runs.

    Attributes:
        folder: Where it was started. Commands run here, as in a clone of the repository.
        ports: The port to use in place of each port that the documents write.
    """

    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[str]

    @property
    def file(self) -> Path:
        return self.folder / ".vetassist" / "demo.env"

    def run(
        self, script: str, *, shell: str = "bash", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script, on the ports of this demo."""
        for written, port in self.ports.items():
            script = re.sub(rf"(?<=[:= ]){written}\b", str(port), script)
        command = [shell, "-e", "-u", "-c", script]
        # Files, because a program in the background could keep a pipe open for ever.
        with (
            tempfile.TemporaryFile("w+") as told,
            tempfile.TemporaryFile("w+") as blamed,
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=plain_environment() | variables,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=blamed,
                start_new_session=True,
            ) as process,
        ):
            try:
                process.wait(SECONDS)
            finally:
                # With what it left in the background.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            texts = []
            for file in (told, blamed):
                file.seek(0)
                texts.append(file.read())
        return subprocess.CompletedProcess(command, process.returncode, *texts)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    missing = [name for name in ("openssl", "curl", "jq") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="vetassist-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user if root starts it.
        folder.chmod(0o755)
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "examples").symlink_to(REPOSITORY / "examples")
        ports = {
            written: free_port() for written in ("8000", "8001", "8002", "8003", "9000", "9464")
        }
        own = {
            "VETASSIST_DEMO_PORT": str(ports["8000"]),
            "VETASSIST_SANDBOX_PORT": str(ports["8001"]),
            "VETASSIST_DEMO_CONSOLE_PORT": str(ports["8002"]),
        }
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(
                [".venv/bin/vetassist", "demo"],
                cwd=folder,
                env=plain_environment() | own,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            # It must not wait for ever: neither the reader below, nor what comes after the test.
            last_resort = threading.Timer(SECONDS, process.kill)
            last_resort.start()
            try:
                assert process.stdout is not None
                said = process.stdout.readline()
                last_resort.cancel()
                assert "VetAssist is up" in said, (folder / "log").read_text()
                yield Demo(folder=folder, ports=ports, process=process)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(SECONDS)
                assert not (folder / ".vetassist" / "demo.env").exists()


@pytest.fixture(scope="module")
def ids(demo: Demo) -> dict[str, str]:
    """The user and the session of somebody who has signed in."""
    told = demo.run(READ_SETTINGS + IDS)
    assert told.returncode == 0, told.stderr
    session = json.loads(told.stdout)
    return {"USER_ID": session["user_id"], "SESSION_ID": session["session_id"]}


def test_the_file_is_for_its_owner_and_holds_the_settings_and_no_secret_of_the_files(
    demo: Demo,
) -> None:
    assert demo.file.stat().st_mode & 0o777 == 0o600
    written = demo.file.read_text()
    assert "VETASSIST_DATABASE_URL=" in written
    secrets = [path.read_text() for path in (demo.folder / ".vetassist" / "secrets").iterdir()]
    assert len(secrets) == 5
    assert not any(secret in written for secret in secrets)


@pytest.mark.parametrize("shell", [name for name in ("sh", "dash", "bash") if shutil.which(name)])
def test_any_shell_reads_it_and_finds_the_command(demo: Demo, shell: str) -> None:
    ended = demo.run(f"{READ_SETTINGS} command -v vetassist; env", shell=shell)
    assert (ended.returncode, ended.stderr) == (0, "")
    command, *variables = ended.stdout.splitlines()
    assert Path(command).samefile(demo.folder / ".venv" / "bin" / "vetassist")
    assert f"VETASSIST_PUBLIC_URL=http://localhost:{demo.ports['8000']}" in variables


def test_the_owner_of_the_tables_can_migrate(demo: Demo) -> None:
    as_owner = "VETASSIST_DATABASE_URL=$OWNER_DATABASE_URL vetassist migrate"
    ended = demo.run(READ_SETTINGS + as_owner)
    assert ended.stdout == "The schema is up to date.\n", ended.stderr


WITH_COMMANDS: Final = [document for document in documents() if script_of(document)]


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda document: document.stem)
def test_the_commands_run_as_they_are_written(
    demo: Demo, ids: dict[str, str], document: Path
) -> None:
    if document.stem == "audit":
        sealed = demo.run(f"{READ_SETTINGS} vetassist audit seal")
        assert sealed.returncode == 0, sealed.stderr
    ended = demo.run(READ_SETTINGS + script_of(document), **ids)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    for answer in EXPECTED.get(document.name, []):
        assert answer in ended.stdout


#: What shows that a document's commands did their work.
EXPECTED: Final = {
    "README.md": ["HTTP/1.1 200 OK", "x-auth-user: "],
    "backends.md": [
        "HTTP/1.1 401 Unauthorized",
        "HTTP/1.1 200 OK",
        "Got a token for ",
        '"token_type":"Bearer"',
    ],
    "audit.md": ["The trail is as it was sealed.", "with nothing left out", "Exported "],
    "observability.md": ["vetassist_database_up 1.0"],
}


def test_a_second_demo_in_the_same_place_says_what_is_in_its_way(demo: Demo) -> None:
    port = str(demo.ports["8000"])
    second = demo.run(".venv/bin/vetassist demo", VETASSIST_DEMO_PORT=port)
    assert second.returncode == 5
    assert second.stderr == (
        f"vetassist: VETASSIST_DEMO_PORT: cannot listen on localhost, port {port}: address already "
        "in use: stop the program that listens there, or choose another port\n"
    )
    assert demo.file.exists()


def test_every_block_with_a_command_says_whether_it_runs_beside_the_demo() -> None:
    """So that no command of a document is forgotten here."""
    found = [block for document in documents() for block in blocks(document)]
    assert {block.marker for block in found} <= {"", BESIDE, UNTIL_THE_END, NOT_BESIDE}
    unmarked = [block for block in found if block.needs_marker and not block.marker]
    assert [f"{block.document}: {block.text}" for block in unmarked] == []
    assert {document.name for document in WITH_COMMANDS} >= EXPECTED.keys()
