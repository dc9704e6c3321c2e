"""Callers that ask as fast as they are answered, or with a pause in between."""

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
#: What `timeout` ends with when it had to end the command.
_TIMED_OUT: Final = 124
_MICROSECONDS = 1e6

# wrk gives every connection the same script; the tokens take turns over all of them.
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
    """What callers saw."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


@dataclass(frozen=True, kw_only=True)
class Callers:
    """How many ask at once, with which tokens, and how long each waits before the next time."""

    connections: int
    tokens: Path
    think_milliseconds: tuple[int, int] = (0, 0)


class Load(Protocol):
    """Something that makes requests. Its processes inherit this one's processors."""

    @property
    def name(self) -> str:
        """What it is, with its version."""

    def put(self, url: str, callers: Callers, seconds: float) -> Measured:
        """Ask for ``seconds``. Every answer must be a good one."""


class Wrk(Load):
    """wrk, which costs little itself."""

    def __init__(self, folder: Path) -> None:
        self._script = folder / "callers.lua"
        self._script.write_text(_SCRIPT)

    @property
    def name(self) -> str:
        said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
        return " ".join((said.stdout or said.stderr).split()[:2])

    def put(self, url: str, callers: Callers, seconds: float) -> Measured:
        measured = self._once(url, callers, seconds)
        while measured is None or not measured.requests:
            # The machine had no time for a single one: then it takes longer.
            seconds *= 4
            if seconds > _LONGEST_SECONDS:
                raise BenchmarkError(f"nobody was answered at {url}")
            measured = self._once(url, callers, seconds)
        return measured

    def _once(self, url: str, callers: Callers, seconds: float) -> Measured | None:
        """What came of it; None when it was ended before it had begun."""
        # It takes whole seconds only; a part of one ends it early.
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
    """A client in Python where wrk is not installed. It is slower than what it measures."""

    name = "a Python client (wrk is not installed)"

    def put(self, url: str, callers: Callers, seconds: float) -> Measured:
        command = [
            *(sys.executable, "-m", "benchmarks.python_load", url),
            *(str(callers.connections), str(seconds), str(callers.tokens)),
            *(str(each) for each in callers.think_milliseconds),
        ]
        return _measured(_ended(command, seconds))


def load_of_this_machine(folder: Path) -> Load:
    """The best there is."""
    return Wrk(folder) if shutil.which("wrk") else PythonLoad()


@contextmanager
def in_background(
    load: Load, urls: Sequence[str], callers: Callers, seconds: float
) -> Iterator[list[int]]:
    """Put load on every URL until the block ends; how many answers there were, once it has."""
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
            f"{measured.errors} of {measured.requests} answers were not good: "
            + " ".join(ended.args)
        )
    return measured
