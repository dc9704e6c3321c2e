"""What every suite works with: a database server, secrets, processors, a load."""

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
#: What an operator gives a server of this size; everything else is PostgreSQL's default, so
#: every commit reaches the disk before it is acknowledged.
DATABASE_CONFIGURATION: Final = "shared_buffers = 512MB\nmax_wal_size = 4GB\n"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One run.

    Attributes:
        folder: For logs, scripts and tokens; it goes when the run is over.
        environment: What every process of ours is told, but for the database.
        say: Tells the person who waits.
    """

    plan: Plan
    cores: Cores
    folder: Path
    server_url: str
    environment: dict[str, str]
    load: Load
    say: Callable[[str], None]

    def database(self, name: str, sessions: int = 0) -> str:
        """A database with the current schema and so many sessions; made on first use.

        Of those enough stand for the load's tokens.
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
            fill(url, sessions, self.plan.sessions)
        return url

    def tokens(self, database_url: str, count: int, *, skip: int = 0) -> list[str]:
        """Tokens of so many sessions that stand there."""
        return tokens(database_url, self.environment[SECRET], count, skip=skip)

    def tokens_file(self, database_url: str) -> Path:
        """The tokens that the load takes turns with."""
        given = self.tokens(database_url, self.plan.sessions)
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
        """Our service, ready to work.

        Args:
            settings: Further ones by their names without the prefix, in lower case.
        """
        return serving(
            [*command, "--workers", str(workers)],
            environment=self._told(database_url, settings),
            cores=self.cores.service if pinned else self.cores.every,
            log=self.folder / "service.log",
            ready="/readyz",
            port=port,
        )

    def command(self, database_url: str, *arguments: str | Path) -> str:
        """What a command of ours prints that ends by itself; on the service's processor.

        Raises:
            BenchmarkError: It failed.
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
    def product(self, database_url: str) -> Iterator[tuple[Server, Server]]:
        """Our service and the simulated VA that it sends people to."""
        service_port, sandbox_port = free_port(), free_port()
        sandbox_url = f"http://{HOST}:{sandbox_port}"
        va = f"{sandbox_url}/oauth2/veteran-verification/v1"
        told: dict[str, str | int] = {
            "public_url": f"http://{HOST}:{service_port}",
            "frontend_url": f"http://{HOST}:{service_port}",
            "va_discovery_url": f"{va}/.well-known/openid-configuration",
            "va_issuer": VA_SANDBOX_ISSUER,
            "va_status_url": f"{sandbox_url}/services/veteran_verification/v2/status",
        }
        sandbox = serving(
            SANDBOX,
            environment=self._told(database_url, told),
            cores=self.cores.others,
            log=self.folder / "sandbox.log",
            ready="/oauth2/veteran-verification/v1/keys",
            port=sandbox_port,
        )
        service = self.service(database_url, port=service_port, settings=told)
        with sandbox as simulated, service as ours:
            yield ours, simulated

    def _told(self, database_url: str, settings: Mapping[str, str | int]) -> dict[str, str]:
        told = {f"VETASSIST_{name.upper()}": str(value) for name, value in settings.items()}
        return self.environment | {DATABASE: database_url} | told

    def reference(self, database_url: str) -> AbstractContextManager[Server]:
        """The services that ours is compared with."""
        return serving(
            _REFERENCE,
            environment=self.environment | {DATABASE: database_url},
            cores=self.cores.service,
            log=self.folder / "reference.log",
            ready="/constant",
        )


@contextmanager
def opened(plan: Plan, folder: Path, say: Callable[[str], None]) -> Iterator[Bench]:
    """Start what every suite needs; stop it in the end."""
    cores = Cores.of_this_machine()
    # This process and all that it starts keep off the service's processor.
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
        # A purge is measured by itself, and one address makes every sign-in.
        "VETASSIST_PURGE_INTERVAL_MINUTES": "0",
        "VETASSIST_LOGIN_RATE": "0",
    }
