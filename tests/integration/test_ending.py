"""How `vetassist serve` ends, and what it leaves behind: nothing."""

import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.connections import connection_to, crowd, is_listening
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import Running, running

pytestmark = pytest.mark.postgres

#: Two seconds are promised; a head that never ends would take ten, a request at work thirty.
AT_ONCE_SECONDS: Final = 8
STUBBORN: Final = (sys.executable, "-m", "tests.integration.stubborn_server")
HALF_A_REQUEST: Final = (
    b"POST /api/v1/session/renew HTTP/1.1\r\nHost: vetassist\r\n"
    b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
)


@contextmanager
def service(database_url: str, folder: Path, workers: int) -> Iterator[Running]:
    with running(
        *("serve", "--workers", str(workers)),
        environment=plain_environment() | required_settings(database_url),
        log=folder / "log",
        ready="/readyz",
    ) as started:
        started.until(lambda: started.logged().count("startup complete") == workers)
        yield started


def children(process: int) -> list[int]:
    """The processes that a process started and that still run."""
    with suppress(FileNotFoundError):
        return [
            int(child)
            for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()
        ]
    return []


def assert_ended(processes: list[int]) -> None:
    """Each must end soon; what has not is killed, so that nothing is left of a failed test."""
    late = [each for each in processes if not has_ended(each)]
    for each in late:
        os.kill(each, signal.SIGKILL)
    assert not late


def has_ended(process: int) -> bool:
    """Whether it ends soon, or has done so; it may be anybody's child."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], AT_ONCE_SECONDS)[0])
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("workers", [1, 2])
def test_clients_that_wait_or_say_nothing_keep_no_server_from_ending(
    database_url: str, tmp_path: Path, workers: int
) -> None:
    with (
        service(database_url, tmp_path, workers) as started,
        crowd(started.url, silent=20, half=20, idle=20),
    ):
        started.process.terminate()
        assert started.process.wait(AT_ONCE_SECONDS) == 0
        assert not is_listening(started.url)

    assert "Traceback" not in started.logged()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_that_was_begun_is_answered_after_sigterm(
    database_url: str, tmp_path: Path, workers: int
) -> None:
    with (
        service(database_url, tmp_path, workers) as started,
        connection_to(started.url) as client,
    ):
        client.sendall(HALF_A_REQUEST)
        started.process.terminate()
        started.until(lambda: not is_listening(started.url))
        client.sendall(b"}")
        answer = client.recv(65_536)
        assert started.process.wait(AT_ONCE_SECONDS) == 0

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize(("workers", "stop"), [(1, signal.SIGINT), (2, signal.SIGTERM)])
def test_a_second_signal_ends_everything_at_once(
    database_url: str, tmp_path: Path, workers: int, stop: signal.Signals
) -> None:
    with (
        service(database_url, tmp_path, workers) as started,
        connection_to(started.url) as client,
    ):
        everybody = [started.process.pid, *children(started.process.pid)]
        client.sendall(HALF_A_REQUEST)
        started.process.send_signal(stop)
        started.until(lambda: not is_listening(started.url))
        assert started.process.poll() is None

        started.process.send_signal(stop)
        assert started.process.wait(AT_ONCE_SECONDS) == 128 + stop

    assert len(everybody) == (1 if workers == 1 else 1 + workers)
    assert_ended(everybody)


@pytest.mark.parametrize(
    ("stuck_at", "status"), [("request", 0), ("request-and-cancellation", 1), ("end", 1)]
)
def test_an_application_that_does_not_end_is_ended(
    tmp_path: Path, stuck_at: str, status: int
) -> None:
    with (
        running(
            stuck_at,
            environment=plain_environment(),
            log=tmp_path / "log",
            ready="/",
            command=STUBBORN,
        ) as started,
        ThreadPoolExecutor(1) as pool,
    ):
        asked = pool.submit(ask_what_gets_stuck, started.url)
        started.until(lambda: "stuck" in started.logged())
        started.process.terminate()
        assert started.process.wait(20) == status
        asked.result()


def ask_what_gets_stuck(url: str) -> None:
    with suppress(httpx.TransportError), httpx.Client(trust_env=False, timeout=30) as client:
        client.get(f"{url}/stuck")


def test_a_killed_worker_is_replaced(database_url: str, tmp_path: Path) -> None:
    with service(database_url, tmp_path, 2) as started:
        before = children(started.process.pid)
        os.kill(before[0], signal.SIGKILL)
        started.until(lambda: started.logged().count("startup complete") == 3)

        after = children(started.process.pid)
        with httpx.Client(base_url=started.url, trust_env=False) as client:
            assert client.get("/readyz").status_code == 200
        assert '"worker_ended"' in started.logged()
        assert started.stop() == 0

    assert len(after) == 2
    assert before[1] in after
    assert before[0] not in after


def test_nothing_is_left_of_workers_whose_parent_was_killed(
    database_url: str, tmp_path: Path
) -> None:
    with service(database_url, tmp_path, 2) as started, crowd(started.url, silent=5, half=5):
        workers = children(started.process.pid)
        started.process.kill()
        started.process.wait(AT_ONCE_SECONDS)
        assert_ended(workers)
        assert not is_listening(started.url)
        parts = httpx.URL(started.url)
        # Others can have the port.
        with socket.create_server((parts.host, parts.port or 0)):
            pass

    assert started.logged().count('"parent_gone"') == 2


def test_a_stopped_parent_keeps_nobody_waiting(database_url: str, tmp_path: Path) -> None:
    with service(database_url, tmp_path, 2) as started:
        started.process.send_signal(signal.SIGSTOP)
        try:
            with httpx.Client(base_url=started.url, trust_env=False) as client:
                assert client.get("/readyz").status_code == 200
        finally:
            started.process.send_signal(signal.SIGCONT)
        assert started.stop() == 0
