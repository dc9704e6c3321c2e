"""Browsers that sign in through a service and the simulated VA."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from benchmarks.http_client import Answer, Connection, target_of
from benchmarks.processes import BenchmarkError, Server

_REDIRECTS: Final = {HTTPStatus.SEE_OTHER, HTTPStatus.FOUND}


@dataclass(frozen=True, kw_only=True)
class Waits:
    """How long the service let the browser of one sign-in wait, in seconds."""

    start: float
    callback: float


async def sign_ins(
    service: Server, sandbox: Server, veterans: Iterator[int], *, at_once: int, seconds: float
) -> list[Waits]:
    """Signs in one Veteran after another, ``at_once`` at a time."""
    waits: list[Waits] = []
    until = time.perf_counter() + seconds

    async def browse() -> None:
        async with Connection.to(service.url) as ours, Connection.to(sandbox.url) as va:
            while not waits or time.perf_counter() < until:
                waits.append(await _sign_in(ours, va, next(veterans)))

    await asyncio.gather(*(browse() for _ in range(at_once)))
    return waits


async def sign_in_each(service: Server, sandbox: Server, veterans: Iterator[int]) -> int:
    """Signs in all of the Veterans, one after another, and returns how many there were."""
    count = 0
    async with Connection.to(service.url) as ours, Connection.to(sandbox.url) as va:
        for veteran in veterans:
            await _sign_in(ours, va, veteran)
            count += 1
    return count


async def _sign_in(ours: Connection, va: Connection, veteran: int) -> Waits:
    began = time.perf_counter()
    started = await ours.request("GET", "/api/v1/va/login")
    start = time.perf_counter() - began
    callback = await consent(va, redirect(started), veteran)
    began = time.perf_counter()
    done = await ours.request("GET", callback, headers={"Cookie": started.cookies})
    waits = Waits(start=start, callback=time.perf_counter() - began)
    if "/va-success" not in redirect(done):
        raise BenchmarkError(f"a sign-in ended at {redirect(done)}")
    return waits


async def consent(va: Connection, authorization_url: str, veteran: int) -> str:
    """Signs a Veteran in at the simulated VA, and returns the callback's path with its query."""
    page = await va.request("GET", target_of(authorization_url))
    waiting = page.body.decode().split('name="request" value="')[1].split('"')[0]
    form = urlencode({"request": waiting, "veteran": f"synthetic-{veteran}"}).encode()
    decided = await va.request(
        "POST",
        target_of(authorization_url).partition("?")[0],
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=form,
    )
    return target_of(redirect(decided))


def redirect(answer: Answer) -> str:
    """Returns where an answer redirects to."""
    if answer.status not in _REDIRECTS:
        raise BenchmarkError(f"expected a redirect, got {answer.status}: {answer.body[:200]!r}")
    return answer.header("location")
