"""Servers as processes of their own, each on the processors that it may use."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cores import cpu_seconds, memory_mib

HOST = "127.0.0.1"
REPOSITORY = Path(__file__).resolve().parents[1]
#: The command as it is installed beside this interpreter.
VETASSIST = Path(sys.executable).with_name("vetassist")

_PATIENCE_SECONDS = 30
_LOOK_AGAIN_SECONDS = 0.005


class BenchmarkError(Exception):
    """A measurement that would mean nothing; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers.

    Attributes:
        seconds_to_ready: From its start to its first good answer.
    """

    pid: int
    port: int
    seconds_to_ready: float

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def memory_mib(self) -> float:
        """What it holds at the moment."""
        return memory_mib(self.pid)

    @property
    def cpu_seconds(self) -> float:
        """What it has taken so far."""
        return cpu_seconds(self.pid)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    cores: Iterable[int],
    log: Path,
    ready: str,
    port: int | None = None,
) -> Iterator[Server]:
    """Run ``command`` with a host and a port to listen on, from its first answer to the end.

    Args:
        ready: The path that answers 200 once it can work.
    """
    port = port or free_port()
    with log.open("ab") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--host", HOST, "--port", str(port)],
            env=dict(environment),
            cwd=REPOSITORY,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    # It has hardly begun, and whatever it starts later inherits this.
    os.sched_setaffinity(process.pid, cores)
    try:
        _await_answer(process, port, ready, log)
        ready_after = time.perf_counter() - began
        yield Server(pid=process.pid, port=port, seconds_to_ready=ready_after)
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    while time.perf_counter() < deadline and process.poll() is None:
        if _status(port, path) == http.HTTPStatus.OK:
            return
        time.sleep(_LOOK_AGAIN_SECONDS)
    raise BenchmarkError(f"{path} does not answer:\n{log.read_text()}")


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
