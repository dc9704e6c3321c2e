"""Several server processes, and the parent process that supervises them.

Each worker has a line to its parent: a pair of sockets. The worker sends a byte each second, so
that the parent notices a worker that hangs. The parent sends a byte to ask the worker to end. If
the parent dies, the line closes, and the worker ends too.
"""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, final

import structlog

_log = structlog.stdlib.get_logger("vetassist.server")

#: A worker that sends nothing for twice this time is killed, even while it starts.
PATIENCE_SECONDS: Final = 20.0
#: One second more than a worker may take to end.
_END_SECONDS: Final = 30.0
#: The wait before a worker that never served is replaced. Others are replaced immediately.
_PAUSE_SECONDS: Final = 1.0
_BYTE: Final = b"."

#: Returns the command of a worker, given the descriptor of its end of the line.
WorkerCommand = Callable[[int], Sequence[str]]


@final
class Worker:
    """A worker, seen from its parent."""

    def __init__(self, process: asyncio.subprocess.Process, line: socket.socket) -> None:
        self._process = process
        self._line = line

    @classmethod
    async def start(cls, command: WorkerCommand, descriptors: Sequence[int]) -> "Worker":
        """Start a worker that inherits ``descriptors`` and no others."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command(theirs.fileno()), pass_fds=[theirs.fileno(), *descriptors]
            )
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, as ``subprocess`` reports it. None while the worker runs."""
        return self._process.returncode

    async def ended(self, patience: float) -> bool:
        """Wait until the worker ends, and kill it if it hangs. Returns whether it ever served."""
        loop = asyncio.get_running_loop()
        has_served = False
        missed = 0
        # Two misses, so that a parent that was suspended doesn't blame its workers.
        while missed < 2:  # noqa: PLR2004 - see above
            try:
                async with asyncio.timeout(patience):
                    beat = await loop.sock_recv(self._line, 64)
            except TimeoutError:
                missed += 1
                continue
            except ConnectionError:
                break
            if not beat:
                break
            has_served, missed = True, 0
        else:
            _log.error("worker_hangs", pid=self.pid)
            self.kill()
        await self._process.wait()
        self._line.close()
        return has_served

    def ask_to_end(self) -> None:
        """Ask the worker to finish its requests and end."""
        with suppress(OSError):
            self._line.send(_BYTE)

    def kill(self) -> None:
        """Kill the worker immediately."""
        with suppress(ProcessLookupError):
            self._process.kill()


@final
class Workers:
    """Keeps a number of workers running until a signal ends them all."""

    def __init__(
        self,
        command: WorkerCommand,
        *,
        count: int,
        listeners: Sequence[socket.socket],
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._command = command
        self._count = count
        self._listeners = listeners
        self._patience = patience
        self._running: set[Worker] = set()
        self._ending = asyncio.Event()
        self._status = 0

    async def run(self) -> int:
        """Run the workers. Returns the exit status for this process.

        At SIGTERM or SIGINT, requests in progress have up to 30 seconds to finish. A second signal
        ends everything immediately.
        """
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._on_signal, each)
        keepers = [loop.create_task(self._keep()) for _ in range(self._count)]
        await self._ending.wait()
        # The workers close their sockets. No client may wait in the queue of this process.
        for listener in self._listeners:
            listener.close()
        for worker in self._running:
            worker.ask_to_end()
        _, late = await asyncio.wait(keepers, timeout=_END_SECONDS)
        for worker in self._running:
            _log.error("worker_killed", pid=worker.pid)
            worker.kill()
        if late:
            await asyncio.wait(late)
        return self._status

    async def _keep(self) -> None:
        """Keep one worker running: replace it when it ends."""
        is_first = True
        while not self._ending.is_set():
            worker = await Worker.start(self._command, [each.fileno() for each in self._listeners])
            self._running.add(worker)
            if self._ending.is_set():
                worker.ask_to_end()
            has_served = await worker.ended(self._patience)
            self._running.discard(worker)
            if self._ending.is_set():
                return
            if is_first and not has_served:
                # It has logged why, and the next one would fail the same way.
                self._status = worker.status or 1
                self._ending.set()
                return
            _log.error("worker_ended", pid=worker.pid, status=worker.status)
            is_first = False
            if not has_served:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), _PAUSE_SECONDS)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._ending.is_set():
            for worker in self._running:
                worker.kill()
            os._exit(128 + number)
        self._ending.set()


@final
class Lifeline:
    """A worker's end of the line to its parent."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._line = socket.socket(fileno=descriptor)

    def watch(self, end: Callable[[], None]) -> None:
        """Call ``end`` when the parent asks for it, or dies. Runs in its own thread.

        The event loop would notice it too, but not while it starts, and not if it hangs.
        """
        threading.Thread(target=self._wait, args=(end,), name="lifeline", daemon=True).start()

    def beat(self) -> None:
        """Tell the parent that the event loop runs."""
        # A suspended parent reads nothing. The bytes that wait for it are enough.
        with suppress(BlockingIOError, ConnectionError):
            self._line.send(_BYTE, socket.MSG_DONTWAIT)

    def _wait(self, end: Callable[[], None]) -> None:
        received = b""
        with suppress(ConnectionError):
            received = self._line.recv(1)
        if not received:
            _log.error("parent_gone")
        end()
