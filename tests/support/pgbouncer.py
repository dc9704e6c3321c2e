"""A PgBouncer of a test's own, in front of the database."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.processes import HOST, free_port

_TRIES: Final = 3000
_TRY_SECONDS: Final = 0.02
_STOP_SECONDS: Final = 60


def _program() -> str | None:
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin")


needs_pgbouncer = pytest.mark.skipif(_program() is None, reason="PgBouncer is not installed")


@contextmanager
def pgbouncer(database_url: str, *, mode: str, **settings: str | int) -> Iterator[str]:
    """Run it until the end; gives the URL to use instead of the database's.

    Args:
        database_url: A role and what it connects to.
        mode: The pooling mode.
        settings: More of its settings.
    """
    parameters: dict[str, Any] = dict(conninfo_to_dict(database_url))
    port = free_port()
    values = {
        "listen_addr": HOST,
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "trust",
        "pool_mode": mode,
        "server_login_retry": 1,
        **settings,
    }
    # Not in pytest's own folders, which are closed to the user that it runs as.
    with tempfile.TemporaryDirectory(prefix="vetassist-") as name:
        folder = Path(name)
        users = folder / "users.txt"
        users.write_text(f'"{parameters["user"]}" "{parameters.get("password") or ""}"\n')
        lines = [f"{name} = {value}" for name, value in {**values, "auth_file": users}.items()]
        server = f"* = host={parameters['host']} port={parameters.get('port') or 5432}"
        file = folder / "pgbouncer.ini"
        file.write_text("\n".join(["[databases]", server, "[pgbouncer]", *lines, ""]))
        for path in (folder, file, users):
            path.chmod(0o755)
        with _running(file, _user(str(parameters["host"]))) as process:
            _await_listener(process, port)
            yield make_conninfo(database_url, host=HOST, port=port)


def _user(host: str) -> list[str]:
    """It refuses to run as root, and a Unix socket is its owner's."""
    if os.geteuid() != 0:
        return []
    return ["--user", Path(host).owner() if host.startswith("/") else "nobody"]


@contextmanager
def _running(file: Path, user: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    program = _program()
    assert program is not None
    process = subprocess.Popen([program, "--quiet", *user, str(file)])
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_listener(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(_TRIES):
        try:
            socket.create_connection((HOST, port), timeout=5).close()
        except ConnectionRefusedError:
            assert process.poll() is None, "it ended by itself"
            time.sleep(_TRY_SECONDS)
        else:
            return
    raise AssertionError("it should listen by now")
