"""Telling a user who they are signed in as."""

import pytest

from application.errors import UnauthenticatedError
from tests.support.builders import a_user_id
from tests.support.service import MemoryService
from tests.support.storage import a_stored_user


async def test_a_user_is_shown_as_stored(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)

    assert await service.container.view_user().execute(user.id) == user


async def test_a_user_who_is_gone_is_nobody(service: MemoryService) -> None:
    with pytest.raises(UnauthenticatedError):
        await service.container.view_user().execute(a_user_id())
