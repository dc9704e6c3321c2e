"""More connections than anybody needs, and fewer file handles than they take.

On the real service, in a process of its own: the limits are a process's.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.connections import HEALTH, connection_to, crowd
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import HOST, Running, free_port, running
from tests.support.standing_session import StandingSession, standing_session

pytestmark = pytest.mark.postgres

#: 2,000 in `make test-long`.
CROWD: Final = int(os.environ.get("TEST_CROWD", "300"))
VALIDATIONS: Final = 50
#: Runs `vetassist` with limits of its own on open files.
LIMITED: Final = """
import os, resource, sys
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), min(int(sys.argv[2]), most)))
os.execv(sys.executable, [sys.executable, "-m", "entrypoints.cli", *sys.argv[3:]])
"""


@contextmanager
def limited_service(
    values: dict[str, str], folder: Path, *, soft: int, hard: int
) -> Iterator[Running]:
    with running(
        "serve",
        environment=plain_environment() | values,
        log=folder / "log",
        ready="/readyz",
        command=(sys.executable, "-c", LIMITED, str(soft), str(hard)),
    ) as started:
        yield started


def events(service: Running, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in service.logged().splitlines()]
    return [line for line in lines if line["event"] == name]


@pytest.fixture
def values(database_url: str) -> dict[str, str]:
    return required_settings(database_url)


@pytest.fixture
def session(values: dict[str, str], database_url: str) -> StandingSession:
    return standing_session(database_url, values["VETASSIST_JWT_SECRET"])


def assert_validates(service: Running, session: StandingSession) -> None:
    """Every validation is answered, on connections of their own and on one that is kept."""
    with httpx.Client(base_url=service.url, trust_env=False, headers=session.headers) as kept:
        for _ in range(VALIDATIONS):
            assert kept.get("/api/v1/verify").status_code == 200
            alone = httpx.get(
                f"{service.url}/api/v1/verify", headers=session.headers, trust_env=False
            )
            assert alone.status_code == 200


def test_a_crowd_that_is_idle_or_sends_half_a_head_delays_no_validation(
    values: dict[str, str], session: StandingSession, tmp_path: Path
) -> None:
    third = CROWD // 3
    with (
        limited_service(values, tmp_path, soft=64, hard=20_000) as service,
        crowd(service.url, silent=third, half=third, idle=third),
    ):
        assert_validates(service, session)

        # The soft limit of 64 was raised, and nobody had to go.
        assert not events(service, "too_many_connections")
        assert not events(service, "cannot_accept")


def test_a_crowd_beyond_the_file_limit_delays_no_validation(
    values: dict[str, str], session: StandingSession, tmp_path: Path
) -> None:
    with (
        limited_service(values, tmp_path, soft=128, hard=128) as service,
        crowd(service.url, silent=100, half=100, idle=100),
    ):
        assert_validates(service, session)

        (crowded,) = events(service, "too_many_connections")
        assert crowded["level"] == "warning"
        assert not events(service, "cannot_accept")


def test_without_file_handles_the_service_says_so_and_serves_again_when_there_are_some(
    values: dict[str, str], tmp_path: Path
) -> None:
    metrics_port = free_port()
    values["VETASSIST_METRICS_PORT"] = str(metrics_port)
    with limited_service(values, tmp_path, soft=128, hard=128) as service:
        asked: list[socket.socket] = []
        with ExitStack() as waiting:

            def is_noticed() -> bool:
                asked.append(waiting.enter_context(connection_to(service.url)))
                asked[-1].sendall(HEALTH)
                return bool(events(service, "cannot_accept"))

            with ExitStack() as scrapes:
                for _ in range(140):
                    scrapes.enter_context(connection_to(f"http://{HOST}:{metrics_port}"))
                service.until(is_noticed)
            # Those that could not be accepted were in the kernel's queue, and are not lost.
            assert asked[-1].recv(65_536).startswith(b"HTTP/1.1 200 ")
        (failed,) = events(service, "cannot_accept")
        assert httpx.get(f"{service.url}/readyz", trust_env=False).status_code == 200

    assert (failed["level"], failed["error"], failed["file_limit"]) == ("error", "EMFILE", 128)
