"""Two PostgreSQL servers that Patroni keeps, with etcd and HAProxy.

etcd is a single node here: losing it is one of the faults. In production, it is three.
"""

import json
import os
import pwd
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, final

import httpx
import psutil
import psycopg
import yaml

from tests.failover.programs import program, server_programs
from tests.faults.load import wait_for
from tests.support.database_folder import database_folder
from tests.support.processes import HOST, free_port

_OWNER: Final = "postgres"
_REPLICATOR: Final = "replicator"
_DATABASE: Final = "postgres"
_SCOPE: Final = "vetassist"
#: Patroni's lowest. Its lock expires so long after its holder was last heard of.
TTL_SECONDS: Final = 20
#: Other work may share the machine.
PATIENCE_SECONDS: Final = 300.0
_STOP_SECONDS: Final = 60
_ROLE: Final = """
SELECT CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END
"""
_HAS_SYNCHRONOUS: Final = "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'"
_HAPROXY: Final = """\
defaults
    mode tcp
    timeout connect 1s
    timeout client 30m
    timeout server 30m
    timeout check 2s

listen primary
    bind {host}:{port}
    option httpchk
    http-check send meth OPTIONS uri /primary
    http-check expect status 200
    default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
"""


@final
class Node:
    """One PostgreSQL server and its Patroni.

    Attributes:
        name: Patroni's name of it.
        port: Where PostgreSQL listens.
        rest_port: Where Patroni answers.
        url: A libpq URL for the superuser.
    """

    def __init__(
        self, name: str, folder: Path, *, etcd_port: int, passwords: Sequence[str]
    ) -> None:
        self.name = name
        self.port, self.rest_port = free_port(), free_port()
        self.url = f"postgresql://{_OWNER}:{passwords[0]}@{HOST}:{self.port}/{_DATABASE}"
        self._folder = folder / name
        self._folder.mkdir()
        self._data = self._folder / "data"
        self._log = self._folder / "patroni.log"
        self._file = self._folder / "patroni.yml"
        self._file.write_text(yaml.safe_dump(self._configuration(etcd_port, passwords)))
        for path in (self._folder, self._file):
            _give_away(path)
        self._patroni: subprocess.Popen[bytes] | None = None
        self._frozen: list[psutil.Process] = []

    def start_patroni(self) -> None:
        """Start Patroni, which starts PostgreSQL, or takes over one that runs."""
        if self._patroni is not None and self._patroni.poll() is None:
            return
        with self._log.open("ab") as log:
            self._patroni = subprocess.Popen(
                [program("patroni"), str(self._file)],
                user=_user(),
                cwd=self._folder,
                # Nothing of this project's Python, and no libpq setting.
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def postgres(self) -> list[psutil.Process]:
        """The postmaster first, then its other processes; none if it doesn't run."""
        with suppress(FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
            postmaster = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
            if postmaster.name() == "postgres":
                return [postmaster, *postmaster.children(recursive=True)]
        return []

    def kill_patroni(self) -> None:
        """Kill Patroni. PostgreSQL doesn't notice."""
        assert self._patroni is not None
        self._patroni.kill()
        self._patroni.wait()

    def kill_postgres(self) -> None:
        """Kill all processes of PostgreSQL."""
        for process in self.postgres():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def freeze(self) -> None:
        """Stop Patroni and all processes of PostgreSQL; connections stay open."""
        assert self._patroni is not None
        self._frozen = [psutil.Process(self._patroni.pid)]
        self._frozen[0].suspend()
        postmaster = self.postgres()[0]
        postmaster.suspend()
        # A frozen postmaster starts no more processes.
        for process in [postmaster, *postmaster.children(recursive=True)]:
            self._frozen.append(process)
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw_postgres(self) -> None:
        """Let PostgreSQL continue, but not yet Patroni."""
        self._resume(self._frozen[1:])
        del self._frozen[1:]

    def timeline(self) -> int | None:
        """Its timeline if it accepts writes, or None."""
        with (
            suppress(psycopg.Error),
            psycopg.connect(self.url, connect_timeout=2, autocommit=True) as connection,
        ):
            row = connection.execute(_ROLE).fetchone()
            if row is not None and row[0] is not None:
                return int(row[0], 16)
        return None

    def has_synchronous_standby(self) -> bool:
        """Whether a commit waits for a standby."""
        with (
            suppress(psycopg.Error),
            psycopg.connect(self.url, connect_timeout=2, autocommit=True) as connection,
        ):
            return connection.execute(_HAS_SYNCHRONOUS).fetchone() is not None
        return False

    def logged(self) -> str:
        """The newest that Patroni and PostgreSQL have logged."""
        return self._log.read_text(errors="replace")[-4000:]

    def close(self) -> None:
        """End both, in whatever state they are."""
        self._resume(self._frozen)
        if self._patroni is not None and self._patroni.poll() is None:
            self._patroni.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._patroni.wait(_STOP_SECONDS)
            self._patroni.kill()
            self._patroni.wait()
        self.kill_postgres()

    @staticmethod
    def _resume(processes: Sequence[psutil.Process]) -> None:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _configuration(self, etcd_port: int, passwords: Sequence[str]) -> dict[str, Any]:
        rest, postgres = f"{HOST}:{self.rest_port}", f"{HOST}:{self.port}"
        owner = {"username": _OWNER, "password": passwords[0]}
        return {
            "scope": _SCOPE,
            "name": self.name,
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"host": f"{HOST}:{etcd_port}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL_SECONDS,
                    "loop_wait": 1,
                    "retry_timeout": 3,
                    # If PostgreSQL crashes, the standby takes over at once.
                    "primary_start_timeout": 0,
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": postgres,
                "connect_address": postgres,
                "data_dir": str(self._data),
                "bin_dir": str(server_programs()),
                "pgpass": str(self._folder / "pgpass"),
                "authentication": {
                    "superuser": owner,
                    "replication": {"username": _REPLICATOR, "password": passwords[1]},
                },
                "parameters": {
                    "unix_socket_directories": "",
                    "wal_keep_size": "128MB",
                    "max_connections": 200,
                    "shared_buffers": "32MB",
                },
                "pg_hba": [
                    f"host all all {HOST}/32 scram-sha-256",
                    f"host replication {_REPLICATOR} {HOST}/32 scram-sha-256",
                ],
            },
        }


@final
class Cluster:
    """Two nodes, of which one is the leader.

    Attributes:
        nodes: Both.
        haproxy_url: A libpq URL that HAProxy leads to the leader.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._etcd_port, self._etcd_peer_port = free_port(), free_port()
        passwords = [secrets.token_hex(16) for _ in range(2)]
        self.nodes = [
            Node(f"node{number}", folder, etcd_port=self._etcd_port, passwords=passwords)
            for number in (1, 2)
        ]
        port = free_port()
        self.haproxy_url = self.nodes[0].url.replace(f":{self.nodes[0].port}/", f":{port}/")
        self._haproxy_port = port
        self._etcd: subprocess.Popen[bytes] | None = None
        self._haproxy: subprocess.Popen[bytes] | None = None

    @property
    def hosts_url(self) -> str:
        """A libpq URL that names both servers."""
        first, second = self.nodes
        return first.url.replace(
            f"{HOST}:{first.port}", f"{HOST}:{first.port},{HOST}:{second.port}"
        )

    def start(self) -> None:
        """Start everything; return once the cluster is healthy."""
        self.start_etcd()
        for node in self.nodes:
            node.start_patroni()
        self._start_haproxy()
        self.until_healthy()

    def start_etcd(self) -> None:
        """Start etcd, with the data that it has."""
        client, peer = f"http://{HOST}:{self._etcd_port}", f"http://{HOST}:{self._etcd_peer_port}"
        options = {
            "name": "single",
            "data-dir": str(self._folder / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"single={peer}",
            "log-level": "error",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        self._etcd = self._started("etcd", words)

    def stop_etcd(self) -> None:
        """Kill etcd."""
        assert self._etcd is not None
        self._etcd.kill()
        self._etcd.wait()

    def leader(self) -> Node:
        """The node that accepts writes; of several, the one with the newest timeline."""
        return max(self.nodes, key=lambda node: node.timeline() or 0)

    def other(self, node: Node) -> Node:
        """The other node."""
        return self.nodes[1 - self.nodes.index(node)]

    def until_promoted(self, nodes: Sequence[Node], after: int) -> float:
        """Return the moment at which one of them is a primary of a newer timeline."""
        self._until(
            lambda: any((node.timeline() or 0) > after for node in nodes),
            "a standby should be promoted by now",
        )
        return time.monotonic()

    def switch_over(self) -> None:
        """Ask Patroni to make the other node the leader."""
        leader = self.leader()
        answer = httpx.post(
            f"http://{HOST}:{leader.rest_port}/switchover",
            json={"leader": leader.name, "candidate": self.other(leader).name},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )
        assert answer.is_success, answer.text

    def until_healthy(self) -> None:
        """Start what doesn't run; return once the leader has a synchronous standby."""
        for node in self.nodes:
            node.start_patroni()
        self._until(self._is_healthy, "the cluster should be healthy by now")

    def close(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.close()
        for process in (self._haproxy, self._etcd):
            if process is not None:
                process.kill()
                process.wait()

    def _is_healthy(self) -> bool:
        with suppress(httpx.TransportError, json.JSONDecodeError, KeyError):
            answer = httpx.get(
                f"http://{HOST}:{self.nodes[0].rest_port}/cluster", timeout=5, trust_env=False
            )
            roles = {each["name"]: each["role"] for each in answer.json()["members"]}
            leaders = [node for node in self.nodes if roles.get(node.name) == "leader"]
            return (
                set(roles.values()) == {"leader", "sync_standby"}
                and [node.timeline() is not None for node in self.nodes].count(True) == 1
                and leaders[0].has_synchronous_standby()
            )
        return False

    def _until(self, condition: Any, otherwise: str) -> None:
        try:
            wait_for(condition, otherwise, patience=PATIENCE_SECONDS)
        except AssertionError as error:
            logs = "\n".join(f"{node.name}:\n{node.logged()}" for node in self.nodes)
            raise AssertionError(f"{error}\n{logs}") from error

    def _start_haproxy(self) -> None:
        lines = [_HAPROXY.format(host=HOST, port=self._haproxy_port)]
        lines += [
            f"    server {node.name} {HOST}:{node.port} check port {node.rest_port}\n"
            for node in self.nodes
        ]
        file = self._folder / "haproxy.cfg"
        file.write_text("".join(lines))
        self._haproxy = self._started("haproxy", ["-db", "-f", str(file)])

    def _started(self, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [program(name), *words],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@contextmanager
def patroni_cluster() -> Iterator[Cluster]:
    """A healthy cluster, until the block ends."""
    with ExitStack() as stack:
        folder = stack.enter_context(database_folder())
        # PostgreSQL doesn't run as root, so that other users must get in.
        folder.chmod(0o755)
        cluster = Cluster(folder)
        stack.callback(cluster.close)
        cluster.start()
        yield cluster


def _user() -> str | None:
    return _OWNER if os.geteuid() == 0 else None


def _give_away(path: Path) -> None:
    user = _user()
    if user is not None:
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
    path.chmod(0o700)
