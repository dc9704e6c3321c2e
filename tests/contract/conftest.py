"""Every adapter of a port in turn."""

import pytest

from application.ports.login_attempts import LoginAttempts
from application.ports.readiness import Readiness
from application.ports.session_lookup import SessionLookup
from application.ports.unit_of_work import UnitOfWorkFactory
from application.ports.user_directory import UserDirectory
from tests.support.storage import Storage, memory_storage, postgres_storage


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def storage(request: pytest.FixtureRequest) -> Storage:
    if request.param == "memory":
        return memory_storage()
    return postgres_storage(request.getfixturevalue("pool"))


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
def login_attempts(storage: Storage) -> LoginAttempts:
    return storage.login_attempts


@pytest.fixture
def readiness(storage: Storage) -> Readiness:
    return storage.readiness
