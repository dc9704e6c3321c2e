"""What every test shares."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.postgres.pool import Pool, build_pool, opened
from entrypoints.embedded_postgres import embedded_postgres
from tests.support.databases import application_role
from tests.support.event_loop import BACKEND

# Nothing here outlives the run, so nothing has to reach the disk. The tests connect thousands of
# times, and each log-in costs both sides as many hashes as the password has iterations.
# Autovacuum takes transaction ids, which some tests count.
_CONFIGURATION: Final = "fsync = off\nscram_iterations = 1\nautovacuum = off\n"


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The event loop that the service is deployed on."""
    return BACKEND


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A migrated PostgreSQL: the embedded one, or the one that TEST_DATABASE_URL names.

    It is reached over TCP, as in a deployment. The service is an application role there, so
    whatever it may not do fails.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given is not None:
        with application_role(given) as url:
            yield url
        return
    # Not in pytest's own folders: they are closed to other users, and where the tests run as root
    # the server is another user.
    with (
        tempfile.TemporaryDirectory(prefix="vetassist-") as folder,
        embedded_postgres(Path(folder), configuration=_CONFIGURATION, over_tcp=True) as owner_url,
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
