"""The event loop of the tests and of their worker processes: the one the service is deployed on."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import uvloop

_T = TypeVar("_T")

#: For AnyIO's pytest plugin.
BACKEND: Final[tuple[str, dict[str, Any]]] = ("asyncio", {"use_uvloop": True})


def new_runner() -> asyncio.Runner:
    """Runs one coroutine after another on the same loop."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run ``main`` to its end, as asyncio.run does."""
    with new_runner() as own:
        return own.run(main)
