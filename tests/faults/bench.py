"""Rounds of faults under load, and what was lost in them."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, final

import httpx

from adapters.postgres.migrations import migrate
from tests.faults.ledger import compare, read
from tests.faults.load import clients, until_served
from tests.faults.outcome import Outcome
from tests.support.caller import PATIENCE_SECONDS, connections_in_use
from tests.support.clusters import Server, mortal_server
from tests.support.databases import rows_of
from tests.support.processes import HOST, free_port, run, running
from tests.support.whole_product import WholeProduct, whole_product

_AGAIN_SECONDS: Final = 0.02
#: How many acts must be acknowledged between two faults.
_ACTS_BETWEEN: Final = 15
#: Within the deadline of the database work, and beyond it.
_FREEZE_SECONDS: Final = (0.5, 6.0, 1.0, 0.5)
#: Ten hours: no session of the bench expires, so that one that isn't accepted was refused.
_LIFE_MINUTES: Final = 10 * 60
_BACKEND: Final = """
SELECT pid FROM pg_stat_activity WHERE application_name = 'vetassist' ORDER BY state = 'active' DESC
"""


@final
class FaultBench:
    """A service on a PostgreSQL of its own, over TCP; both can be killed and started again."""

    def __init__(
        self, server: Server, product: WholeProduct, metrics_url: str, folder: Path
    ) -> None:
        self._server = server
        self._product = product
        self._metrics_url = metrics_url
        self._folder = folder
        self._service = product.service
        self._services = ExitStack()

    def kill_postgres(self, number: int) -> float:
        """Kill every process of PostgreSQL, or one backend, which makes the server crash."""
        began = time.monotonic()
        if number % 2:
            self._server.kill(all_at_once=True)
            self._server.start()
        else:
            pids = rows_of(self._server.url, _BACKEND)
            os.kill(pids[0]["pid"], signal.SIGKILL)
        self._server.wait_until_up()
        return began

    def kill_service(self, _number: int) -> float:
        """Kill the service and start it again."""
        began = time.monotonic()
        self._end_service()
        self._start_service()
        return began

    def kill_both(self, _number: int) -> float:
        """Kill PostgreSQL and the service, and start both again."""
        began = time.monotonic()
        self._end_service()
        self._server.kill(all_at_once=True)
        self._server.start()
        self._server.wait_until_up()
        self._start_service()
        return began

    def freeze_postgres(self, number: int) -> float:
        """Stop every process of PostgreSQL for a while."""
        self._server.freeze()
        try:
            time.sleep(_FREEZE_SECONDS[number % len(_FREEZE_SECONDS)])
        finally:
            self._server.thaw()
        return time.monotonic()

    def measure(self, kind: str, rounds: int) -> Outcome:
        """Let a fault happen so many times, and look at what is there afterwards."""
        fault = KINDS[kind]
        path = self._folder / f"{kind.replace(' ', '-')}.ledger"
        with clients(self._product.url, path) as until_acts:
            back = []
            for number in range(rounds):
                until_acts(_ACTS_BETWEEN)
                began = fault(self, number)
                until_served(self._product.url)
                back.append(time.monotonic() - began)
            until_acts(_ACTS_BETWEEN)
        told = read(path)
        return Outcome(
            kind=kind,
            told=told,
            in_use=self._in_use_at_rest(),
            found=compare(told, self._server.url, self._product.url),
            back_seconds=back,
        )

    def audit_verifies(self) -> bool:
        """Whether ``vetassist audit verify`` finds nothing. The service seals every second."""
        return run("audit", "verify", environment=self._product.environment).returncode == 0

    def close(self) -> None:
        """End the service that was started last."""
        self._services.close()

    def _end_service(self) -> None:
        self._service.process.kill()
        self._service.process.wait()

    def _start_service(self) -> None:
        self._services.close()
        self._service = self._services.enter_context(
            running(
                "serve",
                environment=self._product.environment,
                log=self._folder / "service-again.log",
                ready="/readyz",
                port=httpx.URL(self._product.url).port,
            )
        )

    def _in_use_at_rest(self) -> float:
        began = time.monotonic()
        while (in_use := connections_in_use(self._metrics_url)) and (
            time.monotonic() - began < PATIENCE_SECONDS
        ):
            time.sleep(_AGAIN_SECONDS)
        return in_use


KINDS: Final[dict[str, Callable[[FaultBench, int], float]]] = {
    "PostgreSQL killed": FaultBench.kill_postgres,
    "service killed": FaultBench.kill_service,
    "both killed": FaultBench.kill_both,
    "PostgreSQL frozen": FaultBench.freeze_postgres,
}


@contextmanager
def fault_bench(folder: Path) -> Iterator[FaultBench]:
    """Everything that a bench needs, until the block ends."""
    metrics_port = free_port()
    with mortal_server() as server:
        migrate(server.url)
        with whole_product(
            folder,
            server.url,
            metrics_port=metrics_port,
            jwt_expiry_minutes=_LIFE_MINUTES,
            session_idle_minutes=_LIFE_MINUTES,
            audit_seal_interval_seconds=1,
        ) as product:
            metrics_url = f"http://{HOST}:{metrics_port}/metrics"
            bench = FaultBench(server, product, metrics_url, folder)
            try:
                yield bench
            finally:
                bench.close()
