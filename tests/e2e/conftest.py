"""The whole product, as processes of their own, and a browser to walk through it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support.browsing import launched, light_chromium, visitor
from tests.support.whole_product import WholeProduct, whole_product

# A busy machine may take longer than five seconds for a page.
expect.set_options(timeout=30_000)

#: Takes settings by their names, without the prefix and in lower case.
ProductFactory = Callable[..., AbstractContextManager[WholeProduct]]


@pytest.fixture(scope="session")
def product_with(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> ProductFactory:
    """More products on the same database: ``with product_with(session_delivery="code")``."""

    def start(**settings: str | int) -> AbstractContextManager[WholeProduct]:
        return whole_product(tmp_path_factory.mktemp("product"), database_url, **settings)

    return start


@pytest.fixture(scope="session")
def product(product_with: ProductFactory) -> Iterator[WholeProduct]:
    """PostgreSQL, the simulated VA and the service, which is its own front end."""
    with product_with(developer_pages="true") as started:
        yield started


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = light_chromium()
    if path is None:
        pytest.skip("needs chromium-headless-shell or chromium on the PATH (both by apt-get)")
    async with async_playwright() as playwright:
        started = await launched(playwright, path)
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A new visitor's page."""
    async with visitor(browser) as context:
        yield await context.new_page()
