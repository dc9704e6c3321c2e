"""Assigns processors, so that the service has one to itself."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_SCHEDULED = 2
_MIB = 1024


@dataclass(frozen=True, kw_only=True)
class Cores:
    """One processor for the service, and the others for the database and the load."""

    service: frozenset[int]
    others: frozenset[int]

    @classmethod
    def of_this_machine(cls) -> Self:
        """Assigns the processors that this process may use. If there is one, all share it."""
        first, *others = sorted(os.sched_getaffinity(0))
        return cls(service=frozenset({first}), others=frozenset(others or {first}))

    @property
    def every(self) -> frozenset[int]:
        """All processors."""
        return self.service | self.others

    def __str__(self) -> str:
        if self.service == self.others:
            return "everything on one processor"
        others = ", ".join(str(each) for each in sorted(self.others))
        return f"the service on processor {min(self.service)}, everything else on {others}"


def cpu_seconds(pid: int) -> float:
    """Returns the processor time that a process has used."""
    # Python lacks clock_getcpuclockid(3), so compute the clock id from the process id. This clock
    # counts nanoseconds, while /proc/PID/stat counts hundredths of a second.
    return time.clock_gettime((~pid << 3) | _SCHEDULED)


def memory_mib(pid: int, *, most: bool = False) -> float:
    """Returns the current memory of a process (VmRSS), or the most that it ever had (VmHWM)."""
    name = "VmHWM:" if most else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / _MIB
    raise ValueError(f"process {pid} has no {name}")


def busy_share(seconds: float) -> float:
    """Measures for ``seconds`` how much of the machine is in use, from 0 to 1."""
    before = _busy_and_all()
    time.sleep(seconds)
    busy, everything = (after - then for after, then in zip(_busy_and_all(), before, strict=True))
    return busy / everything if everything else 0.0


def _busy_and_all() -> tuple[int, int]:
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)
