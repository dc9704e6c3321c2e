"""Every adapter of a port in turn."""

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.pool import build_pool, opened
from application.ports.front_end_directory import FrontEndDirectory
from application.ports.login_attempts import LoginAttempts
from application.ports.readiness import Readiness
from application.ports.session_lookup import SessionLookup
from application.ports.unit_of_work import UnitOfWorkFactory
from application.ports.user_directory import UserDirectory
from tests.support.databases import as_application
from tests.support.storage import Storage, memory_storage, postgres_storage


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def storage(request: pytest.FixtureRequest) -> Storage:
    if request.param == "memory":
        return memory_storage()
    return postgres_storage(request.getfixturevalue("pool"))


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
async def own_storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """A store that no other test sees."""
    if request.param == "memory":
        yield memory_storage()
        return
    url = as_application(request.getfixturevalue("own_database"))
    async with opened(build_pool(url, max_size=4)) as pool:
        yield postgres_storage(pool)


@pytest.fixture
def unit_of_work(storage: Storage) -> UnitOfWorkFactory:
    return storage.unit_of_work


@pytest.fixture
def session_lookup(storage: Storage) -> SessionLookup:
    return storage.session_lookup


@pytest.fixture
def user_directory(storage: Storage) -> UserDirectory:
    return storage.user_directory


@pytest.fixture
def front_end_directory(storage: Storage) -> FrontEndDirectory:
    return storage.front_end_directory


@pytest.fixture
def login_attempts(storage: Storage) -> LoginAttempts:
    return storage.login_attempts


@pytest.fixture
def readiness(storage: Storage) -> Readiness:
    return storage.readiness
