"""The product in front of a provider that can be bent."""

from collections.abc import AsyncIterator

import pytest

from tests.support.hostile_provider import HostileProvider
from tests.support.product import Product, running_product


@pytest.fixture
def provider() -> HostileProvider:
    return HostileProvider()


@pytest.fixture
async def product(provider: HostileProvider) -> AsyncIterator[Product]:
    async with running_product(provider=provider) as product:
        yield product


@pytest.fixture
async def sandboxed() -> AsyncIterator[Product]:
    """The product in front of the simulated VA."""
    async with running_product() as product:
        yield product
