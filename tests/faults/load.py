"""Load on a service while faults happen, and how long it is away."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from tests.support.caller import PATIENCE_SECONDS, Caller
from tests.support.processes import REPOSITORY

_AGAIN_SECONDS: Final = 0.02
#: So many validations on connections of their own, so that each worker answers some.
_VALIDATIONS: Final = 4


@contextmanager
def clients(
    url: str, ledger: Path, *, patience: float = PATIENCE_SECONDS, pause_seconds: float = 0
) -> Iterator[Callable[[int], None]]:
    """Run the client process. What this yields waits until more acts are acknowledged.

    Each client rests for ``pause_seconds`` after each of its sessions.
    """
    ledger.touch()
    arguments = [url, str(ledger), str(pause_seconds)]
    command = [sys.executable, "-m", "tests.faults.client", *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY) as process:
        seen = 0

        def until_acts(count: int) -> None:
            nonlocal seen
            wanted = seen + count
            wait_for(
                lambda: _lines(ledger) >= wanted or process.poll() is not None,
                "the clients' acts should be acknowledged by now",
                patience=patience,
            )
            assert process.poll() is None, "the client process has ended"
            seen = _lines(ledger)

        try:
            yield until_acts
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS * 2)


def until_served(url: str, *, patience: float = PATIENCE_SECONDS) -> None:
    """Return once a whole sign-in and validations succeed."""

    def is_served() -> bool:
        with Caller(url) as caller:
            held = caller.sign_in()
        return held is not None and all(_validates(url, held.token) for _ in range(_VALIDATIONS))

    wait_for(is_served, "it should be back by now", patience=patience)


def wait_for(
    condition: Callable[[], bool], otherwise: str, *, patience: float = PATIENCE_SECONDS
) -> None:
    """Return once the condition holds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience, otherwise
        time.sleep(_AGAIN_SECONDS)


def _validates(url: str, token: str) -> bool:
    with Caller(url) as caller:
        return caller.verify(token) == httpx.codes.OK


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")
