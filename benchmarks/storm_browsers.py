"""Very many browsers that sign in at the same moment: `python -m benchmarks.storm_browsers ...`.

All start at once. Once all have signed in at the simulated VA, all callbacks come at once. Who is
told to come again does so after the time that the answer names.
"""

import asyncio
import json
import random
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from benchmarks.browsers import consent
from benchmarks.http_client import Answer, Connection
from benchmarks.processes import BenchmarkError

#: How many browsers are at the simulated VA's pages at once: they aren't measured.
_AT_VA: Final = 8
#: What the page asks for that a refused callback leads to, which has no header for it.
_PAUSE_SECONDS: Final = 5
_NOT_NOW: Final = {429, 503}
_GIVE_UP_SECONDS: Final = 300
#: The same callback can come again.
_POSTPONED: Final = frozenset({"provider_unavailable", "service_unavailable"})


@dataclass(kw_only=True)
class Storm:
    """The answers by kind, and the seconds until each browser was signed in."""

    answers: Counter[str] = field(default_factory=Counter)
    starts: list[float] = field(default_factory=list)
    callbacks: list[float] = field(default_factory=list)


async def main(service: str, sandbox: str, first: int, count: int) -> None:
    """Lets all browsers sign in, and prints one line of JSON for each part of the storm."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    storm = Storm()
    numbers = range(first, first + count)
    began = time.perf_counter()
    started = await asyncio.gather(*(_start(service, storm, began) for _ in numbers))
    _say("started", {"answers": storm.answers, "seconds": max(storm.starts)})
    at_va = asyncio.Semaphore(_AT_VA)
    callbacks = await asyncio.gather(
        *(
            _at_va(sandbox, each.header("location"), number, at_va)
            for each, number in zip(started, numbers, strict=True)
        )
    )
    _say("consented", {})
    began = time.perf_counter()
    await asyncio.gather(
        *(
            _call_back(
                storm,
                service=service,
                sandbox=sandbox,
                path=path,
                cookies=each.cookies,
                number=number,
                began=began,
            )
            for each, path, number in zip(started, callbacks, numbers, strict=True)
        )
    )
    median = sorted(storm.callbacks)[count // 2]
    _say(
        "signed in",
        {"answers": storm.answers, "seconds": max(storm.callbacks), "median": median},
    )


async def _start(service: str, storm: Storm, began: float) -> Answer:
    while True:
        answer = await _get(service, "/api/v1/va/login")
        storm.answers[f"start: {answer.status}"] += 1
        if answer.status == 303:
            storm.starts.append(time.perf_counter() - began)
            return answer
        if answer.status not in _NOT_NOW or not answer.header("retry-after"):
            raise BenchmarkError(f"a start was answered with {answer.status}")
        await _pause(float(answer.header("retry-after")), began)


async def _at_va(sandbox: str, url: str, number: int, room: asyncio.Semaphore) -> str:
    async with room, Connection.to(sandbox) as va:
        return await consent(va, url, number)


async def _call_back(
    storm: Storm,
    *,
    service: str,
    sandbox: str,
    path: str,
    cookies: str,
    number: int,
    began: float,
) -> None:
    while True:
        answer = await _get(service, path, cookies)
        target = urlsplit(answer.header("location"))
        error = parse_qs(target.query).get("error", [""])[0]
        seconds: float = _PAUSE_SECONDS
        if answer.status == 303 and target.path == "/va-success":
            storm.answers["callback: signed in"] += 1
            storm.callbacks.append(time.perf_counter() - began)
            return
        if answer.status == 303 and answer.header("location").startswith(sandbox):
            # VA was too late, and the service began the sign-in again.
            storm.answers["callback: 303 to VA again"] += 1
            async with Connection.to(sandbox) as va:
                path = await consent(va, answer.header("location"), number)
            cookies = f"{cookies}; {answer.cookies}"
            continue
        if answer.status == 303 and error in _POSTPONED:
            storm.answers[f"callback: 303 to `{error}`, to be repeated"] += 1
        elif answer.status in _NOT_NOW and answer.header("retry-after"):
            storm.answers[f"callback: {answer.status}"] += 1
            seconds = float(answer.header("retry-after"))
        else:
            raise BenchmarkError(f"a callback was answered with {answer.status} {target.query}")
        await _pause(seconds, began)


async def _get(service: str, path: str, cookies: str = "") -> Answer:
    async with Connection.to(service) as connection:
        return await connection.request("GET", path, headers={"Cookie": cookies} if cookies else {})


async def _pause(seconds: float, began: float) -> None:
    if time.perf_counter() - began > _GIVE_UP_SECONDS:
        raise BenchmarkError("some browsers were never let in")
    # Browsers don't come back in the same millisecond.
    await asyncio.sleep(seconds * random.uniform(1, 1.5))


def _say(part: str, figures: dict[str, object]) -> None:
    print(json.dumps({"part": part, **figures}), flush=True)


if __name__ == "__main__":
    _, _service, _sandbox, _first, _count = sys.argv
    try:
        asyncio.run(main(_service, _sandbox, int(_first), int(_count)))
    except BenchmarkError as _error:
        sys.exit(str(_error))
