"""A process that seals the audit trail and dies at one step of it.

    python -m tests.integration.seal_worker DATABASE_URL CHECKPOINTS STEP

``STEP`` is one of STEPS. The settings come from the environment.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from adapters.encryption.audit_keys import AuditKeyRing
from adapters.encryption.seal_keys import HMACSealKeys
from adapters.postgres.audit_seals import PostgresAuditSeals
from adapters.postgres.pool import build_pool, opened
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.system import audit_checkpoints
from adapters.system.audit_checkpoints import LineAuditCheckpoints
from application.use_cases.evidence.seal_audit import SealAudit
from entrypoints.settings_reader import read_settings
from tests.support.event_loop import run
from tests.support.frozen_clock import frozen_clock

_METHODS: Final[dict[str, tuple[type[Any], str]]] = {
    "turn": (PostgresAuditSeals, "take_turn"),
    "newest": (PostgresAuditSeals, "newest"),
    "unsealed": (PostgresAuditSeals, "unsealed"),
    "add": (PostgresAuditSeals, "add"),
    "commit": (PostgresUnitOfWork, "commit"),
    "tell": (LineAuditCheckpoints, "tell"),
}
_HALF_A_LINE: Final = "half a line"
STEPS: Final = [
    *(f"{when} {what}" for what in _METHODS for when in ("before", "after")),
    _HALF_A_LINE,
]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(method: Callable[..., Awaitable[Any]], *, before: bool) -> Callable[..., Awaitable[Any]]:
    async def dying(*arguments: Any, **options: Any) -> Any:
        if before:
            _die()
        result = await method(*arguments, **options)
        _die()
        return result

    return dying


def _half_a_line(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(line[: len(line) // 2])
    _die()


async def _work(database_url: str, checkpoints: str, step: str) -> None:
    with ExitStack() as stack:
        if step == _HALF_A_LINE:
            stack.enter_context(patch.object(audit_checkpoints, "_append", _half_a_line))
        else:
            when, _, what = step.partition(" ")
            kind, name = _METHODS[what]
            dying = _dying(getattr(kind, name), before=when == "before")
            stack.enter_context(patch.object(kind, name, dying))
        pool = build_pool(database_url, max_size=1)
        key = read_settings(os.environ).audit_key.reveal()
        async with opened(pool):
            await SealAudit(
                unit_of_work=lambda: PostgresUnitOfWork(pool),
                keys=HMACSealKeys(AuditKeyRing(key)),
                checkpoints=LineAuditCheckpoints(checkpoints),
                clock=frozen_clock(),
                batch_limit=4,
            ).execute()


if __name__ == "__main__":
    run(_work(*sys.argv[1:]))
