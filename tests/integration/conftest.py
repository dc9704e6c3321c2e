"""Real databases, one for each test that changes more than rows."""

from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.postgres.pool import Pool, build_pool, opened
from tests.support.databases import as_application, new_database


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        yield url


@pytest.fixture
async def own_pool(own_database: str) -> AsyncIterator[Pool]:
    async with opened(build_pool(as_application(own_database), max_size=4)) as pool:
        await pool.wait()
        yield pool
