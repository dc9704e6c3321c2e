"""What clients do at the same moment, on a real PostgreSQL.

For how many rounds is VETASSIST_TEST_CLIENT_ROUNDS's to say.
"""

import os
from typing import Final
from uuid import UUID

import anyio
import pytest

from adapters.postgres.pool import Pool
from application.errors import ClientRefusedError
from application.use_cases.clients.admit_client import AdmitClientCommand
from application.use_cases.clients.disable_client import DisableClientCommand
from domain.secret import Secret
from domain.service_client import (
    AssertionCredential,
    ClientCredential,
    ClientId,
    SecretCredential,
)
from tests.support.builders import NOW, a_visitor
from tests.support.service import Service, a_service
from tests.support.service_clients import PURPOSE, KeyClient, SecretClient
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

ROUNDS: Final = int(os.environ.get("VETASSIST_TEST_CLIENT_ROUNDS", "10"))
AT_ONCE: Final = 16


@pytest.fixture
def services(pool: Pool) -> list[Service]:
    """Two replicas: nothing in common but the database."""
    return [a_service(postgres_storage(pool)) for _ in range(2)]


async def admission(service: Service, credential: ClientCredential) -> str:
    """How an attempt to be admitted ended."""
    command = AdmitClientCommand(
        credential=credential, purpose=PURPOSE, scopes=None, visitor=a_visitor()
    )
    try:
        await service.container.admit_client().execute(command)
    except ClientRefusedError as refused:
        return refused.reason
    return "admitted"


async def test_of_one_assertion_shown_many_times_at_once_one_passes(
    services: list[Service],
) -> None:
    client = await KeyClient.registered(services[0].container)
    for _ in range(ROUNDS):
        shown = AssertionCredential(assertion=Secret(client.assertion(NOW)), client_id=None)
        ends: list[str] = []

        async def show(
            service: Service, shown: ClientCredential = shown, ends: list[str] = ends
        ) -> None:
            ends.append(await admission(service, shown))

        async with anyio.create_task_group() as tasks:
            for position in range(AT_ONCE):
                tasks.start_soon(show, services[position % 2])

        assert sorted(ends) == ["admitted"] + ["assertion_replayed"] * (AT_ONCE - 1)


async def test_whoever_comes_after_a_client_was_disabled_is_refused(
    services: list[Service],
) -> None:
    one, other = services
    for _ in range(ROUNDS):
        client = await SecretClient.registered(one.container)
        shown = SecretCredential(client_id=client.id, secret=Secret(client.secret))
        late: list[str] = []

        async def come(shown: ClientCredential = shown) -> None:
            await admission(other, shown)

        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE // 2):
                tasks.start_soon(come)
            await disable(one, client)
            late += [await admission(other, shown) for _ in range(2)]

        assert late == ["disabled_client"] * 2


async def disable(service: Service, client: SecretClient) -> None:
    command = DisableClientCommand(client_id=ClientId(UUID(client.id)), reason="test")
    assert await service.container.disable_client().execute(command)
