"""One service in memory for each test."""

import pytest

from adapters.memory.store import MemoryStore
from tests.support.service import MemoryService, a_memory_service


@pytest.fixture
def service() -> MemoryService:
    return a_memory_service(MemoryStore())
