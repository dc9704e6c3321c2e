"""What `serve` logs of our client credentials at VA."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import timedelta

import pytest

from adapters.memory.client_check import MemoryClientCheck
from application.errors import (
    ApplicationError,
    ClientRejectedByProviderError,
    ProviderUnavailableError,
    UpstreamRejectedError,
)
from entrypoints.background import client_checked
from entrypoints.serving import server
from entrypoints.serving.workers import WorkerCommand
from tests.support.environment import read, required_settings
from tests.support.product import captured_log, until

NO_TIME = timedelta()


async def logged(check: MemoryClientCheck) -> str:
    with captured_log() as log:
        async with client_checked(check, delay=NO_TIME):
            await until(lambda: "va_client" in log.getvalue())
        return log.getvalue()


@pytest.mark.parametrize(
    ("error", "level", "event"),
    [
        (None, "info", "va_client_accepted"),
        (ClientRejectedByProviderError("invalid_client"), "error", "va_client_refused"),
        (ProviderUnavailableError("status_503"), "warning", "va_client_unchecked"),
        (UpstreamRejectedError("invalid_request"), "warning", "va_client_unchecked"),
    ],
)
async def test_the_answer_is_logged_and_the_service_goes_on(
    error: ApplicationError | None, level: str, event: str
) -> None:
    check = MemoryClientCheck()
    check.error = error
    line = await logged(check)
    assert f'"event": "{event}"' in line
    assert f'"level": "{level}"' in line
    assert ("VETASSIST_VA_CLIENT_SECRET" in line) == (event == "va_client_refused")
    assert check.asked == 1


async def test_a_bug_in_the_check_ends_nothing() -> None:
    check = MemoryClientCheck()
    check.error = RuntimeError("canary")  # type: ignore[assignment]
    line = await logged(check)
    assert '"error": "RuntimeError"' in line
    assert "canary" not in line


async def test_a_process_that_ends_at_once_asks_nothing_and_waits_for_nothing() -> None:
    check = MemoryClientCheck()
    async with asyncio.timeout(20), client_checked(check, delay=timedelta(hours=1)):
        pass
    assert check.asked == 0


async def test_a_process_that_is_not_meant_to_ask_does_not() -> None:
    check = MemoryClientCheck()
    async with client_checked(check, is_on=False, delay=NO_TIME):
        await asyncio.sleep(0)
    assert check.asked == 0


def test_of_several_workers_the_first_one_asks_and_none_that_replaces_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Sequence[str]] = []

    class Family:
        def __init__(
            self, command: WorkerCommand, *, listeners: list[socket.socket], count: int
        ) -> None:
            assert count == 2
            for listener in listeners:
                listener.close()
            started.extend(command(line) for line in (7, 8, 9))

        async def run(self) -> int:
            return 0

    monkeypatch.setattr(server, "Workers", Family)
    monkeypatch.setattr(server, "configure_logs", lambda _level: None)
    monkeypatch.setattr("os.environ", {})
    with pytest.raises(SystemExit):
        server.run(read(required_settings()), "127.0.0.1", 0, 2)
    assert [("--checks-client" in command) for command in started] == [True, False, False]
