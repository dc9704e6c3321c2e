"""A process of the console: what `vetassist console` becomes. It checks everything first."""

import sys
from contextlib import ExitStack
from typing import Final

from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE

from entrypoints.console_container import console_container
from entrypoints.logs import configure_logs
from entrypoints.serving.http_server import HTTPServer, server_config
from entrypoints.settings import Settings
from entrypoints.settings_reader import ConsoleSettings
from entrypoints.sockets import CannotListenError, bound_sockets
from entrypoints.starting import (
    fail,
    part_or_exit,
    require_current_schema,
    require_sound_connections,
    settings_or_exit,
)

_MOST_CONNECTIONS: Final = 200


def create_console(settings: Settings, console_settings: ConsoleSettings) -> Starlette:
    """The application of one console process."""
    app: Starlette = console_container(settings, console_settings).app()
    return app


def run(settings: Settings, console_settings: ConsoleSettings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    try:
        listeners = bound_sockets(host, port)
    except CannotListenError as error:
        fail([str(error)], STARTUP_FAILURE)
    configure_logs(settings.log_level)
    config = server_config(
        create_console(settings, console_settings), keep_alive_seconds=settings.keep_alive_seconds
    )
    with ExitStack() as closing:
        for listener in listeners:
            closing.enter_context(listener)
        HTTPServer(config, most_connections=_MOST_CONNECTIONS).run(list(listeners))


if __name__ == "__main__":
    _settings = settings_or_exit()
    _console_settings = part_or_exit(ConsoleSettings)
    require_current_schema(_settings)
    require_sound_connections(_settings)
    sys.stderr.flush()
    run(_settings, _console_settings, sys.argv[1], int(sys.argv[2]))
