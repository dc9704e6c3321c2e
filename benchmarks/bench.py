"""What all suites share: a database server, secrets, processors, and a load generator."""

import os
import secrets
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from adapters.postgres.migrations import migrate
from benchmarks.cores import Cores
from benchmarks.load import Load, load_of_this_machine
from benchmarks.plan import Plan
from benchmarks.processes import HOST, REPOSITORY, BenchmarkError, Server, free_port, serving
from benchmarks.reference_app import DATABASE, SECRET
from benchmarks.sessions import fill, tokens, tokens_file
from entrypoints.embedded_postgres import embedded_postgres
from entrypoints.sandbox.settings import VA_SANDBOX_ISSUER

NOTHING: Final[Mapping[str, str | int]] = {}
SERVICE: Final = (sys.executable, "-m", "entrypoints.cli", "serve")
SANDBOX: Final = (sys.executable, "-m", "entrypoints.cli", "sandbox")
_REFERENCE: Final = (sys.executable, "-m", "benchmarks.reference_app")
_LITERAL: Final = (sys.executable, "-m", "benchmarks.literal_design")
#: Typical settings for a server of this size. Everything else is PostgreSQL's default, so every
#: commit reaches the disk before it is acknowledged.
DATABASE_CONFIGURATION: Final = "shared_buffers = 512MB\nmax_wal_size = 4GB\n"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One run.

    Attributes:
        folder: Holds logs, scripts and tokens. It is removed after the run.
        environment: The environment of all our processes, without the database URL.
        say: Prints a progress message.
    """

    plan: Plan
    cores: Cores
    folder: Path
    server_url: str
    environment: dict[str, str]
    load: Load
    say: Callable[[str], None]

    def database(self, name: str, sessions: int = 0, *, standing: int | None = None) -> str:
        """Returns the URL of a database with the current schema, created on first use.

        Args:
            name: The name of the database.
            sessions: How many sessions to store.
            standing: How many of them stand. By default, enough for the tokens of the load.
        """
        url = make_conninfo(self.server_url, dbname=name)
        with psycopg.connect(self.server_url, autocommit=True) as server:
            known = server.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
            if known.fetchone() is not None:
                return url
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        migrate(url)
        if sessions:
            self.say(f"  storing {sessions:,} sessions in a database")
            fill(url, sessions, standing or self.plan.sessions)
        return url

    def tokens(self, database_url: str, count: int, *, skip: int = 0) -> list[str]:
        """Returns the tokens of ``count`` sessions that stand."""
        return tokens(database_url, self.environment[SECRET], count, skip=skip)

    def tokens_file(self, database_url: str, count: int | None = None) -> Path:
        """Writes a file with the tokens that the load uses in turn, and returns its path."""
        given = self.tokens(database_url, count or self.plan.sessions)
        return tokens_file(self.folder / f"{secrets.token_hex(4)}.tokens", given)

    def service(
        self,
        database_url: str,
        *,
        workers: int = 1,
        pinned: bool = True,
        command: Sequence[str | Path] = SERVICE,
        port: int | None = None,
        settings: Mapping[str, str | int] = NOTHING,
    ) -> AbstractContextManager[Server]:
        """Runs our service until the block ends.

        Args:
            settings: Additional settings, by name without the prefix and in lower case.
        """
        return serving(
            [*command, "--workers", str(workers)],
            environment=self._environment_with(database_url, settings),
            cores=self.cores.service if pinned else self.cores.every,
            log=self.folder / "service.log",
            ready="/readyz",
            port=port,
        )

    def command(self, database_url: str, *arguments: str | Path) -> str:
        """Runs a command on the service's processor and returns its output.

        Raises:
            BenchmarkError: The command failed.
        """
        ended = subprocess.run(
            ["taskset", "--cpu-list", ",".join(map(str, self.cores.service)), *arguments],
            env=self.environment | {DATABASE: database_url},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise BenchmarkError(f"{arguments} failed:\n{ended.stderr}")
        return ended.stdout

    @contextmanager
    def product(
        self, database_url: str, *, is_literal: bool = False
    ) -> Iterator[tuple[Server, Server]]:
        """Runs a service and the simulated VA that it uses until the block ends.

        Args:
            database_url: The database of the service.
            is_literal: Run the literal design, not our service.
        """
        service_port, sandbox_port = free_port(), free_port()
        sandbox_url = f"http://{HOST}:{sandbox_port}"
        va = f"{sandbox_url}/oauth2/veteran-verification/v1"
        settings: dict[str, str | int] = {
            "public_url": f"http://{HOST}:{service_port}",
            "frontend_url": f"http://{HOST}:{service_port}",
            "va_discovery_url": f"{va}/.well-known/openid-configuration",
            "va_issuer": VA_SANDBOX_ISSUER,
            "va_status_url": f"{sandbox_url}/services/veteran_verification/v2/status",
        }
        sandbox = serving(
            SANDBOX,
            environment=self._environment_with(database_url, settings),
            cores=self.cores.others,
            log=self.folder / "sandbox.log",
            ready="/oauth2/veteran-verification/v1/keys",
            port=sandbox_port,
        )
        service = (
            serving(
                _LITERAL,
                environment=self._environment_with(database_url, settings),
                cores=self.cores.service,
                log=self.folder / "literal.log",
                ready="/readyz",
                port=service_port,
            )
            if is_literal
            else self.service(database_url, port=service_port, settings=settings)
        )
        with sandbox as simulated, service as serves:
            yield serves, simulated

    def empty_database(self, name: str) -> str:
        """Creates a database without any table, and returns its URL."""
        with psycopg.connect(self.server_url, autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(self.server_url, dbname=name)

    def _environment_with(
        self, database_url: str, settings: Mapping[str, str | int]
    ) -> dict[str, str]:
        variables = {f"VETASSIST_{name.upper()}": str(value) for name, value in settings.items()}
        return self.environment | {DATABASE: database_url} | variables

    def reference(self, database_url: str) -> AbstractContextManager[Server]:
        """Runs the services that ours is compared with until the block ends."""
        return serving(
            _REFERENCE,
            environment=self.environment | {DATABASE: database_url},
            cores=self.cores.service,
            log=self.folder / "reference.log",
            ready="/constant",
        )


@contextmanager
def opened(plan: Plan, folder: Path, say: Callable[[str], None]) -> Iterator[Bench]:
    """Starts what all suites share and stops it after the block."""
    cores = Cores.of_this_machine()
    # This process and its children don't use the service's processor.
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.others)
    try:
        # Over TCP, as in a deployment.
        with embedded_postgres(
            folder / "postgres", configuration=DATABASE_CONFIGURATION, over_tcp=True
        ) as url:
            yield Bench(
                plan=plan,
                cores=cores,
                folder=folder,
                server_url=url,
                environment=_environment(),
                load=load_of_this_machine(folder),
                say=say,
            )
    finally:
        os.sched_setaffinity(0, before)


def _environment() -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("VETASSIST_")}
    return plain | {
        SECRET: secrets.token_hex(32),
        "VETASSIST_AUDIT_KEY": secrets.token_hex(32),
        "VETASSIST_TOKEN_KEYS": "k1:" + urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "VETASSIST_VA_CLIENT_ID": "vetassist_bench",
        "VETASSIST_VA_CLIENT_SECRET": secrets.token_hex(32),
        "VETASSIST_LOG_LEVEL": "WARNING",
        # The purge is measured on its own, and all sign-ins come from one address.
        "VETASSIST_PURGE_INTERVAL_MINUTES": "0",
        "VETASSIST_LOGIN_RATE": "0",
    }
