"""A service under steady load, and what it holds meanwhile."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from adapters.postgres.migrations import migrate
from benchmarks.cores import memory_mib
from benchmarks.figures import percentile
from tests.faults.ledger import Found, Told, compare, read
from tests.faults.load import clients
from tests.support.caller import Caller
from tests.support.clusters import mortal_server
from tests.support.databases import rows_of
from tests.support.processes import run
from tests.support.whole_product import WholeProduct, whole_product

_SECONDS_BETWEEN_PROBES: Final = 0.1
_SECONDS_BETWEEN_LOOKS: Final = 5.0
#: How long each client rests after each of its sessions.
_CLIENTS_PAUSE_SECONDS: Final = 0.5
#: No session of the soak expires, so that one that isn't accepted was refused.
_LIFE_MINUTES: Final = 10 * 60
#: Full within the first part. With 20,000, remembering alone would take an hour and 10 MiB.
_REMEMBERED: Final = 1_000
_CONNECTIONS: Final = """
SELECT count(*) AS connections FROM pg_stat_activity
WHERE starts_with(application_name, 'vetassist')
"""
#: What may come on top of the first half's highest value. The interpreter's memory moves by
#: pages and arenas; connections and files come and go with requests.
_MORE_MEMORY_MIB: Final = 5.0
_MORE_FILES: Final = 10
_MORE_CONNECTIONS: Final = 5


@dataclass(slots=True)
class Span:
    """A part of the soak.

    Attributes:
        memory: VmRSS of the server process in MiB, at each look.
        connections: The service's, in ``pg_stat_activity``, at each look.
        files: Open file descriptors of the server process, sockets included, at each look.
        seconds: How long each probe's validation took.
        unexpected: Probes with another answer than 200.
    """

    memory: list[float] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    unexpected: int = 0

    @property
    def p99(self) -> float:
        """The 99th percentile of the probes, in seconds."""
        return percentile(sorted(self.seconds), 0.99)


@dataclass(slots=True, kw_only=True)
class Soaked:
    """What came of it."""

    spans: Sequence[Span]
    told: Told
    found: Found
    verifies: bool

    @property
    def faults(self) -> list[str]:
        """What broke a promise or grew; empty if nothing did."""
        found = self.found
        return [
            *growth(self.spans),
            *(f"lost: {each}" for each in found.lost),
            *(f"revived: {each}" for each in found.revived),
            *(f"refused: {each}" for each in found.refused),
            *(f"untold: {each}" for each in found.untold),
            *self.told.notes,
            *([] if self.verifies else ["the audit trail does not verify"]),
            *(
                f"{span.unexpected} probes without 200 in part {number}"
                for number, span in enumerate(self.spans, 1)
                if span.unexpected
            ),
        ]


def growth(spans: Sequence[Span]) -> list[str]:
    """What the second half holds more of than the first half did.

    Args:
        spans: At least three. The first one doesn't count: everything is still being loaded.
    """
    middle = (len(spans) + 1) // 2
    first, second = spans[1:middle], spans[middle:]
    faults = []
    for what, most, more in (
        ("MiB", lambda span: max(span.memory), _MORE_MEMORY_MIB),
        ("connections", lambda span: max(span.connections), _MORE_CONNECTIONS),
        ("files", lambda span: max(span.files), _MORE_FILES),
    ):
        before, after = max(map(most, first)), max(map(most, second))
        if after > before + more:
            faults.append(f"{what}: {before:g} in the first half, {after:g} in the second")
    return faults


def soak(folder: Path, *, minutes: float, parts: int) -> Soaked:
    """Let clients live sessions for so long, and look at the service all the time.

    Args:
        folder: An empty one, for secrets, logs and the ledger.
        minutes: How long.
        parts: In how many parts the figures are told.
    """
    ledger = folder / "ledger"
    with mortal_server() as server:
        migrate(server.url)
        with whole_product(
            folder,
            server.url,
            jwt_expiry_minutes=_LIFE_MINUTES,
            session_idle_minutes=_LIFE_MINUTES,
            audit_seal_interval_seconds=1,
            purge_interval_minutes=1,
            jwt_cache_size=_REMEMBERED,
        ) as product:
            with clients(product.url, ledger, pause_seconds=_CLIENTS_PAUSE_SECONDS):
                spans = [
                    _span(product, server.url, seconds=minutes * 60 / parts) for _ in range(parts)
                ]
            told = read(ledger)
            return Soaked(
                spans=spans,
                told=told,
                found=compare(told, server.url, product.url),
                verifies=run("audit", "verify", environment=product.environment).returncode == 0,
            )


def _span(product: WholeProduct, database_url: str, *, seconds: float) -> Span:
    span = Span()
    pid = product.service.process.pid
    began = last_look = time.monotonic()
    with Caller(product.url) as caller:
        held = caller.sign_in()
        assert held is not None
        while time.monotonic() - began < seconds or not span.memory:
            asked = time.monotonic()
            status = caller.verify(held.token)
            span.seconds.append(time.monotonic() - asked)
            span.unexpected += status != httpx.codes.OK
            if time.monotonic() - last_look >= _SECONDS_BETWEEN_LOOKS or not span.memory:
                last_look = time.monotonic()
                (row,) = rows_of(database_url, _CONNECTIONS)
                span.connections.append(row["connections"])
                span.memory.append(memory_mib(pid))
                span.files.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))
            time.sleep(_SECONDS_BETWEEN_PROBES)
    return span
