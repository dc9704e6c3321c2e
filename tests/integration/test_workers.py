"""The parent of several workers, with workers that are not servers."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio.lowlevel
import pytest
from pytest_mock import MockerFixture

from entrypoints.serving.workers import WorkerCommand, Workers

PATIENCE_SECONDS = 60
BEGINS = """
import os, socket, sys, time
line = socket.socket(fileno=int(sys.argv[1]))
with open(sys.argv[2], "a") as started:
    started.write(f"{os.getpid()}\\n")
"""
#: Serves until it is asked to end.
SERVES = BEGINS + "line.send(b'.'); line.recv(1)"
#: Serves, and then says nothing more.
HANGS = BEGINS + "line.send(b'.'); time.sleep(60)"
CANNOT_START = BEGINS + "sys.exit(7)"
SHUTS_ITS_EARS = BEGINS + "line.send(b'.')\nwhile True: line.send(b'.'); time.sleep(0.1)"


@dataclass(kw_only=True)
class Family:
    """A parent that runs, and the workers that it has started so far."""

    notes: Path
    running: asyncio.Task[int] = field(init=False)

    @property
    def started(self) -> list[int]:
        return [int(line) for line in self.notes.read_text().split()]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await anyio.lowlevel.checkpoint()

    async def status(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.running


def arguments(script: str, line: int, notes: Path) -> list[str]:
    return [sys.executable, "-S", "-c", script, str(line), str(notes)]


@asynccontextmanager
async def family(
    folder: Path, worker: Callable[[Path], WorkerCommand], *, patience: float = 20
) -> AsyncIterator[Family]:
    notes = folder / "started"
    notes.touch()
    it = Family(notes=notes)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        workers = Workers(worker(notes), count=2, listeners=[listener], patience=patience)
        it.running = asyncio.create_task(workers.run())
        try:
            yield it
        finally:
            if not it.running.done():
                os.kill(os.getpid(), signal.SIGTERM)
            await it.status()
            for each in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().remove_signal_handler(each)


def runs(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def always(script: str) -> Callable[[Path], WorkerCommand]:
    return lambda notes: lambda line: arguments(script, line, notes)


def first_two(first: str, then: str) -> Callable[[Path], WorkerCommand]:
    """The first two workers are of one kind, and those after them of another."""

    def worker(notes: Path) -> WorkerCommand:
        started = iter([first, first])
        return lambda line: arguments(next(started, then), line, notes)

    return worker


async def test_workers_that_are_asked_to_end_do(tmp_path: Path) -> None:
    async with family(tmp_path, always(SERVES)) as it:
        await it.until(lambda: len(it.started) == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await it.status() == 0
        assert not any(runs(each) for each in it.started)


async def test_a_killed_worker_has_a_successor(tmp_path: Path) -> None:
    async with family(tmp_path, always(SERVES)) as it:
        await it.until(lambda: len(it.started) == 2)
        first, second = it.started
        os.kill(first, signal.SIGKILL)
        await it.until(lambda: len(it.started) == 3)
        assert runs(second)


async def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    async with family(tmp_path, first_two(HANGS, SERVES), patience=0.5) as it:
        await it.until(lambda: len(it.started) >= 4)
        await it.until(lambda: not any(runs(each) for each in it.started[:2]))
    assert await it.status() == 0


async def test_workers_that_cannot_start_end_their_parent_with_their_status(
    tmp_path: Path,
) -> None:
    async with family(tmp_path, always(CANNOT_START)) as it:
        assert await it.status() == 7
        assert len(it.started) <= 2


async def test_a_successor_that_cannot_start_ends_nobody_else(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch("entrypoints.serving.workers._PAUSE_SECONDS", 0.05)
    async with family(tmp_path, first_two(SERVES, CANNOT_START)) as it:
        await it.until(lambda: len(it.started) == 2)
        first, second = it.started
        os.kill(first, signal.SIGKILL)
        await it.until(lambda: len(it.started) >= 5)
        assert runs(second)
        assert not it.running.done()


async def test_a_worker_that_does_not_end_is_killed(tmp_path: Path, mocker: MockerFixture) -> None:
    mocker.patch("entrypoints.serving.workers._END_SECONDS", 0.3)
    async with family(tmp_path, always(SHUTS_ITS_EARS)) as it:
        await it.until(lambda: len(it.started) == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await it.status() == 0
        assert not any(runs(each) for each in it.started)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_either_signal_is_for_the_whole_family(tmp_path: Path, stop: signal.Signals) -> None:
    async with family(tmp_path, always(SERVES)) as it:
        await it.until(lambda: len(it.started) == 2)
        os.kill(os.getpid(), stop)
        assert await it.status() == 0
