"""Builds the operators' console."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from adapters.va_oauth.settings import ProviderSettings
from application.ports.unit_of_work import OperatorUnitOfWorkFactory, UnitOfWork
from entrypoints.console.acts import Act
from entrypoints.doctor.examination import Patient, examine
from entrypoints.doctor.findings import Finding
from entrypoints.settings import CONSOLE_CALLBACK_PATH
from entrypoints.settings_reader import ConsoleSettings


def directory_settings(settings: ConsoleSettings) -> ProviderSettings:
    """How to reach the operators' provider, and as which client."""
    return ProviderSettings(
        discovery_url=settings.console_discovery_url,
        issuer=settings.console_issuer,
        client_id=settings.console_client_id,
        client_secret=settings.console_client_secret,
        scopes=("openid", "profile"),
        redirect_uri=settings.console_public_url + CONSOLE_CALLBACK_PATH,
        status_url=None,
    )


def operator_units(unit_of_work: Callable[..., UnitOfWork]) -> OperatorUnitOfWorkFactory:
    """Units of work whose operator is known only when they start."""
    return lambda name: unit_of_work(operator=name)


def examiner(patient: Callable[[], Patient]) -> Callable[[], Awaitable[list[Finding]]]:
    """Asks the doctor anew each time."""
    return lambda: examine(patient())


def together(
    lifetimes: Callable[[], Sequence[AbstractAsyncContextManager[object]]],
) -> Callable[[], AbstractAsyncContextManager[object]]:
    """One context that enters all of these in order."""

    @asynccontextmanager
    async def entered() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for lifetime in lifetimes():
                await stack.enter_async_context(lifetime)
            yield

    return entered


def all_acts(*parts: Sequence[Act]) -> list[Act]:
    """The acts of every part of the console."""
    return [act for part in parts for act in part]
