"""Runs servers as processes, each on its assigned processors."""

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
#: The installed command, beside this interpreter.
VETASSIST = Path(sys.executable).with_name("vetassist")

_PATIENCE_SECONDS = 30
_LOOK_AGAIN_SECONDS = 0.005


class BenchmarkError(Exception):
    """A measurement failed or would be meaningless. The message says why."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        seconds_to_ready: The time from its start to its first successful answer.
    """

    pid: int
    port: int
    seconds_to_ready: float

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def memory_mib(self) -> float:
        """The current memory (VmRSS)."""
        return memory_mib(self.pid)

    @property
    def cpu_seconds(self) -> float:
        """The processor time used so far."""
        return cpu_seconds(self.pid)


def free_port() -> int:
    """Returns an unused port."""
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
    """Runs ``command`` with `--host` and `--port`, and stops it after the block.

    Args:
        ready: The path that answers 200 once the server is ready.
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
    # The process has only just started, and its children inherit this.
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
    raise BenchmarkError(f"{path} did not answer with 200:\n{log.read_text()}")


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
