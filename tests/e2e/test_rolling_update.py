"""Two replicas behind nginx, restarted while clients ask.

nginx is configured as docs/deployment.md has it.
"""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import httpx
import pytest
from anyio.to_thread import run_sync

from tests.e2e.test_nginx import NGINX, running_nginx, with_changes
from tests.support.certificates import certified
from tests.support.processes import HOST, REPOSITORY, free_port, running
from tests.support.product import Browser, Sandbox, SignedIn
from tests.support.whole_product import WholeProduct, whole_product

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(NGINX is None, reason="needs nginx (apt-get: nginx-light)"),
]

CLIENTS = 6
#: Answers before the first restart, and after each one.
BETWEEN = 150
PATIENCE_SECONDS = 120
#: So that the processor is there for the replicas that start.
PAUSE_SECONDS = 0.05


@final
class Replica:
    """Serves on the same port each time it is started."""

    def __init__(self, product: WholeProduct, folder: Path, workers: int) -> None:
        self.port = free_port()
        self._workers = workers
        self._product = product
        self._log = folder / f"replica-{self.port}.log"
        self._running = ExitStack()

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._running.enter_context(
            running(
                *("serve", "--workers", str(self._workers)),
                environment=self._product.environment,
                log=self._log,
                ready="/readyz",
                port=self.port,
            )
        )

    def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        self._running.close()


@dataclass(kw_only=True)
class Load:
    """Clients that ask all the time, and count every answer."""

    url: str
    tls: ssl.SSLContext
    answers: Counter[str] = field(default_factory=Counter)
    is_over: bool = False
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def answered(self, more: int) -> None:
        """Wait until this many more requests were answered."""
        wanted = self.answers.total() + more
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.answers.total() < wanted:
                self._answered.clear()
                await self._answered.wait()

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, verify=self.tls, trust_env=False, timeout=20)

    async def ask(self) -> None:
        """One client: what a front end and its back ends ask for, in turn."""
        async with self.client() as http:
            signed_in = await Browser(http, Sandbox()).sign_in()
            while not self.is_over:
                await asyncio.sleep(PAUSE_SECONDS)
                await self._count("verify", http.get("/api/v1/verify", headers=signed_in.headers))
                await self._count("health", self._on_a_new_connection())
                await self._count("redeem", http.post("/api/v1/session/redeem", json={"code": "x"}))
                renewal = http.post("/api/v1/session/renew", headers={"Origin": self.url})
                renewed = await self._count("renew", renewal)
                if renewed is not None and renewed.is_success:
                    signed_in = SignedIn(
                        browser=signed_in.browser, location="", parameters=renewed.json()
                    )

    async def _on_a_new_connection(self) -> httpx.Response:
        async with self.client() as http:
            return await http.get("/healthz")

    async def _count(self, what: str, asking: Awaitable[httpx.Response]) -> httpx.Response | None:
        try:
            answer = await asking
        except httpx.TransportError as error:
            self.answers[f"{what}: {type(error).__name__}"] += 1
            return None
        else:
            self.answers[f"{what}: {answer.status_code}"] += 1
            return answer
        finally:
            self._answered.set()


def documented() -> str:
    """nginx's whole configuration of docs/deployment.md, without the excerpts."""
    document = (REPOSITORY / "docs" / "deployment.md").read_text()
    (block,) = re.findall(r"^```nginx\n(upstream .*?)^```$", document, re.MULTILINE | re.DOTALL)
    assert isinstance(block, str)
    return block


@asynccontextmanager
async def two_replicas(
    folder: Path, database_url: str, workers: int
) -> AsyncIterator[tuple[list[Replica], str, ssl.SSLContext]]:
    port = free_port()
    url = f"https://localhost:{port}"
    tls = certified(folder)
    with (
        whole_product(folder, database_url, public_url=url, frontend_url=url) as product,
        ExitStack() as stack,
    ):
        replicas = [Replica(product, folder, workers) for _ in range(2)]
        for replica in replicas:
            stack.callback(replica.stop)
            await run_sync(replica.start)
        first, second = replicas
        changes = {
            "server 127.0.0.1:8000 ": f"server {HOST}:{first.port} ",
            "server 127.0.0.1:8001 ": f"server {HOST}:{second.port} ",
            "listen 443 ssl;": f"listen {HOST}:{port} ssl;",
            "api.example.org;": "localhost;",
            "/etc/ssl/vetassist/api.pem": str(folder / "api.pem"),
            "/etc/ssl/vetassist/api.key": str(folder / "api.key"),
        }
        stack.enter_context(running_nginx(folder, with_changes(documented(), changes), port))
        yield replicas, url, tls


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
async def test_no_client_sees_an_error_while_one_replica_after_the_other_restarts(
    database_url: str, tmp_path: Path, workers: int
) -> None:
    async with two_replicas(tmp_path, database_url, workers) as (replicas, url, tls):
        load = Load(url=url, tls=tls)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(load.ask())
            await load.answered(BETWEEN)
            for replica in replicas:
                await run_sync(replica.stop)
                await run_sync(replica.start)
            await load.answered(BETWEEN)
            load.is_over = True

    # A code that nobody has made is refused by the service itself.
    assert load.answers.keys() == {"verify: 200", "health: 200", "renew: 200", "redeem: 401"}
