"""Sign-ins: our own work on storage, and end to end with the simulated VA."""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from benchmarks.bench import Bench
from benchmarks.cores import cpu_seconds
from benchmarks.figures import Section, Spread, Table, percentile
from benchmarks.http_client import Answer, Connection, target_of
from benchmarks.processes import BenchmarkError, Server

_AT_ONCE: Final = (1, 8)
_MILLISECONDS: Final = 1000
_SEE_OTHER: Final = {HTTPStatus.SEE_OTHER, HTTPStatus.FOUND}

_ON_STORAGE: Final = (
    "Without VA: consume the attempt, find or create the user, seal and store VA's tokens, store "
    "the session and the audit event, and issue the JWT. Every commit reaches the disk."
)
_ON_THE_WHOLE: Final = (
    "End to end: the start, the simulated VA's two pages, and the callback, which exchanges the "
    "code, verifies the ID token, asks for the Veteran's status, and stores the result. "
    "PostgreSQL, the simulated VA and the browsers share the other processor, which is saturated "
    "before the service's. The last column is what the service's processor could handle."
)


@dataclass(kw_only=True)
class _Seen:
    """The times of the callbacks, in seconds."""

    callbacks: list[float] = field(default_factory=list)


def measure(bench: Bench) -> Section:
    """Measures storage alone, then end to end."""
    database = bench.database("sign_in")
    tables = [_storage(bench, database), _end_to_end(bench, database)]
    return Section(
        tables=tables,
        notes=[_ON_STORAGE, _ON_THE_WHOLE],
    )


def storage_figures(bench: Bench, database: str, *, at_once: int, first: int) -> dict[str, float]:
    """Measures the work on storage once."""
    arguments = [str(each) for each in (at_once, first, bench.plan.sign_ins)]
    output = bench.command(database, sys.executable, "-m", "benchmarks.sign_in_work", *arguments)
    figures: dict[str, float] = json.loads(output)
    return figures


def _storage(bench: Bench, database: str) -> Table:
    plan = bench.plan
    numbers = itertools.count(step=plan.sign_ins)
    rows = []
    for at_once in _AT_ONCE:
        fresh: list[dict[str, float]] = []
        known: list[dict[str, float]] = []
        for number in range(plan.rounds):
            bench.say(f"  storage, {at_once} at once, round {number + 1} of {plan.rounds}")
            first = next(numbers)
            # In the second run, the users exist.
            for found in (fresh, known):
                found.append(storage_figures(bench, database, at_once=at_once, first=first))
        for who, found in (("first sign-in", fresh), ("returning", known)):
            rows.append((f"{who}, {at_once} at once", *_cells(found)))
    return Table(
        title="From callback to redirect, without VA",
        head=("", "Sign-ins per second", "Median, ms", "99th percentile, ms", "Processor, ms"),
        rows=rows,
    )


def _cells(found: list[dict[str, float]]) -> Iterator[str]:
    for figure, digits in (("rate", 0), ("p50", 2), ("p99", 2), ("cpu", 2)):
        yield Spread(tuple(each[figure] for each in found)).shown(digits)


def _end_to_end(bench: Bench, database: str) -> Table:
    plan = bench.plan
    rows = []
    veterans = itertools.count()
    with bench.product(database) as (service, sandbox):
        # The first sign-in fetches metadata and keys, so it doesn't count.
        asyncio.run(_sign_ins(service, sandbox, veterans, 1, 0.1))
        for at_once in _AT_ONCE:
            found: list[dict[str, float]] = []
            for number in range(plan.rounds):
                bench.say(f"  end to end, {at_once} at once, round {number + 1} of {plan.rounds}")
                cpu, began = cpu_seconds(service.pid), time.perf_counter()
                seen = asyncio.run(_sign_ins(service, sandbox, veterans, at_once, plan.seconds))
                seconds = time.perf_counter() - began
                count = len(seen.callbacks)
                cost = (cpu_seconds(service.pid) - cpu) / count
                found.append(
                    {
                        "rate": count / seconds,
                        "p50": percentile(seen.callbacks, 0.50) * _MILLISECONDS,
                        "p99": percentile(seen.callbacks, 0.99) * _MILLISECONDS,
                        "cpu": cost * _MILLISECONDS,
                    }
                )
            capacity = Spread(tuple(_MILLISECONDS / max(each["cpu"], 0.01) for each in found))
            rows.append((f"{at_once} at once", *_cells(found), capacity.shown()))
    return Table(
        title="End to end, with the simulated VA",
        head=(
            "",
            "Sign-ins per second",
            "Callback, median, ms",
            "Callback, 99th percentile, ms",
            "Service's processor per sign-in, ms",
            "Sign-ins per second and processor",
        ),
        rows=rows,
    )


async def _sign_ins(
    service: Server, sandbox: Server, veterans: Iterator[int], at_once: int, seconds: float
) -> _Seen:
    seen = _Seen()
    until = time.perf_counter() + seconds

    async def browse() -> None:
        async with Connection.to(service.url) as ours, Connection.to(sandbox.url) as va:
            while time.perf_counter() < until:
                await _sign_in(ours, va, next(veterans), seen)

    await asyncio.gather(*(browse() for _ in range(at_once)))
    return seen


async def _sign_in(ours: Connection, va: Connection, veteran: int, seen: _Seen) -> None:
    started = await ours.request("GET", "/api/v1/va/login")
    page = await va.request("GET", target_of(_redirect(started)))
    waiting = page.body.decode().split('name="request" value="')[1].split('"')[0]
    form = urlencode({"request": waiting, "veteran": f"synthetic-{veteran}"}).encode()
    decided = await va.request(
        "POST",
        target_of(_redirect(started)).partition("?")[0],
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=form,
    )
    callback = target_of(_redirect(decided))
    began = time.perf_counter()
    done = await ours.request("GET", callback, headers={"Cookie": started.cookies})
    seen.callbacks.append(time.perf_counter() - began)
    if "/va-success" not in _redirect(done):
        raise BenchmarkError(f"a sign-in ended at {_redirect(done)}")


def _redirect(answer: Answer) -> str:
    if answer.status not in _SEE_OTHER:
        raise BenchmarkError(f"expected a redirect, got {answer.status}: {answer.body[:200]!r}")
    return answer.header("location")
