"""How `vetassist serve` comes by its settings, and what it does not load for that."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from entrypoints.settings import PREFIX
from tests.support.environment import (
    generated_secrets,
    plain_environment,
    read,
    required_settings,
    token_key,
    write_secrets,
)
from tests.support.processes import REPOSITORY, run, running

READER: Final = (sys.executable, "-m", "entrypoints.serving.handed_settings")

pytestmark = pytest.mark.postgres


def every_kind_of_setting() -> dict[str, str]:
    others = generated_secrets()
    return required_settings() | {
        "VETASSIST_JWT_PREVIOUS_SECRET": others["VETASSIST_JWT_SECRET"],
        "VETASSIST_AUDIT_PREVIOUS_KEYS": others["VETASSIST_AUDIT_KEY"],
        "VETASSIST_TOKEN_KEYS": f"{token_key('new')},{token_key('old')}",
        "VETASSIST_VA_STATUS_URL": "",
        "VETASSIST_VA_SCOPES": "openid profile",
        "VETASSIST_SESSION_DELIVERY": "code",
        "VETASSIST_SESSION_IDLE_MINUTES": "7",
        "VETASSIST_JWT_INCLUDE_ICN": "false",
        "VETASSIST_METRICS_PORT": "9464",
        "VETASSIST_TRUSTED_PROXIES": "10.0.0.0/8,2001:db8::/32",
    }


def test_a_server_is_handed_what_stands_in_the_environment() -> None:
    values = every_kind_of_setting()

    done = subprocess.run(
        READER, env=plain_environment() | values, cwd=REPOSITORY, capture_output=True, check=True
    )

    assert pickle.loads(done.stdout) == read(values)
    assert done.stderr == b""


def test_a_server_is_handed_what_stands_in_files(tmp_path: Path) -> None:
    values = every_kind_of_setting()
    folder = write_secrets(tmp_path / "secrets", values)

    done = subprocess.run(
        READER,
        env=plain_environment() | {f"{PREFIX}SECRETS_DIR": str(folder)},
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )

    assert pickle.loads(done.stdout) == read(values)


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
def test_what_reads_settings_is_loaded_by_no_process_that_serves(
    database_url: str, tmp_path: Path, workers: int
) -> None:
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
    assert not [each for each in processes if "handed_settings" in commands[each]]
