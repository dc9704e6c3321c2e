"""Revokes sessions through one process and validates them immediately through another."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from benchmarks.bench import Bench
from benchmarks.figures import Section, Table, Target
from benchmarks.http_client import Connection
from benchmarks.load import Callers, in_background
from benchmarks.processes import BenchmarkError, Server
from benchmarks.sessions import SESSIONS_OF_A_USER

#: How many pairs are under way at once.
_AT_ONCE: Final = 8


@dataclass(kw_only=True)
class _Pairs:
    """The results so far."""

    done: int = 0
    stale: int = 0
    seconds: float = 0.0


def measure(bench: Bench) -> Section:
    """Validates each session through B, revokes it through A, and validates it through B again."""
    plan = bench.plan
    # One session of each user stands. Reserve some for the load.
    sessions = (plan.sessions + plan.revocations) * SESSIONS_OF_A_USER
    database = bench.database("revocation", sessions)
    given = bench.tokens(database, plan.revocations, skip=plan.sessions)
    if len(given) < plan.revocations:
        raise BenchmarkError("there are fewer sessions than pairs")
    with bench.service(database) as first, bench.service(database) as second:
        urls = [f"{server.url}/api/v1/verify" for server in (first, second)]
        callers = Callers(connections=max(2, plan.busiest // 4), tokens=bench.tokens_file(database))
        with in_background(bench.load, urls, callers, plan.seconds) as answered:
            pairs = asyncio.run(_pairs(first, second, given))
    table = Table(
        title="Revoke through one process, validate through another",
        head=(
            "Pairs",
            "Accepted although revoked",
            "Pairs per second",
            "Validations at the same time",
        ),
        rows=[
            (
                f"{pairs.done:,}",
                str(pairs.stale),
                f"{pairs.done / pairs.seconds:,.0f}",
                f"{sum(answered):,}",
            )
        ],
    )
    target = Target(
        aim=f"no stale acceptance in {plan.revocations:,} revoke-then-validate pairs under load, "
        "two processes",
        figure=f"{pairs.stale} of {pairs.done:,}",
        is_met=pairs.stale == 0 and pairs.done == plan.revocations,
    )
    return Section(tables=[table], targets=[target])


async def _pairs(first: Server, second: Server, given: list[str]) -> _Pairs:
    pairs = _Pairs()
    waiting = iter(given)
    began = time.perf_counter()
    await asyncio.gather(*(_work(first, second, waiting, pairs) for _ in range(_AT_ONCE)))
    pairs.seconds = time.perf_counter() - began
    return pairs


async def _work(first: Server, second: Server, waiting: Iterator[str], pairs: _Pairs) -> None:
    async with Connection.to(first.url) as revoking, Connection.to(second.url) as validating:
        for token in waiting:
            headers = {"Authorization": f"Bearer {token}"}
            before = await validating.request("GET", "/api/v1/verify", headers=headers)
            revoked = await revoking.request("DELETE", "/api/v1/session", headers=headers)
            after = await validating.request("GET", "/api/v1/verify", headers=headers)
            if (before.status, revoked.status) != (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
                raise BenchmarkError(f"a pair failed: {before.status}, {revoked.status}")
            if after.status not in {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED}:
                raise BenchmarkError(f"a pair ended with {after.status}")
            pairs.done += 1
            pairs.stale += after.status == HTTPStatus.OK
