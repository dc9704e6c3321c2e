from collections.abc import AsyncIterator

import pytest

from tests.support.console import Console, running_console


@pytest.fixture
async def console() -> AsyncIterator[Console]:
    async with running_console() as started:
        yield started
