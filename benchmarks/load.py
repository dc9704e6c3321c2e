"""Load generators, whose callers send requests at full speed or with pauses."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from benchmarks.processes import REPOSITORY, BenchmarkError

#: Longer than any measurement.
_LONGEST_SECONDS: Final = 60
_GRACE_SECONDS: Final = 60
#: The exit code of `timeout` if it had to stop the command.
_TIMED_OUT: Final = 124
_MICROSECONDS = 1e6

# All connections of wrk share one script, so the tokens take turns across connections.
_SCRIPT = """
local requests, sent = {}, 0

function init(arguments)
  for token in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, {["Authorization"] = "Bearer " .. token})
  end
  local shortest, longest = tonumber(arguments[2]), tonumber(arguments[3])
  if longest > 0 then
    delay = function() return math.random(shortest, longest) end
  end
end

function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "errors": %d}\\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The results of one measurement."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        """The number of answers per second."""
        return self.requests / self.seconds


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Callers that send requests.

    Attributes:
        connections: How many callers there are, each with its own connection.
        tokens: A file with the tokens that they use in turn.
        think_milliseconds: The shortest and longest pause before the next request.
    """

    connections: int
    tokens: Path
    think_milliseconds: tuple[int, int] = (0, 0)


class Load(Protocol):
    """A load generator. It runs on the processors of this process."""

    @property
    def name(self) -> str:
        """The name and version."""

    def put(self, url: str, callers: Callers, seconds: float) -> Measured:
        """Sends requests for ``seconds``.

        Raises:
            BenchmarkError: An answer wasn't successful, or the load generator failed.
        """


class Wrk(Load):
    """wrk, which uses little processor time itself."""

    def __init__(self, folder: Path) -> None:
        self._script = folder / "callers.lua"
        self._script.write_text(_SCRIPT)

    @property
    def name(self) -> str:
        version = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
        return " ".join((version.stdout or version.stderr).split()[:2])

    def put(self, url: str, callers: Callers, seconds: float) -> Measured:
        measured = self._once(url, callers, seconds)
        while measured is None or not measured.requests:
            # The machine was too busy for a single answer, so try for longer.
            seconds *= 4
            if seconds > _LONGEST_SECONDS:
                raise BenchmarkError(f"{url} did not answer")
            measured = self._once(url, callers, seconds)
        return measured

    def _once(self, url: str, callers: Callers, seconds: float) -> Measured | None:
        """Runs wrk once. Returns None if it was stopped before it had started."""
        # wrk accepts only whole seconds, so `timeout` stops it after a fraction of one.
        command = [
            *("timeout", "--signal=INT", str(seconds)),
            *("wrk", "--threads", "1", "--connections", str(callers.connections)),
            *("--duration", f"{int(seconds) + 2}s", "--timeout", "10s"),
            *("--script", str(self._script), url, "--"),
            *(str(callers.tokens), *(str(each) for each in callers.think_milliseconds)),
        ]
        ended = _ended(command, seconds)
        if ended.returncode == _TIMED_OUT and not ended.stdout:
            return None
        return _measured(ended)


class PythonLoad(Load):
    """A Python client, used if wrk isn't installed. It is slower than what it measures."""

    name = "a Python client (wrk is not installed)"

    def put(self, url: str, callers: Callers, seconds: float) -> Measured:
        command = [
            *(sys.executable, "-m", "benchmarks.python_load", url),
            *(str(callers.connections), str(seconds), str(callers.tokens)),
            *(str(each) for each in callers.think_milliseconds),
        ]
        return _measured(_ended(command, seconds))


def load_of_this_machine(folder: Path) -> Load:
    """Returns wrk if it is installed, or else the Python client."""
    return Wrk(folder) if shutil.which("wrk") else PythonLoad()


@contextmanager
def in_background(
    load: Load, urls: Sequence[str], callers: Callers, seconds: float
) -> Iterator[list[int]]:
    """Puts load on all URLs until the block ends.

    Yields a list. After the block, it holds the numbers of answers.
    """
    is_over = threading.Event()
    answered: list[int] = []

    def keep_asking(url: str) -> None:
        while not is_over.is_set():
            answered.append(load.put(url, callers, seconds).requests)

    with ThreadPoolExecutor(len(urls)) as threads:
        asking = [threads.submit(keep_asking, url) for url in urls]
        try:
            yield answered
        finally:
            is_over.set()
        for each in asking:
            each.result()


def _ended(command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=seconds + _GRACE_SECONDS,
        check=False,
    )


def _measured(ended: subprocess.CompletedProcess[str]) -> Measured:
    try:
        measured = Measured(**json.loads(ended.stdout.strip().splitlines()[-1]))
    except (IndexError, ValueError, TypeError) as error:
        raise BenchmarkError(f"the load failed:\n{ended.stdout}\n{ended.stderr}") from error
    if measured.errors:
        raise BenchmarkError(
            f"{measured.errors} of {measured.requests} answers were errors: " + " ".join(ended.args)
        )
    return measured
