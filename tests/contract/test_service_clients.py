"""What every ServiceClients promises, run against each adapter."""

from datetime import datetime, timedelta
from uuid import uuid4

import anyio
import pytest

from application.errors import ConflictError
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.client_assertion import ClientAssertion
from domain.secret import Secret
from domain.service_client import ClientId, ServiceClient
from tests.support.builders import NOW
from tests.support.service_clients import a_client, a_client_key, an_assertion


async def store(unit_of_work: UnitOfWorkFactory, *clients: ServiceClient) -> None:
    async with unit_of_work() as work:
        for client in clients:
            await work.service_clients.add(client)
        await work.commit()


async def find(unit_of_work: UnitOfWorkFactory, client_id: ClientId) -> ServiceClient | None:
    async with unit_of_work() as work:
        return await work.service_clients.find(client_id)


async def use_up(
    unit_of_work: UnitOfWorkFactory, assertion: ClientAssertion, *, commit: bool = True
) -> bool:
    async with unit_of_work() as work:
        is_first = await work.service_clients.use_up(assertion)
        if commit:
            await work.commit()
    return is_first


@pytest.mark.parametrize(
    "client",
    [a_client(secret=Secret("s")), a_client(key=a_client_key()), a_client(name="Zoë's [b]ot")],
    ids=["secret", "key", "name"],
)
async def test_a_client_comes_back_as_it_was_stored(
    unit_of_work: UnitOfWorkFactory, client: ServiceClient
) -> None:
    await store(unit_of_work, client)

    assert await find(unit_of_work, client.id) == client


async def test_nobody_is_found_who_is_not_there(unit_of_work: UnitOfWorkFactory) -> None:
    assert await find(unit_of_work, ClientId(uuid4())) is None
    async with unit_of_work() as work:
        assert await work.service_clients.lock(ClientId(uuid4())) is None


async def test_an_id_is_given_out_once(unit_of_work: UnitOfWorkFactory) -> None:
    client = a_client()
    await store(unit_of_work, client)

    with pytest.raises(ConflictError):
        await store(unit_of_work, client)


async def test_what_was_not_committed_is_not_there(unit_of_work: UnitOfWorkFactory) -> None:
    client = a_client()
    async with unit_of_work() as work:
        await work.service_clients.add(client)

    assert await find(unit_of_work, client.id) is None


async def test_a_disabled_client_is_found_as_disabled(unit_of_work: UnitOfWorkFactory) -> None:
    client = a_client()
    await store(unit_of_work, client)
    later = NOW + timedelta(days=1)
    async with unit_of_work() as work:
        held = await work.service_clients.lock(client.id)
        assert held is not None
        await work.service_clients.save(held.disabled(later))
        await work.commit()

    assert await find(unit_of_work, client.id) == client.disabled(later)


@pytest.mark.parametrize(
    "client", [a_client(), a_client(key=a_client_key("k1"))], ids=["secret", "key"]
)
async def test_a_clients_credentials_are_replaced_in_their_order(
    unit_of_work: UnitOfWorkFactory, client: ServiceClient
) -> None:
    await store(unit_of_work, client)
    rotated = client.rotated(a_client_key("k2", x="2") if client.keys else Secret("next"))
    for stored in (rotated, rotated.retired()):
        async with unit_of_work() as work:
            await work.service_clients.lock(client.id)
            await work.service_clients.save(stored)
            await work.commit()
        assert await find(unit_of_work, client.id) == stored


async def test_clients_are_listed_oldest_first(unit_of_work: UnitOfWorkFactory) -> None:
    young, old = (a_client(now=NOW - timedelta(days=days)) for days in (1, 2))
    await store(unit_of_work, young, old)
    async with unit_of_work() as work:
        listed = [each for each in await work.service_clients.list_all() if each in (young, old)]

    assert listed == [old, young]


async def test_an_assertion_is_used_up_by_its_first_use(unit_of_work: UnitOfWorkFactory) -> None:
    assertion = an_assertion()

    assert await use_up(unit_of_work, assertion)
    assert not await use_up(unit_of_work, assertion)


async def test_two_clients_may_choose_the_same_id_for_an_assertion(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    assertion = an_assertion()
    others = ClientAssertion(
        client_id=ClientId(uuid4()), id_hash=assertion.id_hash, forget_at=assertion.forget_at
    )

    assert await use_up(unit_of_work, assertion)
    assert await use_up(unit_of_work, others)


async def test_a_use_that_was_not_committed_does_not_count(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    assertion = an_assertion()
    await use_up(unit_of_work, assertion, commit=False)

    assert await use_up(unit_of_work, assertion)


@pytest.mark.parametrize("forget_at", [NOW - timedelta(days=1), NOW + timedelta(days=1)])
async def test_of_racing_uses_one_is_the_first(
    unit_of_work: UnitOfWorkFactory, forget_at: datetime
) -> None:
    assertion = an_assertion(forget_at=forget_at)
    verdicts: list[bool] = []

    async def race() -> None:
        verdicts.append(await use_up(unit_of_work, assertion))

    async with anyio.create_task_group() as tasks:
        for _ in range(16):
            tasks.start_soon(race)

    assert sorted(verdicts) == [False] * 15 + [True]
