"""One simulated VA per test, with a clock of its own."""

from typing import Any

import httpx
import pytest

from entrypoints.sandbox.app import create_sandbox
from entrypoints.sandbox.signing import SigningKey
from entrypoints.sandbox.world import World
from tests.unit.entrypoints.sandbox.sandbox_client import SETTINGS, Clock, SandboxClient


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def naps() -> list[float]:
    """How long the sandbox wanted to wait, in order; it waits no time at all."""
    return []


@pytest.fixture
def va(signing_key: SigningKey, naps: list[float]) -> SandboxClient:
    async def nap(seconds: float) -> None:
        naps.append(seconds)

    clock = Clock()
    world = World(SETTINGS, clock=clock, sleep=nap, signing_key=signing_key)
    app: Any = create_sandbox(SETTINGS, world=world)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8001")
    return SandboxClient(http=http, world=world, clock=clock)
