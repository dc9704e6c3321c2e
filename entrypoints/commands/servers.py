"""`vetassist demo`, `serve`, `console` and `sandbox`: commands that run until they are stopped."""

import os
import sys
from contextlib import suppress
from typing import Annotated, Final

import typer

from entrypoints.commands.parameters import Host, Port, whole_number
from entrypoints.starting import (
    EXIT_DEMO,
    EXIT_LISTENING,
    EXIT_SETTINGS,
    database_or_exit,
    fail,
    part_or_exit,
)

_MOST_WORKERS: Final = 1000


def demo() -> None:
    """Run the whole product on this machine: PostgreSQL, the simulated VA and the service."""
    from entrypoints.commands.demo import DemoError, run_demo
    from entrypoints.settings_reader import SettingsError

    try:
        with database_or_exit():
            run_demo(typer.echo)
    except SettingsError as error:
        fail(error.faults, EXIT_SETTINGS)
    except DemoError as error:
        fail([str(error)], EXIT_DEMO)


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[
        int,
        typer.Option(
            parser=whole_number(1, _MOST_WORKERS),
            metavar="NUMBER",
            help="Server processes, 1 to 1,000.",
        ),
    ] = 1,
) -> None:
    """Run the service. Refuses to start on a bad setting or a schema that is behind."""
    # The server makes the checks. Here they would load the same modules a second time.
    server = [sys.executable, "-m", "entrypoints.serving.server", host, str(port), str(workers)]
    os.execv(sys.executable, server)  # noqa: S606 - the same interpreter, our own module


def console(host: Host = "127.0.0.1", port: Port = 8002) -> None:
    """Run the operators' console. It needs the `VETASSIST_CONSOLE_` settings."""
    # The server makes the checks, as for `serve`.
    server = [sys.executable, "-m", "entrypoints.serving.console", host, str(port)]
    os.execv(sys.executable, server)  # noqa: S606 - the same interpreter, our own module


def sandbox(host: Host = "127.0.0.1", port: Port = 8001) -> None:
    """Run the simulated VA. It has test Veterans only, and stores nothing."""
    import uvicorn

    from entrypoints.sandbox.app import create_sandbox
    from entrypoints.sandbox.settings import ServiceBeside, settings_beside, url_of
    from entrypoints.sockets import CannotListenError, bound_sockets

    service = part_or_exit(ServiceBeside)
    try:
        listening = bound_sockets(host, port)
    except CannotListenError as error:
        fail([str(error)], EXIT_LISTENING)
    settings = settings_beside(service, public_url=url_of(host, listening[0].getsockname()[1]))
    config = uvicorn.Config(
        create_sandbox(settings),
        access_log=False,
        log_level="warning",
        server_header=False,
        ws="none",
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(listening)
