"""The machine and the software versions of a run."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psycopg

from benchmarks.bench import DATABASE_CONFIGURATION, Bench

_LIBRARIES = ("uvicorn", "uvloop", "httptools", "starlette", "psycopg", "PyJWT", "cryptography")
_GIB = 1024**2


def facts(bench: Bench) -> list[tuple[str, str]]:
    """Returns the machine, the versions, and the configuration, as rows of a table."""
    with psycopg.connect(bench.server_url) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    database = row[0] if row else "unknown"
    configuration = ", ".join(DATABASE_CONFIGURATION.split("\n")).strip(", ")
    return [
        ("Machine", f"{os.cpu_count()} of {_processor()}, {_memory_gib():.0f} GiB"),
        ("System", f"{platform.system()} {platform.release()}"),
        ("Processors", str(bench.cores)),
        ("Python", platform.python_version()),
        ("Libraries", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)),
        ("PostgreSQL", f"{database}, embedded, over TCP on this machine; {configuration}"),
        ("Load", bench.load.name),
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    total = Path("/proc/meminfo").read_text().split()[1]
    return int(total) / _GIB
