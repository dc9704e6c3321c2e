"""Rounds of fail-overs under load, and what was lost in them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, final

import httpx
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.postgres.migrations import migrate
from tests.failover.cluster import PATIENCE_SECONDS, TTL_SECONDS, Cluster, Node, patroni_cluster
from tests.faults.ledger import compare, read
from tests.faults.load import clients, until_served, wait_for
from tests.faults.outcome import Outcome
from tests.support.caller import connections_in_use
from tests.support.pgbouncer import pgbouncer
from tests.support.processes import HOST, run, running, two_free_ports
from tests.support.whole_product import WholeProduct, whole_product

_ACTS_BETWEEN: Final = 20
#: No session of the bench expires, so that one that isn't accepted was refused.
_LIFE_MINUTES: Final = 10 * 60
_WORKERS: Final = 2
#: A sign-in is several requests, each with a deadline of five seconds and some room.
_LONGEST_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One round of one kind.

    Attributes:
        leader: The leader when the round begins.
        until_acts: Waits until this many more acts are acknowledged.
    """

    cluster: Cluster
    leader: Node
    until_acts: Callable[[int], None]

    @property
    def standby(self) -> Node:
        """The standby when the round begins."""
        return self.cluster.other(self.leader)


_Act = Callable[[Turn], None]


class Way(StrEnum):
    """How the service reaches the primary."""

    HOSTS = "both hosts in the URL"
    HAPROXY = "HAProxy"
    PGBOUNCER = "PgBouncer at each host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A way for a primary to lose its role.

    Attributes:
        strike: What takes the role from the leader.
        later: What happens after the service is back, each under more load.
        counts_from_end: Whether time counts from the end of ``strike``, not its beginning.
        by_anyone: Whether the former leader may become the next one.
    """

    title: str
    strike: _Act
    later: Sequence[_Act] = ()
    counts_from_end: bool = False
    by_anyone: bool = False


def _kill_all(node: Node) -> None:
    node.kill_patroni()
    node.kill_postgres()


def _lose_etcd(turn: Turn) -> None:
    turn.cluster.stop_etcd()
    wait_for(
        lambda: turn.leader.timeline() is None,
        "it should have stepped back",
        patience=PATIENCE_SECONDS,
    )
    turn.cluster.start_etcd()


def _lose_one_after_the_other(turn: Turn) -> None:
    _kill_all(turn.standby)
    # The leader acknowledges these alone, so that the standby lacks them.
    turn.until_acts(_ACTS_BETWEEN)
    _kill_all(turn.leader)
    turn.standby.start_patroni()
    time.sleep(TTL_SECONDS * 1.5)
    assert turn.standby.timeline() is None, "a standby that lacks something must not be promoted"
    turn.leader.start_patroni()


def _must_be_a_primary_still(turn: Turn) -> None:
    assert turn.leader.timeline() is not None, "the former primary should live on"


KINDS: Final = (
    Kind(title="switchover", strike=lambda turn: turn.cluster.switch_over()),
    Kind(title="PostgreSQL killed", strike=lambda turn: turn.leader.kill_postgres()),
    Kind(title="PostgreSQL and Patroni killed", strike=lambda turn: _kill_all(turn.leader)),
    Kind(
        title="Patroni killed, PostgreSQL lives on",
        strike=lambda turn: turn.leader.kill_patroni(),
        later=(_must_be_a_primary_still,),
    ),
    Kind(
        title="both frozen, and PostgreSQL woken later",
        strike=lambda turn: turn.leader.freeze(),
        later=(
            lambda turn: turn.leader.thaw_postgres(),
            # Never wakes, as if its watchdog had fired: Debian's Patroni may take back a lock that
            # has expired meanwhile.
            lambda turn: turn.leader.kill_patroni(),
        ),
    ),
    Kind(title="etcd lost", strike=_lose_etcd, counts_from_end=True, by_anyone=True),
    Kind(
        title="standby lost, then the primary",
        strike=_lose_one_after_the_other,
        counts_from_end=True,
        by_anyone=True,
    ),
)


@dataclass(slots=True, kw_only=True)
class FailOvers:
    """What came of all rounds of one kind.

    Attributes:
        outcome: Its ``back_seconds`` count from the promotion.
        promoted_after: Seconds from the fault until a newer primary accepted writes.
    """

    outcome: Outcome
    promoted_after: list[float] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What broke a promise; empty if nothing did."""
        longest = self.outcome.told.longest_seconds
        slow = [f"{longest:.1f} s for one request"] if longest > _LONGEST_SECONDS else []
        return [*self.outcome.faults, *slow]


@final
class FailOverBench:
    """A service with two workers on a cluster."""

    def __init__(
        self, cluster: Cluster, product: WholeProduct, metrics_port: int, folder: Path
    ) -> None:
        self._cluster = cluster
        self._product = product
        self._metrics_port = metrics_port
        self._folder = folder
        self._ledgers = 0

    @contextmanager
    def served(self, way: Way) -> Iterator[None]:
        """Serve this way until the block ends."""
        with ExitStack() as stack:
            environment = {
                **self._product.environment,
                "VETASSIST_DATABASE_URL": self._database_url(way, stack),
                "VETASSIST_DATABASE_PREPARED_STATEMENTS": str(way is not Way.PGBOUNCER).lower(),
            }
            stack.enter_context(
                running(
                    "serve",
                    "--workers",
                    str(_WORKERS),
                    environment=environment,
                    log=self._folder / f"service-{way.name}.log",
                    ready="/readyz",
                    port=httpx.URL(self._product.url).port,
                )
            )
            yield

    def measure(self, kind: Kind, rounds: int) -> FailOvers:
        """Let a primary lose its role so many times, and look at what is there afterward."""
        self._ledgers += 1
        path = self._folder / f"{self._ledgers}.ledger"
        promoted_after, back_after = [], []
        with clients(self._product.url, path, patience=PATIENCE_SECONDS) as until_acts:
            for _ in range(rounds):
                until_acts(_ACTS_BETWEEN)
                until_promoted, until_back = self._strike(kind, until_acts)
                promoted_after.append(until_promoted)
                back_after.append(until_back)
            until_acts(_ACTS_BETWEEN)
        told = read(path)
        found = compare(told, self._cluster.leader().url, self._product.url)
        outcome = Outcome(
            kind=kind.title,
            told=told,
            found=found,
            in_use=self._in_use_at_rest(),
            back_seconds=back_after,
        )
        return FailOvers(outcome=outcome, promoted_after=promoted_after)

    def audit_verifies(self) -> bool:
        """Whether ``vetassist audit verify`` finds nothing at the primary."""
        environment = dict(self._product.environment)
        environment["VETASSIST_DATABASE_URL"] = self._cluster.leader().url
        ended = run("audit", "verify", environment=environment)
        return ended.returncode == 0

    def _strike(self, kind: Kind, until_acts: Callable[[int], None]) -> tuple[float, float]:
        """One round: seconds until a primary was promoted, and from then until service was back."""
        cluster = self._cluster
        leader = cluster.leader()
        timeline = leader.timeline()
        assert timeline is not None
        turn = Turn(cluster=cluster, leader=leader, until_acts=until_acts)
        began = time.monotonic()
        kind.strike(turn)
        if kind.counts_from_end:
            began = time.monotonic()
        candidates = cluster.nodes if kind.by_anyone else [turn.standby]
        promoted = cluster.until_promoted(candidates, timeline)
        until_served(self._product.url, patience=PATIENCE_SECONDS)
        back = time.monotonic()
        for act in kind.later:
            act(turn)
            until_acts(_ACTS_BETWEEN)
        cluster.until_healthy()
        return promoted - began, back - promoted

    def _database_url(self, way: Way, stack: ExitStack) -> str:
        cluster = self._cluster
        match way:
            case Way.HOSTS:
                return cluster.hosts_url
            case Way.HAPROXY:
                return cluster.haproxy_url
            case Way.PGBOUNCER:
                urls = [
                    stack.enter_context(pgbouncer(node.url, mode="transaction"))
                    for node in cluster.nodes
                ]
                ports = ",".join(str(conninfo_to_dict(url)["port"]) for url in urls)
                return make_conninfo(urls[0], host=f"{HOST},{HOST}", port=ports)

    def _in_use_at_rest(self) -> float:
        urls = [
            f"http://{HOST}:{self._metrics_port + number}/metrics" for number in range(_WORKERS)
        ]
        in_use = 0.0

        def is_at_rest() -> bool:
            nonlocal in_use
            in_use = sum(connections_in_use(url) for url in urls)
            return not in_use

        try:
            wait_for(is_at_rest, "all connections should be given back by now")
        except AssertionError:
            return in_use
        return 0.0


@contextmanager
def fail_over_bench(folder: Path) -> Iterator[FailOverBench]:
    """Everything that a bench needs, until the block ends."""
    metrics_port, _ = two_free_ports()
    with patroni_cluster() as cluster:
        migrate(cluster.leader().url)
        with whole_product(
            folder,
            cluster.hosts_url,
            metrics_port=metrics_port,
            jwt_expiry_minutes=_LIFE_MINUTES,
            session_idle_minutes=_LIFE_MINUTES,
            audit_seal_interval_seconds=1,
        ) as product:
            # Each way has a service of its own, at the same address and with the same secrets.
            product.service.stop()
            yield FailOverBench(cluster, product, metrics_port, folder)
