"""Parts of the product, each as a process of its own."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import httpx

from entrypoints.embedded_postgres import free_port

__all__ = ["free_port"]

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "entrypoints.cli")
HOST = "127.0.0.1"

_TRIES = 1200
_TRY_SECONDS = 0.05
_STOP_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Running:
    """A process that answers at ``url``."""

    process: Popen[bytes]
    url: str
    log: Path

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.process.terminate()
        return self.process.wait(_STOP_SECONDS)

    def logged(self) -> str:
        """What it has written so far."""
        return self.log.read_text()

    def until(self, condition: Callable[[], bool]) -> None:
        """Look again and again while it runs; ``condition`` must hold in the end."""
        for _ in range(_TRIES):
            if condition():
                return
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_TRY_SECONDS)
        raise AssertionError(f"it never came to that:\n{self.logged()}")


def two_free_ports() -> tuple[int, int]:
    """Two neighbours as ``free_port`` gives them."""
    while True:
        port = free_port()
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port + 1))
            return port, port + 1


def run(
    *arguments: str, environment: Mapping[str, str], command: Sequence[str] = COMMAND
) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [*command, *arguments],
        env=dict(environment),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def running(
    *arguments: str,
    environment: Mapping[str, str],
    log: Path,
    ready: str,
    port: int | None = None,
    command: Sequence[str] = COMMAND,
    cwd: Path = REPOSITORY,
) -> Iterator[Running]:
    """Run a server on a free port from its first answer at the path ``ready`` to the end."""
    port = port or free_port()
    url = f"http://{HOST}:{port}"
    with log.open("wb") as output:
        process = Popen(
            [*command, *arguments, "--host", HOST, "--port", str(port)],
            env=dict(environment),
            cwd=cwd,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_answer(process, url + ready, log)
        yield Running(process=process, url=url, log=log)
    finally:
        _end(process)


def _await_answer(process: Popen[bytes], url: str, log: Path) -> None:
    with httpx.Client(trust_env=False, timeout=20) as client:
        for _ in range(_TRIES):
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                pass
            try:
                process.wait(_TRY_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            break
    raise AssertionError(f"{url} does not answer:\n{log.read_text()}")


def _end(process: Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
