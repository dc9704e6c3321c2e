"""The disk of the database is really full: a small file system in memory has the tables."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx
import psycopg
import pytest
from psycopg import sql

from adapters.postgres.migrations import migrate
from tests.integration.test_recovery import World
from tests.support.caller import Caller, connections_in_use
from tests.support.clusters import mortal_server
from tests.support.processes import free_port
from tests.support.whole_product import whole_product

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system"),
]

#: More sign-ins than the rows fit into the pages that the tables already have.
_SIGN_INS: Final = 400
#: The service asks once a second at most whether the database is writable.
_LOOKS: Final = 600
_LOOK_SECONDS: Final = 0.1


@contextmanager
def a_small_disk() -> Iterator[Path]:
    with TemporaryDirectory(prefix="vetassist-") as folder:
        # The server may be another user.
        Path(folder).chmod(0o755)
        disk = Path(folder) / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=40m,mode=0777", "tmpfs", str(disk)]
        if subprocess.run(mount, check=False).returncode:
            pytest.skip("this machine doesn't let anybody mount a file system")
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)


def fill(disk: Path) -> Path:
    path = disk / "filler"
    space = os.statvfs(disk)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize)
    return path


def a_database_on(disk: Path, server_url: str) -> str:
    with psycopg.connect(server_url, autocommit=True) as connection:
        owner = Path(f"/proc/{connection.info.backend_pid}").stat()
        os.chown(disk, owner.st_uid, owner.st_gid)
        connection.execute(
            sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(disk)))
        )
        connection.execute(
            "CREATE DATABASE field TABLESPACE small ENCODING 'UTF8' TEMPLATE template0"
        )
    url = f"{server_url.rpartition('/')[0]}/field"
    migrate(url)
    return url


def await_readiness(client: httpx.Client, url: str, *, failing: list[str] | None) -> None:
    for _ in range(_LOOKS):
        if client.get(f"{url}/readyz").json().get("failing") == failing:
            return
        time.sleep(_LOOK_SECONDS)
    raise AssertionError(failing)


def test_a_full_disk_stops_sign_ins_alone_until_it_has_room(tmp_path: Path) -> None:
    metrics_port = free_port()
    with (
        a_small_disk() as disk,
        mortal_server() as server,
        whole_product(
            tmp_path,
            a_database_on(disk, server.url),
            metrics_port=metrics_port,
            login_rate=0,
            session_delivery="query",
        ) as product,
        httpx.Client(trust_env=False, timeout=60) as client,
        Caller(product.url) as caller,
    ):
        world = World(
            server=server, product=product, metrics_url=f"http://127.0.0.1:{metrics_port}/metrics"
        )
        token = world.sign_in()
        assert token is not None
        filler = fill(disk)

        answers = [client.get(f"{product.url}/api/v1/va/login") for _ in range(_SIGN_INS)]

        refused = [answer for answer in answers if answer.status_code != httpx.codes.SEE_OTHER]
        assert {answer.status_code for answer in refused} == {httpx.codes.SERVICE_UNAVAILABLE}
        assert all("Retry-After" in answer.headers for answer in refused)
        await_readiness(client, product.url, failing=["writable"])
        assert caller.verify(token) == httpx.codes.OK
        assert connections_in_use(world.metrics_url) == 0

        filler.unlink()

        assert world.sign_in() is not None
        await_readiness(client, product.url, failing=None)
        assert caller.verify(token) == httpx.codes.OK
