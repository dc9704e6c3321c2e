"""The columns that say when a user or its tokens changed. Other programs may read them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import pytest

from adapters.postgres.pool import build_pool, opened
from application.errors import ProviderUnavailableError
from application.use_cases.operations.change_icn import ChangeICNCommand
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.operations.enable_user import EnableUserCommand
from domain.identifiers import ICN, UserId
from tests.support.builders import a_provider_sign_in, an_icn, an_identity, some_tokens
from tests.support.databases import rows_of
from tests.support.service import Service, a_service
from tests.support.storage import postgres_storage
from tests.support.va_tokens import a_use, use

pytestmark = pytest.mark.postgres

_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_USERS: Final = "SELECT id, updated_at FROM vetassist_users"
_TOKENS: Final = "SELECT user_id AS id, refreshed_at AS updated_at FROM vetassist_va_tokens"


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with opened(build_pool(database_url, max_size=2)) as pool:
        yield a_service(postgres_storage(pool))


def changes(database_url: str, query: str) -> dict[UUID, datetime]:
    return {row["id"]: row["updated_at"] for row in rows_of(database_url, query)}


async def test_each_change_of_a_user_says_when_it_was(service: Service, database_url: str) -> None:
    container, clock = service.container, service.clock
    user, other = [(await service.link(an_identity())) for _ in range(2)]

    async def disable() -> None:
        await container.disable_user().execute(DisableUserCommand(user_id=user.id, reason="test"))

    async def enable() -> None:
        await container.enable_user().execute(EnableUserCommand(user_id=user.id, reason="test"))

    async def change(icn: ICN | None, merge_into: UserId | None = None) -> None:
        assert icn is not None
        command = ChangeICNCommand(user_id=user.id, icn=icn, reason="test", merge_into=merge_into)
        await container.change_icn().execute(command)

    for act, concerned in (
        (disable, {user.id}),
        (enable, {user.id}),
        (lambda: change(an_icn()), {user.id}),
        (lambda: change(other.icn, user.id), {user.id, other.id}),
    ):
        before = changes(database_url, _USERS)
        clock.advance(_SECOND)
        await act()
        now = dict.fromkeys(concerned, clock.now())
        assert changes(database_url, _USERS) == before | now


async def test_each_refresh_of_tokens_says_when_it_was(service: Service, database_url: str) -> None:
    tokens = some_tokens(now=service.clock.now() - _HOUR)
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant
    user_id = grant.session.user_id
    service.clock.advance(_SECOND)
    service.provider.doubt = "key_unknown"
    with pytest.raises(ProviderUnavailableError):
        await use(service.container, a_use(grant))
    assert changes(database_url, _TOKENS)[user_id] == service.clock.now()

    service.provider.doubt = None
    service.clock.advance(_SECOND)
    await use(service.container, a_use(grant))
    assert changes(database_url, _TOKENS)[user_id] == service.clock.now()
