"""A server process: what `vetassist serve` becomes.

It takes the place of the command's process, so that the command line's own libraries weigh on
no process that serves, and checks everything before it listens.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

# Libraries of ours load these where they are installed, for features that the service does not
# use; they would cost a third of its memory and of its start.
_UNUSED: Final = frozenset(
    {
        "fastapi",
        "greenlet",
        "pydantic",
        "pydantic_settings",
        "pygments",
        "rich",
        "watchfiles",
        "werkzeug",
        "yaml",
    }
)


class _NotHere:
    """Finds none of them."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        if name in _UNUSED:
            raise ModuleNotFoundError(f"{name} is not for a server", name=name)


# Not where others do use them: in a process that is not a server's.
if __name__ in {"__main__", "__mp_main__"}:
    sys.meta_path.insert(0, _NotHere)

from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE, Config

from entrypoints.logs import configure_logs
from entrypoints.serving.connection_table import most_connections, raise_file_limit
from entrypoints.serving.handed_settings import begin_reading, handed_settings
from entrypoints.serving.listening import bound_sockets
from entrypoints.serving.workers import Lifeline, Workers
from entrypoints.settings import PROCESSES, SessionDelivery
from entrypoints.starting import (
    fail,
    print_on_stderr,
    require_current_schema,
    require_sound_connections,
)

#: No host has such a name.
_WORKER: Final = "--worker"


def app() -> Starlette:
    """The application, for each server process to make its own."""
    begin_reading()
    from entrypoints.serving.app import serving_app  # noqa: PLC0415 - meanwhile

    return serving_app(handed_settings())


def check() -> None:
    """End the process, with a line for each fault, on a bad setting or an unusable database."""
    settings = handed_settings()
    require_current_schema(settings)
    require_sound_connections(settings)
    if settings.is_public_https and settings.session_delivery is SessionDelivery.QUERY:
        print_on_stderr(
            "warning: VETASSIST_SESSION_DELIVERY=query puts the session's token into a URL, where "
            "histories and logs may keep it; `code` and `cookie` do not"
        )
    sys.stderr.flush()


def run(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight end first, for up to 30 seconds."""
    raise_file_limit()
    try:
        listeners = bound_sockets(host, port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        fail([f"cannot listen on {host}, port {port}: {reason}"], STARTUP_FAILURE)
    # Each process makes its own application, and its metrics a port of their own.
    os.environ[PROCESSES] = str(workers)
    if workers == 1:
        serve(listeners)
        return
    configure_logs(handed_settings().log_level)
    descriptors = ",".join(str(listener.fileno()) for listener in listeners)
    command = [sys.executable, "-m", "entrypoints.serving.server", _WORKER, descriptors]
    family = Workers(lambda line: [*command, str(line)], count=workers, listeners=listeners)
    sys.exit(asyncio.run(family.run()))


def serve(listeners: Sequence[socket.socket], lifeline: Lifeline | None = None) -> None:
    """Serve on these sockets, in this process; with a parent, also until that ends."""
    # Not in a process that only looks after others.
    from entrypoints.serving.http_server import REQUEST_SECONDS, HTTPServer  # noqa: PLC0415

    settings = handed_settings()
    config = Config(
        app,
        factory=True,
        workers=1,
        lifespan="on",
        # Our own log line names no URL; the client's address is ours to judge.
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=REQUEST_SECONDS,
    )
    most = most_connections(settings.pool_size)
    if lifeline is None:
        server = HTTPServer(config, most_connections=most)
    else:
        server = HTTPServer(config, most_connections=most, beat=lifeline.beat)
        lifeline.watch(server.end)
    server.run(list(listeners))


if __name__ == "__main__":
    begin_reading()
    if sys.argv[1] == _WORKER:
        import entrypoints.serving.app

        inherited = [socket.socket(fileno=int(each)) for each in sys.argv[2].split(",")]
        serve(inherited, Lifeline(int(sys.argv[3])))
    else:
        _host, _port, _workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        if _workers == 1:
            # Meanwhile, and in the one process that needs it.
            import entrypoints.serving.app  # noqa: F401
        check()
        run(_host, _port, _workers)
