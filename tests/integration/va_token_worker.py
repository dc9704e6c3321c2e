"""A process of back ends that want the same Veteran's token at the same moment.

    python -m tests.integration.va_token_worker

Takes its settings from the environment. For each line ``USER_ID SESSION_ID COUNT`` that it reads
it asks for the token COUNT times at once, and writes a line of JSON: for each, a fingerprint of
what it got, or the code of what it was refused with.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Final, TypeVar
from uuid import UUID

from application.errors import ApplicationError, UnavailableError
from application.use_cases.va_access.use_va_token import UseVATokenCommand
from domain.identifiers import SessionId, UserId
from domain.session_standing import SessionStanding
from domain.va_token_use import TokenPurpose
from domain.visitor import Visitor
from entrypoints.container import Container
from entrypoints.settings_reader import read_settings
from tests.support.event_loop import run
from tests.support.service import open_storage

_T = TypeVar("_T")

_TRIES: Final = 20


async def _work() -> None:
    container = Container(settings=read_settings(os.environ))
    async with (
        open_storage(container),
        container.va_token_refresher(),
    ):
        while line := await asyncio.to_thread(sys.stdin.readline):
            user, session, count = line.split()
            ids = UserId(UUID(user)), SessionId(UUID(session))
            found = await _persistently(partial(container.session_lookup().find, *ids))
            assert found is not None
            got = await asyncio.gather(*(_use(container, found) for _ in range(int(count))))
            print(json.dumps(got), flush=True)  # noqa: T201 - the answer


async def _use(container: Container, session: SessionStanding) -> str:
    command = UseVATokenCommand(
        user_id=session.user_id,
        session_id=session.session_id,
        client_id="a-back-end",
        purpose=TokenPurpose.VETERAN_STATUS,
        scopes=frozenset({"veteran_status.read"}),
        visitor=Visitor(),
    )
    try:
        token = await _persistently(partial(container.use_va_token().execute, command))
    except ApplicationError as error:
        return error.code
    return sha256(token.access_token.reveal().encode()).hexdigest()


async def _persistently(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask until there is an answer, as a client does that is told to try again."""
    for _ in range(_TRIES):
        with suppress(UnavailableError):
            return await ask()
    return await ask()


if __name__ == "__main__":
    run(_work())
