"""Real databases, one for each test that changes more than rows."""

from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Pool, build_pool, opened
from tests.support.databases import APPLICATION_ROLE, as_application, new_database


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_database(database_url: str) -> Iterator[str]:
    """The model of each test's own database. Nobody connects to it."""
    with new_database(database_url) as url:
        migrate(url, application_role=APPLICATION_ROLE)
        yield url


@pytest.fixture
def own_database(migrated_database: str) -> Iterator[str]:
    """Migrated, and nobody else's; as its owner."""
    with new_database(migrated_database, like=migrated_database) as url:
        yield url


@pytest.fixture
async def own_pool(own_database: str) -> AsyncIterator[Pool]:
    async with opened(build_pool(as_application(own_database), max_size=4)) as pool:
        await pool.wait()
        yield pool
