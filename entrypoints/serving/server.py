"""A server process: what `vetassist serve` becomes.

It replaces the process of the command, so that no server process holds the libraries of the
command line. It checks everything before it listens.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

# Our libraries import these if they are installed, for features that a server doesn't use. They
# would take memory for as long as it runs (docs/adr/0029-settings-read-beside-the-server.md).
_UNUSED: Final = frozenset(
    {
        "fastapi",
        "greenlet",
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

from uvicorn.config import STARTUP_FAILURE, Config

from entrypoints.logs import configure_logs
from entrypoints.serving.connection_table import most_connections, raise_file_limit
from entrypoints.serving.listening import bound_sockets
from entrypoints.serving.workers import Lifeline, Workers
from entrypoints.settings import PROCESSES, SessionDelivery, Settings
from entrypoints.starting import (
    fail,
    print_on_stderr,
    require_current_schema,
    require_sound_connections,
    settings_or_exit,
)

#: Not a valid host name.
_WORKER: Final = "--worker"


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
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        fail([f"cannot listen on {host}, port {port}: {reason}"], STARTUP_FAILURE)
    # Each process has its own application, and its own port for metrics.
    os.environ[PROCESSES] = str(workers)
    if workers == 1:
        serve(settings, listeners)
        return
    configure_logs(settings.log_level)
    descriptors = ",".join(str(listener.fileno()) for listener in listeners)
    command = [sys.executable, "-m", "entrypoints.serving.server", _WORKER, descriptors]
    family = Workers(lambda line: [*command, str(line)], count=workers, listeners=listeners)
    sys.exit(asyncio.run(family.run()))


def serve(
    settings: Settings, listeners: Sequence[socket.socket], lifeline: Lifeline | None = None
) -> None:
    """Serve on these sockets in this process, until a signal or the end of the parent."""
    # Imported here, because a process that only supervises workers doesn't need them.
    from entrypoints.serving.app import refusing_app, serving_app  # noqa: PLC0415
    from entrypoints.serving.http_server import REQUEST_SECONDS, HTTPServer  # noqa: PLC0415

    config = Config(
        partial(serving_app, settings),
        factory=True,
        workers=1,
        lifespan="on",
        # Our own log line has no URL. `trusted_proxies` decides on the client's address.
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=REQUEST_SECONDS,
    )
    most = most_connections(settings.pool_size)
    refusal = refusing_app(settings)
    if lifeline is None:
        server = HTTPServer(config, most_connections=most, refusal=refusal)
    else:
        server = HTTPServer(config, most_connections=most, refusal=refusal, beat=lifeline.beat)
        lifeline.watch(server.end)
    server.run(list(listeners))


if __name__ == "__main__":
    _settings = settings_or_exit()
    if sys.argv[1] == _WORKER:
        _inherited = [socket.socket(fileno=int(each)) for each in sys.argv[2].split(",")]
        serve(_settings, _inherited, Lifeline(int(sys.argv[3])))
    else:
        check(_settings)
        run(_settings, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
