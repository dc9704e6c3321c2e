"""What every test shares."""

import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from typing import Any, Final, cast

import pytest

from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Pool, build_pool, opened
from entrypoints.embedded_postgres import embedded_postgres
from tests.support.compiled_templates import compiled_once
from tests.support.database_folder import database_folder
from tests.support.databases import APPLICATION_ROLE, application_role, new_database
from tests.support.event_loop import BACKEND

# Nothing here outlives the run, so nothing has to reach the disk. The tests connect thousands of
# times, and each log-in costs both sides as many hashes as the password has iterations.
# Autovacuum takes transaction ids, which some tests count.
_CONFIGURATION: Final = "fsync = off\nscram_iterations = 1\nautovacuum = off\n"

# httpx looks for this package at each request. Python remembers nothing of a package that isn't
# there: it would look through every folder thousands of times.
if find_spec("sniffio") is None:
    cast("dict[str, None]", sys.modules)["sniffio"] = None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run select the tests of one security case: ``--case 15``."""
    parser.addoption("--case", type=int, help="run only the tests of this security case")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other cases where ``--case`` names one."""
    case = config.getoption("--case")
    if case is None:
        return
    others = [
        item for item in items if all(case not in mark.args for mark in item.iter_markers("case"))
    ]
    config.hook.pytest_deselected(items=others)
    left_out = set(others)
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking at thousands of tests again and again.

    Each test makes an application anew, which is more than the collector expects to be made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The event loop that the service is deployed on."""
    return BACKEND


@pytest.fixture(scope="session", autouse=True)
def _templates() -> Iterator[None]:
    with compiled_once():
        yield


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
    with (
        database_folder() as folder,
        embedded_postgres(folder, configuration=_CONFIGURATION, over_tcp=True) as owner_url,
        application_role(owner_url) as url,
    ):
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


@pytest.fixture(scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """The pool of the session; at its end nobody may still hold a connection."""
    async with opened(build_pool(database_url, max_size=20)) as pool:
        await pool.wait()
        yield pool
        stats = pool.get_stats()
        assert stats["in_use"] == 0, "a connection was not given back"
