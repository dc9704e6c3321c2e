"""What every test shares."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Pool, build_pool, opened
from entrypoints.embedded_postgres import embedded_postgres


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated PostgreSQL: the embedded one, or the one that TEST_DATABASE_URL names."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given is not None:
        migrate(given)
        yield given
        return
    folder: Path = tmp_path_factory.mktemp("postgres")
    # Nothing here outlives the run, so nothing need reach the disk.
    with embedded_postgres(folder, configuration="fsync = off\n") as url:
        migrate(url)
        yield url


@pytest.fixture(scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """The pool of the session; at its end nobody may still hold a connection."""
    async with opened(build_pool(database_url, max_size=20)) as pool:
        await pool.wait()
        yield pool
        stats = pool.get_stats()
        assert stats["pool_available"] == stats["pool_size"], "a connection was not given back"
