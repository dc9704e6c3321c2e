"""An operator registers back ends and shuts them out; they are admitted meanwhile."""

from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.client_assertions import MemoryClientAssertions
from adapters.memory.store import MemoryStore
from application.errors import (
    ClientRefusedError,
    NotFoundError,
    PurposeNotAllowedError,
    ScopeNotAllowedError,
    TooManyRefusalsError,
    UnavailableError,
)
from application.use_cases.clients.add_client import ClientAdded
from application.use_cases.clients.admit_client import AdmitClientCommand, AdmittedClient
from application.use_cases.clients.disable_client import DisableClientCommand
from application.use_cases.clients.refuse_client import RefuseClientCommand
from domain.audit_event import AuditEventType
from domain.errors import InvalidServiceClientError
from domain.secret import Secret
from domain.service_client import (
    AssertionCredential,
    ClientCredential,
    ClientId,
    SecretCredential,
)
from domain.va_token_use import TokenPurpose
from domain.visitor import Visitor
from entrypoints.web.token_endpoint import REFUSALS_A_MINUTE
from tests.support.builders import a_user_id, a_visitor
from tests.support.outages import down_storage
from tests.support.service import AUDIENCE, MemoryService, a_memory_service
from tests.support.service_clients import PURPOSE, SCOPE, assertion_claims, register

VISITOR = a_visitor()


async def disable(service: MemoryService, client_id: ClientId) -> bool:
    command = DisableClientCommand(client_id=client_id, reason="left_the_project")
    return await service.container.disable_client().execute(command)


async def admit(
    service: MemoryService,
    credential: ClientCredential,
    *,
    purpose: TokenPurpose = PURPOSE,
    scopes: frozenset[str] | None = None,
    visitor: Visitor | None = None,
) -> AdmittedClient:
    command = AdmitClientCommand(
        credential=credential, purpose=purpose, scopes=scopes, visitor=visitor or VISITOR
    )
    return await service.container.admit_client().execute(command)


async def refusal(service: MemoryService, credential: ClientCredential) -> ClientRefusedError:
    with pytest.raises(ClientRefusedError) as refused:
        await admit(service, credential)
    assert type(refused.value) is ClientRefusedError
    return refused.value


def by_secret(added: ClientAdded) -> SecretCredential:
    assert added.secret is not None
    return SecretCredential(client_id=str(added.client.id), secret=added.secret)


def by_assertion(
    service: MemoryService, client_id: ClientId, key: str, *, beside: str | None = None
) -> AssertionCredential:
    claims = assertion_claims(client_id, AUDIENCE, now=service.clock.now())
    return AssertionCredential(assertion=MemoryClientAssertions.sign(claims, key), client_id=beside)


async def test_a_registered_client_is_admitted_by_the_secret_it_was_given(
    service: MemoryService,
) -> None:
    added = await register(service.container)

    admitted = await admit(service, by_secret(added))

    assert admitted == AdmittedClient(id=added.client.id, scopes=frozenset({SCOPE}))


async def test_registering_is_audited_without_the_secret(service: MemoryService) -> None:
    granted = frozenset(service.container.settings().va_scopes)
    added = await register(
        service.container, purposes=frozenset({PURPOSE, TokenPurpose.CLAIM_STATUS}), scopes=granted
    )

    (event,) = service.audit
    assert added.secret is not None
    assert (event.type, event.user_id, event.visitor) == (
        AuditEventType.CLIENT_ADDED,
        None,
        Visitor(),
    )
    assert event.data == {
        "client": str(added.client.id),
        "method": "client_secret",
        "purposes": "claim_status veteran_status",
        "scope": "offline_access openid profile veteran_status.read",
    }


async def test_no_two_clients_get_the_same_secret(service: MemoryService) -> None:
    one, other = [await register(service.container) for _ in range(2)]

    assert one.secret != other.secret
    assert (
        await refusal(
            service,
            SecretCredential(client_id=str(one.client.id), secret=by_secret(other).secret),
        )
    ).reason == "wrong_secret"


async def test_a_scope_that_veterans_are_not_asked_for_cannot_be_registered(
    service: MemoryService,
) -> None:
    with pytest.raises(InvalidServiceClientError) as refused:
        await register(service.container, scopes=frozenset({SCOPE, "everything"}))
    assert str(refused.value) == ("a client can only have scopes that VETASSIST_VA_SCOPES contains")

    assert not service.store.committed.service_clients
    assert not service.audit


async def test_a_client_with_a_key_gets_no_secret(service: MemoryService) -> None:
    added = await register(service.container, public_key=MemoryClientAssertions.public_key("k"))

    assert added.secret is None
    shown = by_assertion(service, added.client.id, "k", beside=str(added.client.id))
    assert (await admit(service, shown)).id == added.client.id


async def test_an_assertion_counts_once_even_if_what_follows_is_refused(
    service: MemoryService,
) -> None:
    added = await register(service.container, public_key=MemoryClientAssertions.public_key("k"))
    shown = by_assertion(service, added.client.id, "k")
    with pytest.raises(PurposeNotAllowedError):
        await admit(service, shown, purpose=TokenPurpose.HEALTH_RECORDS)

    refused = await refusal(service, shown)

    assert (refused.reason, refused.client_id) == ("assertion_replayed", added.client.id)


async def test_an_assertion_beside_another_clients_name_is_refused_and_not_used_up(
    service: MemoryService,
) -> None:
    added = await register(service.container, public_key=MemoryClientAssertions.public_key("k"))
    other = await register(service.container)
    shown = by_assertion(service, added.client.id, "k")
    beside = AssertionCredential(assertion=shown.assertion, client_id=str(other.client.id))

    refused = await refusal(service, beside)
    assert (refused.reason, refused.client_id) == ("assertion_client", added.client.id)
    await admit(service, shown)


async def test_who_has_a_secret_has_no_assertions_and_the_other_way_round(
    service: MemoryService,
) -> None:
    with_key = await register(service.container, public_key=MemoryClientAssertions.public_key("k"))
    with_secret = await register(service.container)

    refused = await refusal(service, by_assertion(service, with_secret.client.id, "k"))
    assert (refused.reason, refused.client_id) == ("assertion_signature", with_secret.client.id)
    shown = SecretCredential(client_id=str(with_key.client.id), secret=Secret(""))
    assert (await refusal(service, shown)).reason == "wrong_secret"


@pytest.mark.parametrize("name", ["", "nobody", "5f0c5d2e-7b0e-4b52-9d36-1f7f7f4f2f10", "\x00"])
async def test_nobody_is_admitted_under_a_name_that_is_not_there(
    service: MemoryService, name: str
) -> None:
    await register(service.container)

    refused = await refusal(service, SecretCredential(client_id=name, secret=Secret("x")))

    assert (refused.reason, refused.client_id) == ("unknown_client", None)


async def test_an_assertion_that_nobody_can_read_names_nobody(service: MemoryService) -> None:
    shown = AssertionCredential(assertion=Secret("junk"), client_id=None)

    refused = await refusal(service, shown)

    assert refused.reason.startswith("assertion_")
    assert refused.client_id is None


async def test_a_client_asks_for_less_than_it_may_but_not_for_more(
    service: MemoryService,
) -> None:
    added = await register(service.container, scopes=frozenset({SCOPE, "profile"}))
    shown = by_secret(added)

    assert (await admit(service, shown, scopes=frozenset({SCOPE}))).scopes == {SCOPE}
    assert (await admit(service, shown)).scopes == {SCOPE, "profile"}
    for scopes in ({"openid"}, {SCOPE, "openid"}):
        with pytest.raises(ScopeNotAllowedError):
            await admit(service, shown, scopes=frozenset(scopes))


async def test_a_refusal_is_audited_with_its_reason_and_the_client_that_was_meant(
    service: MemoryService,
) -> None:
    added = await register(service.container)
    wrong = SecretCredential(client_id=str(added.client.id), secret=Secret("wrong"))
    await refusal(service, wrong)
    await refusal(service, SecretCredential(client_id="nobody", secret=Secret("x")))
    command = RefuseClientCommand(refusal=ClientRefusedError("no_credentials"), visitor=VISITOR)
    with pytest.raises(ClientRefusedError, match="no_credentials"):
        await service.container.refuse_client().execute(command)

    _, *refused = service.audit
    assert {event.type for event in refused} == {AuditEventType.CLIENT_REFUSED}
    assert {event.visitor.address_hash for event in refused} == {VISITOR.address_hash}
    assert [event.data for event in refused] == [
        {"reason": "wrong_secret", "client": str(added.client.id)},
        {"reason": "unknown_client"},
        {"reason": "no_credentials"},
    ]


async def test_what_a_client_is_not_registered_for_is_audited(service: MemoryService) -> None:
    added = await register(service.container)
    with pytest.raises(PurposeNotAllowedError):
        await admit(service, by_secret(added), purpose=TokenPurpose.HEALTH_RECORDS)
    with pytest.raises(ScopeNotAllowedError):
        await admit(service, by_secret(added), scopes=frozenset({"more"}))

    known = {"client": str(added.client.id)}
    assert [event.data for event in service.audit[1:]] == [
        {"reason": "purpose_not_allowed"} | known,
        {"reason": "scope_not_allowed"} | known,
    ]


async def test_refusals_of_one_address_are_audited_up_to_a_limit(service: MemoryService) -> None:
    added = await register(service.container)
    wrong = SecretCredential(client_id=str(added.client.id), secret=Secret("wrong"))
    for _ in range(REFUSALS_A_MINUTE):
        await refusal(service, wrong)
    before = len(service.audit)

    with pytest.raises(TooManyRefusalsError) as refused:
        await admit(service, wrong)
    assert (refused.value.reason, refused.value.client_id) == ("wrong_secret", added.client.id)
    assert len(service.audit) == before
    await admit(service, by_secret(added))
    with pytest.raises(ClientRefusedError) as elsewhere:
        await admit(service, wrong, visitor=replace(VISITOR, address_hash="b" * 64))
    assert type(elsewhere.value) is ClientRefusedError


async def test_a_refusal_that_cannot_be_audited_is_no_refusal(service: MemoryService) -> None:
    with patch.object(MemoryAuditTrail, "append", side_effect=UnavailableError):
        with pytest.raises(UnavailableError):
            await admit(service, SecretCredential(client_id="x", secret=Secret("x")))
        command = RefuseClientCommand(refusal=ClientRefusedError("no_credentials"), visitor=VISITOR)
        with pytest.raises(UnavailableError):
            await service.container.refuse_client().execute(command)


async def test_a_disabled_client_is_refused_for_good(service: MemoryService) -> None:
    added = await register(service.container)

    assert await disable(service, added.client.id)
    assert not await disable(service, added.client.id)
    refused = await refusal(service, by_secret(added))

    assert (refused.reason, refused.client_id) == ("disabled_client", added.client.id)
    _, event, attempt = service.audit
    assert event.type is AuditEventType.CLIENT_DISABLED
    assert attempt.type is AuditEventType.CLIENT_REFUSED
    assert event.data == {"client": str(added.client.id), "reason": "left_the_project"}


async def test_the_attempt_is_audited_to_disable_who_is_not_there(service: MemoryService) -> None:
    nobody = ClientId(a_user_id())
    with pytest.raises(NotFoundError):
        await disable(service, nobody)

    (attempt,) = service.audit
    assert attempt.type is AuditEventType.COMMAND_REFUSED
    assert attempt.data == {
        "command": "client_disable",
        "reason": "not_found",
        "client": str(nobody),
    }


async def test_clients_are_listed_oldest_first(service: MemoryService) -> None:
    names = ["first", "second", "third"]
    for name in names:
        await register(service.container, name=name)
        service.clock.advance(timedelta(seconds=1))

    listed = await service.container.list_clients().execute()

    assert [client.name for client in listed] == names


@pytest.mark.case(91)
async def test_what_cannot_be_audited_does_not_happen(service: MemoryService) -> None:
    added = await register(service.container)
    before = service.store.committed.copy()
    with patch.object(MemoryAuditTrail, "append", side_effect=UnavailableError):
        with pytest.raises(UnavailableError):
            await register(service.container)
        with pytest.raises(UnavailableError):
            await disable(service, added.client.id)

    assert service.store.committed == before


async def test_an_outage_admits_nobody_and_refuses_nobody() -> None:
    down = a_memory_service(MemoryStore(), down_storage())
    with pytest.raises(UnavailableError):
        await admit(down, SecretCredential(client_id="x", secret=Secret("x")))


def test_no_command_shows_what_it_carries() -> None:
    shown = AdmitClientCommand(
        credential=SecretCredential(client_id="x", secret=Secret("canary")),
        purpose=PURPOSE,
        scopes=None,
        visitor=VISITOR,
    )

    assert "canary" not in repr(shown)
