"""Telling a user who they are signed in as."""

from datetime import timedelta

import pytest

from application.errors import GrantExpiredError, UnauthenticatedError, VASignInNeededError
from domain.user import Profile
from tests.support.builders import a_provider_sign_in, a_user_id, an_identity, some_tokens
from tests.support.service import MemoryService
from tests.support.storage import a_stored_user
from tests.support.va_tokens import a_use, use


async def test_a_user_is_shown_as_stored(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)

    profile = await service.container.view_user().execute(user.id)
    assert profile == Profile(user=user, needs_va_sign_in=True)


async def test_a_user_is_told_when_va_wants_to_see_them_again(service: MemoryService) -> None:
    identity = an_identity()
    expired = some_tokens(now=service.clock.now() - timedelta(hours=1))
    grant = (await service.sign_in(a_provider_sign_in(identity, expired))).grant
    view = service.container.view_user()
    assert not (await view.execute(grant.session.user_id)).needs_va_sign_in

    service.provider.refuse(GrantExpiredError())
    with pytest.raises(VASignInNeededError):
        await use(service.container, a_use(grant))
    assert (await view.execute(grant.session.user_id)).needs_va_sign_in

    service.provider.come_back()
    await service.sign_in(identity)
    assert not (await view.execute(grant.session.user_id)).needs_va_sign_in


async def test_a_user_who_is_gone_is_nobody(service: MemoryService) -> None:
    with pytest.raises(UnauthenticatedError):
        await service.container.view_user().execute(a_user_id())
