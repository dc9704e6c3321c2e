"""What every test shares."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.postgres.pool import Pool, build_pool, opened
from entrypoints.embedded_postgres import embedded_postgres
from tests.support.databases import application_role


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A migrated PostgreSQL: the embedded one, or the one that TEST_DATABASE_URL names.

    The service is an application role there, so whatever it may not do fails.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given is not None:
        with application_role(given) as url:
            yield url
        return
    # Not among pytest's own folders: each run of it closes them to every other user, and the
    # server is one where the tests run as root. Nothing here outlives the run, so nothing need
    # reach the disk.
    with (
        tempfile.TemporaryDirectory(prefix="vetassist-") as folder,
        embedded_postgres(Path(folder), configuration="fsync = off\n") as owner_url,
        application_role(owner_url) as url,
    ):
        yield url


@pytest.fixture(scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """The pool of the session; at its end nobody may still hold a connection."""
    async with opened(build_pool(database_url, max_size=20)) as pool:
        await pool.wait()
        yield pool
        stats = pool.get_stats()
        assert stats["in_use"] == 0, "a connection was not given back"
