"""The load generator if wrk isn't installed: `python -m benchmarks.python_load URL ...`."""

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from benchmarks.figures import percentile
from benchmarks.http_client import Connection, target_of

_MILLISECONDS = 1000


async def call(
    url: str, tokens: Iterator[str], until: float, think: tuple[int, int]
) -> tuple[list[float], int]:
    """Sends requests on one connection until ``until``.

    Returns:
        The time of each answer in seconds, and the number of errors.
    """
    took: list[float] = []
    errors = 0
    path = target_of(url)
    async with Connection.to(url) as connection:
        while time.perf_counter() < until:
            if think[1]:
                await asyncio.sleep(random.randint(*think) / _MILLISECONDS)
            began = time.perf_counter()
            answer = await connection.request(
                "GET", path, headers={"Authorization": f"Bearer {next(tokens)}"}
            )
            took.append(time.perf_counter() - began)
            errors += answer.status != HTTPStatus.OK
    return took, errors


async def main(
    url: str, connections: int, seconds: float, tokens: list[str], think: tuple[int, int]
) -> None:
    """Sends requests on all connections and prints the results as one line of JSON."""
    turns = itertools.cycle(tokens)
    began = time.perf_counter()
    calls = [call(url, turns, began + seconds, think) for _ in range(connections)]
    results = await asyncio.gather(*calls)
    took = [each for times, _ in results for each in times]
    summary = {
        "requests": len(took),
        "seconds": time.perf_counter() - began,
        "p50_ms": percentile(took, 0.50) * _MILLISECONDS,
        "p99_ms": percentile(took, 0.99) * _MILLISECONDS,
        "errors": sum(errors for _, errors in results),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    _, _url, _connections, _seconds, _tokens, *_think = sys.argv
    asyncio.run(
        main(
            _url,
            int(_connections),
            float(_seconds),
            Path(_tokens).read_text().split(),
            (int(_think[0]), int(_think[1])),
        )
    )
