"""A server process: what `vetassist serve` becomes.

It takes the place of the command's process, so that the command line's own libraries weigh on
no process that serves, and checks everything before it listens.
"""

import os
import signal
import sys
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

import uvicorn
from starlette.applications import Starlette

from entrypoints.settings import PROCESSES, SessionDelivery
from entrypoints.starting import (
    require_current_schema,
    require_sound_connections,
    say_on_stderr,
)
from entrypoints.web.bounded_http import BoundedHTTP
from entrypoints.web.handed_settings import begin_reading, handed_settings

_GRACE_SECONDS: Final = 30


def app() -> Starlette:
    """The application, for each server process to make its own."""
    begin_reading()
    from entrypoints.web.app import serving_app  # noqa: PLC0415 - meanwhile

    return serving_app(handed_settings())


def check() -> None:
    """End the process, with a line for each fault, on a bad setting or an unusable database."""
    settings = handed_settings()
    require_current_schema(settings)
    require_sound_connections(settings)
    if settings.is_public_https and settings.session_delivery is SessionDelivery.QUERY:
        say_on_stderr(
            "warning: VETASSIST_SESSION_DELIVERY=query puts the session's token into a URL, where "
            "histories and logs may keep it; `code` and `cookie` do not"
        )
    sys.stderr.flush()


def run(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight end first, for up to 30 seconds."""
    # Once uvicorn has stopped it raises the signal again: that is then an end, and no failure.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))
    # Each process makes its own application, and its metrics a port of their own.
    os.environ[PROCESSES] = str(workers)
    uvicorn.run(
        "entrypoints.web.server:app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        http=BoundedHTTP,
        # Our own log line names no URL; the client's address is ours to judge.
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


if __name__ == "__main__":
    _host, _port, _workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    begin_reading()
    if _workers == 1:
        # Meanwhile, and in the one process that needs it.
        import entrypoints.web.app  # noqa: F401
    check()
    run(_host, _port, _workers)
