"""A server process: what `vetassist serve` becomes.

It replaces the process of the command, so that no server process holds the libraries of the
command line. It checks everything before it listens.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Final

# Our libraries import these if they are installed, for features that a server doesn't use. They
# would take memory for as long as it runs (docs/adr/0029-settings-read-beside-the-server.md).
_UNUSED: Final = frozenset(
    {
        "bz2",
        "fastapi",
        "greenlet",
        "lzma",
        "pydantic",
        "pygments",
        "rich",
        "watchfiles",
        "werkzeug",
        "yaml",
    }
)


class _Blocker:
    """Makes each import of an unused library fail, as if the library weren't installed."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        if name in _UNUSED:
            raise ModuleNotFoundError(f"a server doesn't use {name}", name=name)


# Only in a server process. Elsewhere, such as in tests, these libraries are in use.
if __name__ in {"__main__", "__mp_main__"}:
    sys.meta_path.insert(0, _Blocker)

from uvicorn.config import STARTUP_FAILURE

from domain.front_end import SessionDelivery
from entrypoints.logs import configure_logs
from entrypoints.serving.connection_table import most_connections, raise_file_limit
from entrypoints.serving.workers import Lifeline, Workers
from entrypoints.settings import CALLBACK_PATH, PROCESSES, Settings
from entrypoints.sockets import MAX_PORT, CannotListenError, bound_sockets, require_free
from entrypoints.starting import (
    EXIT_SETTINGS,
    fail,
    print_on_stderr,
    require_current_schema,
    require_sound_connections,
    settings_or_exit,
)

#: Not a valid host name.
_WORKER: Final = "--worker"
_CHECKS_CLIENT: Final = "--checks-client"


def check(settings: Settings) -> None:
    """Exit with a line for each fault if the database is unusable."""
    require_current_schema(settings)
    require_sound_connections(settings)
    if settings.is_public_https and settings.session_delivery is SessionDelivery.QUERY:
        print_on_stderr(
            "warning: VETASSIST_SESSION_DELIVERY=query puts the session's token into a URL, where "
            "histories and logs may keep it; `code` and `cookie` do not"
        )
    sys.stderr.flush()


def run(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT. Requests in progress have up to 30 seconds to finish."""
    raise_file_limit()
    try:
        listeners = bound_sockets(host, port)
    except CannotListenError as error:
        fail([str(error)], STARTUP_FAILURE)
    with ExitStack() as unless_free:
        for listener in listeners:
            unless_free.enter_context(listener)
        _require_metrics_ports(settings, workers)
        unless_free.pop_all()
    # Each process has its own application, and its own port for metrics.
    os.environ[PROCESSES] = str(workers)
    if workers == 1:
        serve(settings, listeners, checks_client=True)
        return
    configure_logs(settings.log_level)
    descriptors = ",".join(str(listener.fileno()) for listener in listeners)
    command = [sys.executable, "-m", "entrypoints.serving.server", _WORKER, descriptors]
    # One process asks VA, once: not each worker, and none that replaces another.
    marks = iter([_CHECKS_CLIENT])

    def worker(line: int) -> list[str]:
        return [*command, str(line), *islice(marks, 1)]

    family = Workers(worker, count=workers, listeners=listeners)
    sys.exit(asyncio.run(family.run()))


def _require_metrics_ports(settings: Settings, workers: int) -> None:
    """Exit with one line unless each process can have its port for metrics."""
    if settings.metrics_port is None:
        return
    last = settings.metrics_port + workers - 1
    if last > MAX_PORT:
        most = MAX_PORT - workers + 1
        fault = f"must be at most {most}, so that each worker has one"
        fail([f"VETASSIST_METRICS_PORT: {fault}"], EXIT_SETTINGS)
    for port in range(settings.metrics_port, last + 1):
        try:
            require_free(settings.metrics_host, port)
        except CannotListenError as error:
            fail([f"VETASSIST_METRICS_PORT: {error}"], STARTUP_FAILURE)


def serve(
    settings: Settings,
    listeners: Sequence[socket.socket],
    lifeline: Lifeline | None = None,
    *,
    checks_client: bool,
) -> None:
    """Serve on these sockets in this process, until a signal or the end of the parent."""
    # Imported here, because a process that only supervises workers doesn't need them.
    from entrypoints.serving.app import ServerApps  # noqa: PLC0415
    from entrypoints.serving.http_server import (  # noqa: PLC0415
        HTTPServer,
        no_beat,
        server_config,
    )
    from entrypoints.web.browser_answers import LOGIN_PATH  # noqa: PLC0415

    apps = ServerApps(settings, checks_client=checks_client)
    config = server_config(
        apps.serving, keep_alive_seconds=settings.keep_alive_seconds, is_factory=True
    )
    server = HTTPServer(
        config,
        most_connections=most_connections(settings.pool_size),
        refusal=apps.refusing(),
        # A proxy in front may leave the path of the public URL, or take it away.
        crowded=[
            root + path
            for root in {"", settings.public_path}
            for path in (LOGIN_PATH, CALLBACK_PATH)
        ],
        beat=no_beat if lifeline is None else lifeline.beat,
    )
    if lifeline is not None:
        lifeline.watch(server.end)
    server.run(list(listeners))


if __name__ == "__main__":
    _settings = settings_or_exit()
    if sys.argv[1] == _WORKER:
        _inherited = [socket.socket(fileno=int(each)) for each in sys.argv[2].split(",")]
        _checks = _CHECKS_CLIENT in sys.argv
        serve(_settings, _inherited, Lifeline(int(sys.argv[3])), checks_client=_checks)
    else:
        check(_settings)
        run(_settings, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
