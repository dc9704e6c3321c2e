"""Runs use cases for a command: one container, one event loop and one pool."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TypeVar

from application.errors import ConflictError, UnavailableError
from entrypoints.commands.account import account_name
from entrypoints.container import Container
from entrypoints.settings import Settings
from entrypoints.starting import (
    EXIT_DATABASE,
    database_fault,
    fail,
    require_current_schema,
    settings_or_exit,
)
from entrypoints.storage import DatabaseFaultError, described_errors, quiet_logs

_T = TypeVar("_T")


def run(
    work: Callable[[Container], Coroutine[object, object, _T]], settings: Settings | None = None
) -> _T:
    """Run ``work`` with an open container, and return its result.

    Exits with one line if a setting or the database is unusable.

    Args:
        work: All that the command does with use cases.
        settings: The settings, if the command has already read them.
    """
    quiet_logs()
    settings = settings or settings_or_exit()
    operator = settings.operator or account_name()

    async def in_container() -> _T:
        container = Container(settings=settings, operator=operator)
        async with AsyncExitStack() as stack:
            for lifetime in container.command_lifetimes():
                await stack.enter_async_context(lifetime)
            return await work(container)

    # Asked first, because it fails at once, and says why. An auditor's role may read little.
    require_current_schema(settings, may_be_unreadable=True)
    try:
        with described_errors():
            return asyncio.run(in_container())
    except ConflictError:
        fail(["somebody else changed the same data meanwhile: try again"], EXIT_DATABASE)
    except (DatabaseFaultError, UnavailableError) as error:
        fail([database_fault(error)], EXIT_DATABASE)
