"""The operators' console over memory, in this process, and operators at their browsers."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from dependency_injector import providers
from starlette.applications import Starlette
from starlette.types import ASGIApp

from adapters.memory.operator_directory import MemoryOperatorDirectory
from adapters.memory.store import MemoryStore
from adapters.memory.unit_of_work import MemoryUnitOfWork
from adapters.postgres.pool import Pool
from application.ports.operator_directory import KnownOperator, OperatorDirectory
from domain.audit_event import AuditEvent
from domain.operator import OperatorRole
from domain.secret import Secret
from entrypoints.console.acting import operator_at_work
from entrypoints.console.acts import HOME, SIGN_IN, Act
from entrypoints.console.forms import FORM_SECRET
from entrypoints.console_container import ConsoleContainer, console_container
from entrypoints.doctor.findings import Finding, passed
from entrypoints.settings_reader import ConsoleSettings
from tests.support.environment import read, required_settings
from tests.support.frozen_clock import FrozenClock
from tests.support.service import MemoryService, a_memory_service
from tests.support.storage import memory_storage

ISSUER: Final = "https://operators.example"
CONSOLE_URL: Final = "http://localhost:8002"
CALLBACK: Final = f"{SIGN_IN}/callback"
_FORM_SECRET: Final = re.compile(rf'name="{FORM_SECRET}" value="([^"]+)"')

SETTINGS: Final = ConsoleSettings(
    console_discovery_url=f"{ISSUER}/.well-known/openid-configuration",
    console_issuer=ISSUER,
    console_client_id="vetassist_console",
    console_client_secret=Secret("a-secret-of-the-console"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One browser of an operator."""

    http: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def post(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        form_secret: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a form as a browser does that was shown it; all can be made wrong."""
        if form_secret is None:
            form_secret = await self.form_secret()
        return await self.http.post(
            path,
            content=urlencode({FORM_SECRET: form_secret, **(fields or {})}),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": str(self.http.base_url).rstrip("/"),
                "Sec-Fetch-Site": "same-origin",
                **(headers or {}),
            },
        )

    async def form_secret(self) -> str:
        """What the forms of this session carry; nothing without a session."""
        found = _FORM_SECRET.search((await self.get(HOME)).text)
        return found[1] if found else ""

    async def begin(self) -> str:
        """Start to sign in. Returns where the browser is sent."""
        return (await self.get(f"{SIGN_IN}/start")).headers["location"]

    async def come_back(self, url: str, **parameters: str) -> httpx.Response:
        """Come back from the provider with the state of the URL, unless another one is given."""
        state = parse_qs(urlsplit(url).query)["state"][0]
        return await self.get(f"{CALLBACK}?{urlencode({'state': state, **parameters})}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """A console whose storage and provider are in memory, beside a service on the same storage."""

    container: ConsoleContainer
    app: Starlette
    directory: MemoryOperatorDirectory
    service: MemoryService
    browsers: AsyncExitStack

    @property
    def clock(self) -> FrozenClock:
        return self.service.clock

    @property
    def audit(self) -> list[AuditEvent]:
        return self.service.audit

    @property
    def acts(self) -> list[Act]:
        acts: list[Act] = self.container.acts()
        return acts

    async def desk(self) -> Desk:
        """A new browser."""
        return Desk(http=await self.browsers.enter_async_context(a_client(self.app)))

    async def signed_in(
        self, role: OperatorRole = OperatorRole.ADMIN, *, subject: str = "an-operator"
    ) -> Desk:
        """A new browser whose operator has signed in."""
        desk = await self.desk()
        operator = KnownOperator(subject=subject, groups=frozenset({role.value}))
        url = await desk.begin()
        answer = await desk.come_back(url, code=self.directory.consent(url, operator).reveal())
        assert answer.headers["location"] == HOME, answer.text
        return desk


@asynccontextmanager
async def running_console(
    settings: ConsoleSettings = SETTINGS,
    *,
    pool: Pool | None = None,
    provider: Callable[[FrozenClock], OperatorDirectory] | None = None,
) -> AsyncIterator[Console]:
    """The console until the block ends.

    Args:
        settings: Of the console.
        provider: Makes the operators' provider, instead of the one in memory.
        pool: What the console stores in, instead of memory. The service stays in memory.
    """
    store = MemoryStore()
    service = a_memory_service(store)
    directory = MemoryOperatorDirectory(issuer=ISSUER)
    container = console_container(
        read(required_settings()),
        settings,
        clock=providers.Object(service.clock),
        operator_directory=providers.Object(
            directory if provider is None else provider(service.clock)
        ),
        console_lifetimes=providers.List(),
        **(_in_memory(store) if pool is None else {"connection_pool": providers.Object(pool)}),
    )
    container.board.add_kwargs(examine=providers.Object(_examined))
    async with AsyncExitStack() as browsers:
        yield Console(
            container=container,
            app=container.app(),
            directory=directory,
            service=service,
            browsers=browsers,
        )


def _in_memory(store: MemoryStore) -> dict[str, object]:
    storage = memory_storage(store)

    def unit_of_work(operator: str | None) -> MemoryUnitOfWork:
        return MemoryUnitOfWork(store, operator)

    return {
        "unit_of_work": providers.Callable(
            unit_of_work, operator=providers.Callable(operator_at_work)
        ),
        "user_records": providers.Object(storage.user_records),
        "audit_history": providers.Object(storage.audit_history),
        "vital_signs": providers.Object(storage.vital_signs),
        "service_figures": providers.Object(storage.service_figures),
    }


async def _examined() -> list[Finding]:
    return [passed("settings", "all are usable")]


def a_client(app: ASGIApp, *, url: str = CONSOLE_URL) -> httpx.AsyncClient:
    """A browser, as far as cookies go. It follows no redirect by itself."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=url, follow_redirects=False, trust_env=False
    )
