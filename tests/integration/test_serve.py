"""What `vetassist serve` says of unusable settings, and what its processes don't load."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import (
    plain_environment,
    required_settings,
)
from tests.support.processes import run, running

pytestmark = pytest.mark.postgres


def test_each_fault_is_said_once_and_nothing_is_served() -> None:
    values = required_settings() | {"VETASSIST_POOL_SIZE": "0", "VETASSIST_SPELING": "1"}
    del values["VETASSIST_AUDIT_KEY"]

    ended = run("serve", environment=plain_environment() | values)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert sorted(line.split(":")[1].strip() for line in ended.stderr.splitlines()) == [
        "VETASSIST_AUDIT_KEY",
        "VETASSIST_POOL_SIZE",
        "VETASSIST_SPELING",
    ]


def descendants(process: int) -> Iterator[int]:
    """The processes that a process started, and theirs."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of a process")
@pytest.mark.parametrize("workers", [1, 2])
def test_no_server_process_loads_pydantic(database_url: str, tmp_path: Path, workers: int) -> None:
    values = plain_environment() | required_settings(database_url)
    with running(
        *("serve", "--workers", str(workers)),
        environment=values,
        log=tmp_path / "log",
        ready="/readyz",
    ) as service:
        service.until(lambda: service.logged().count("startup complete") == workers)
        processes = [service.process.pid, *descendants(service.process.pid)]
        loaded = {each: Path(f"/proc/{each}/maps").read_text() for each in processes}
        commands = {each: Path(f"/proc/{each}/cmdline").read_text() for each in processes}

    servers = [each for each, maps in loaded.items() if "psycopg" in maps]
    assert len(servers) >= workers
    assert not [commands[each] for each in processes if "pydantic" in loaded[each]]
    assert len(processes) == (1 if workers == 1 else workers + 1)
