"""Measures sign-ins without VA: `python -m benchmarks.sign_in_work ...`.

The use cases run on PostgreSQL as in the service, but with a provider in memory instead of VA.
So it measures only our own work, from the callback to the redirect.
"""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import uvloop
from dependency_injector import providers

from adapters.memory.identity_provider import MemoryIdentityProvider
from adapters.system.clock import SystemClock
from application.ports.identity_provider import CallbackParameters, ProviderSignIn
from application.use_cases.sign_in.complete_va_login import CompleteVALoginCommand
from application.use_cases.sign_in.start_va_login import StartVALoginCommand
from benchmarks.figures import percentile
from domain.identifiers import ICN
from domain.secret import Secret
from domain.va_identity import VAIdentity
from domain.va_tokens import VATokens
from domain.veteran_status import VeteranStatus
from domain.visitor import Visitor
from entrypoints.container import Container
from entrypoints.settings_reader import read_settings

_ISSUER: Final = "https://provider.example"
_MILLISECONDS: Final = 1000


def sign_in_of(number: int) -> ProviderSignIn:
    """Returns VA's result for one Veteran, whose ICN isn't in any filled database."""
    return ProviderSignIn(
        identity=VAIdentity(
            issuer=_ISSUER,
            subject=f"bench-{number}",
            icn=ICN(f"9{number:09d}V000000"),
            status=VeteranStatus.CONFIRMED,
            given_name="Given",
            family_name="Family",
            email=f"bench{number}@example.org",
            is_complete=True,
        ),
        tokens=VATokens(
            access_token=Secret("a" * 900),
            refresh_token=Secret("r" * 60),
            id_token=Secret("i" * 900),
            token_type="Bearer",
            scope="openid profile offline_access veteran_status.read",
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        ),
    )


async def stays() -> bool:
    """The `is_abandoned` of a browser that stays connected."""
    return False


async def main(at_once: int, first: int, count: int) -> None:
    """Completes ``count`` sign-ins, ``at_once`` at a time, and prints one line of JSON."""
    provider = MemoryIdentityProvider(issuer=_ISSUER, clock=SystemClock())
    container = Container(
        settings=read_settings(os.environ), identity_provider=providers.Object(provider)
    )
    async with AsyncExitStack() as stack:
        for lifetime in container.command_lifetimes():
            await stack.enter_async_context(lifetime)
        await container.connection_pool().wait()
        commands = [
            await _begun(container, provider, number) for number in range(first, first + count)
        ]
        gc.collect()
        gc.freeze()
        complete = container.complete_va_login()
        cpu, began = time.process_time(), time.perf_counter()
        took = await _all(commands, at_once, complete.execute)
        seconds = time.perf_counter() - began
    summary = {
        "rate": count / seconds,
        "p50": percentile(took, 0.50) * _MILLISECONDS,
        "p99": percentile(took, 0.99) * _MILLISECONDS,
        "cpu": (time.process_time() - cpu) / count * _MILLISECONDS,
    }
    print(json.dumps(summary))


async def _begun(
    container: Container, provider: MemoryIdentityProvider, number: int
) -> CompleteVALoginCommand:
    started = await container.start_va_login().execute(StartVALoginCommand(visitor=Visitor()))
    code = provider.consent(started.authorization_url, sign_in_of(number))
    return CompleteVALoginCommand(
        secrets=started.secrets,
        callback=CallbackParameters(Secret(urlencode({"code": code.reveal()}))),
        visitor=Visitor(),
        is_abandoned=stays,
    )


async def _all(
    commands: Sequence[CompleteVALoginCommand],
    at_once: int,
    complete: Callable[[CompleteVALoginCommand], Awaitable[object]],
) -> list[float]:
    waiting = iter(commands)
    took: list[float] = []

    async def work() -> None:
        for command in waiting:
            began = time.perf_counter()
            await complete(command)
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return took


if __name__ == "__main__":
    uvloop.run(main(*(int(argument) for argument in sys.argv[1:])))
