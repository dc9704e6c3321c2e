"""An operator changes a back end's key or secret, without a gap."""

import pytest

from adapters.memory.client_assertions import MemoryClientAssertions
from application.errors import ClientRefusedError, NotFoundError
from application.use_cases.clients.admit_client import AdmitClientCommand
from application.use_cases.clients.disable_client import DisableClientCommand
from application.use_cases.clients.retire_client_credential import (
    RetireClientCredentialCommand,
)
from application.use_cases.clients.rotate_client_credential import RotateClientCredentialCommand
from domain.audit_event import AuditEventType
from domain.errors import InvalidServiceClientError
from domain.secret import Secret
from domain.service_client import (
    AssertionCredential,
    ClientCredential,
    ClientId,
    SecretCredential,
)
from tests.support.builders import a_user_id, a_visitor
from tests.support.service import AUDIENCE, MemoryService
from tests.support.service_clients import PURPOSE, assertion_claims, register


async def with_secret(service: MemoryService) -> tuple[ClientId, Secret]:
    added = await register(service.container)
    assert added.secret is not None
    return added.client.id, added.secret


async def with_key(service: MemoryService, key: str) -> ClientId:
    public_key = MemoryClientAssertions.public_key(key)
    return (await register(service.container, public_key=public_key)).client.id


async def rotate(service: MemoryService, client_id: ClientId, key: str | None = None) -> Secret:
    """Give the client its next credential; its secret, if it is one."""
    public_key = None if key is None else MemoryClientAssertions.public_key(key)
    command = RotateClientCredentialCommand(client_id=client_id, public_key=public_key)
    rotated = await service.container.rotate_client_credential().execute(command)
    assert (rotated.secret is None) == (key is not None)
    return rotated.secret or Secret("")


async def retire(service: MemoryService, client_id: ClientId) -> bool:
    command = RetireClientCredentialCommand(client_id=client_id)
    return await service.container.retire_client_credential().execute(command)


async def is_admitted(service: MemoryService, credential: ClientCredential) -> bool:
    command = AdmitClientCommand(
        credential=credential, purpose=PURPOSE, scopes=None, visitor=a_visitor()
    )
    try:
        await service.container.admit_client().execute(command)
    except ClientRefusedError:
        return False
    return True


async def secrets_good(service: MemoryService, client_id: ClientId, *secrets: Secret) -> list[bool]:
    return [
        await is_admitted(service, SecretCredential(client_id=str(client_id), secret=secret))
        for secret in secrets
    ]


async def keys_good(service: MemoryService, client_id: ClientId, *keys: str) -> list[bool]:
    def shown(key: str) -> AssertionCredential:
        claims = assertion_claims(client_id, AUDIENCE, now=service.clock.now())
        return AssertionCredential(
            assertion=MemoryClientAssertions.sign(claims, key), client_id=None
        )

    return [await is_admitted(service, shown(key)) for key in keys]


async def test_a_secret_and_the_one_before_it_are_good_until_that_is_retired(
    service: MemoryService,
) -> None:
    client_id, first = await with_secret(service)
    second = await rotate(service, client_id)

    assert first != second
    assert await secrets_good(service, client_id, first, second) == [True, True]
    assert await retire(service, client_id)
    assert await secrets_good(service, client_id, first, second) == [False, True]
    assert not await retire(service, client_id)


async def test_a_key_and_the_one_before_it_are_good_until_that_is_retired(
    service: MemoryService,
) -> None:
    client_id = await with_key(service, "first")
    await rotate(service, client_id, "second")

    assert await keys_good(service, client_id, "first", "second") == [True, True]
    assert await retire(service, client_id)
    assert await keys_good(service, client_id, "first", "second") == [False, True]


async def test_no_more_than_two_are_good_at_once(service: MemoryService) -> None:
    client_id, first = await with_secret(service)
    second, third = [await rotate(service, client_id) for _ in range(2)]

    assert await secrets_good(service, client_id, first, second, third) == [False, True, True]


async def test_a_client_keeps_its_kind_of_credential(service: MemoryService) -> None:
    by_key, (by_secret, secret) = await with_key(service, "k"), await with_secret(service)
    before = service.store.committed.copy()

    with pytest.raises(InvalidServiceClientError):
        await rotate(service, by_key)
    with pytest.raises(InvalidServiceClientError):
        await rotate(service, by_secret, "k")

    assert service.store.committed == before
    assert await secrets_good(service, by_secret, secret) == [True]


async def test_a_key_that_the_client_has_is_no_new_one(service: MemoryService) -> None:
    client_id = await with_key(service, "k")

    with pytest.raises(InvalidServiceClientError):
        await rotate(service, client_id, "k")


async def test_a_disabled_client_gets_nothing_new(service: MemoryService) -> None:
    client_id, _ = await with_secret(service)
    command = DisableClientCommand(client_id=client_id, reason="test")
    await service.container.disable_client().execute(command)

    with pytest.raises(InvalidServiceClientError):
        await rotate(service, client_id)


async def test_nobody_gets_anything_who_is_not_there(service: MemoryService) -> None:
    nobody = ClientId(a_user_id())
    with pytest.raises(NotFoundError):
        await rotate(service, nobody)
    with pytest.raises(NotFoundError):
        await retire(service, nobody)

    named = {"client": str(nobody), "reason": "not_found"}
    assert [(event.type, event.data) for event in service.audit] == [
        (AuditEventType.COMMAND_REFUSED, {"command": command, **named})
        for command in ("client_rotate", "client_retire")
    ]


async def test_both_are_audited_without_the_secret(service: MemoryService) -> None:
    client_id, _ = await with_secret(service)
    await rotate(service, client_id)
    await retire(service, client_id)

    told = {"client": str(client_id), "method": "client_secret"}
    assert [(event.type, event.data) for event in service.audit[1:]] == [
        (AuditEventType.CLIENT_CREDENTIAL_ADDED, told),
        (AuditEventType.CLIENT_CREDENTIAL_RETIRED, told),
    ]
