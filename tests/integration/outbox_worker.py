"""A process that dies when VA has revoked a token, before it could write that down.

    python -m tests.integration.outbox_worker DATABASE_URL LOG

Appends a line to LOG for each token that it gets revoked. The master keys come from the
environment, as VETASSIST_TOKEN_KEYS.
"""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch

from adapters.memory.identity_provider import MemoryIdentityProvider
from adapters.postgres.pool import build_pool, opened
from domain.secret import Secret
from entrypoints.settings_reader import read_settings
from tests.support.event_loop import run
from tests.support.service import a_service
from tests.support.storage import postgres_storage


async def _work(database_url: str, log: Path) -> None:
    async def revoke(
        _self: MemoryIdentityProvider, _token: Secret, *, is_refresh_token: bool
    ) -> NoReturn:
        with log.open("a") as lines:
            lines.write(f"{is_refresh_token}\n")
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it is dead")

    with patch.object(MemoryIdentityProvider, "revoke", revoke):
        async with opened(build_pool(database_url, max_size=2)) as pool:
            service = a_service(postgres_storage(pool), read_settings(os.environ))
            await service.container.revoke_at_va().execute()


if __name__ == "__main__":
    run(_work(sys.argv[1], Path(sys.argv[2])))
