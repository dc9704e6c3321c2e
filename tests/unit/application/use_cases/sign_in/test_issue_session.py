"""Opening a session."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.errors import NotFoundError
from application.use_cases.sign_in.issue_session import IssueSessionCommand
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.session_grant import SessionGrant
from tests.support.builders import a_front_end, a_user_id, a_visitor
from tests.support.service import MemoryService
from tests.support.storage import a_stored_user


async def issue(service: MemoryService, user_id: UserId) -> SessionGrant:
    command = IssueSessionCommand(user_id=user_id, visitor=a_visitor())
    return await service.container.issue_session().execute(command)


async def test_a_session_is_stored_and_its_token_admits_to_it(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    grant = await issue(service, user.id)

    assert service.store.committed.sessions == {grant.session.id: grant.session}
    valid = await service.validate(grant.token)
    assert (valid.claims.user_id, valid.claims.session_id) == (user.id, grant.session.id)
    claims = service.claims_in(grant.token)
    assert (claims.token_id, claims.icn) == (grant.session.token_id, user.icn)


async def test_a_session_is_of_the_front_end_that_was_asked_for(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    front_end = a_front_end(idle=timedelta(minutes=5), absolute=timedelta(minutes=50))
    command = IssueSessionCommand(user_id=user.id, visitor=a_visitor(), front_end=front_end)
    grant = await service.container.issue_session().execute(command)

    assert grant.session.front_end == front_end.id
    now = service.clock.now()
    assert grant.session.expires_at == now + timedelta(minutes=5)
    assert grant.session.absolute_expires_at == now + timedelta(minutes=50)
    assert service.audit[-1].data["front_end"] == str(front_end.id)


async def test_there_is_exactly_one_login_event_for_each_session(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    grants = [await issue(service, user.id) for _ in range(3)]

    assert [(event.type, event.data["session_id"]) for event in service.audit] == [
        (AuditEventType.LOGIN, str(grant.session.id)) for grant in grants
    ]


async def test_each_session_has_ids_and_tokens_of_its_own(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    grants = [await issue(service, user.id) for _ in range(3)]

    assert len({grant.session.id for grant in grants}) == 3
    assert len({grant.session.token_id for grant in grants}) == 3
    assert len({grant.token for grant in grants} | {grant.refresh_token for grant in grants}) == 6


async def test_a_token_id_has_256_random_bits_and_is_no_uuid(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    grant = await issue(service, user.id)

    assert len(grant.session.token_id) == 43


async def test_nobody_gets_a_session_who_is_not_there_or_disabled(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    service.store.committed.users[user.id] = replace(user, is_active=False)

    for user_id in (user.id, a_user_id()):
        with pytest.raises(NotFoundError):
            await issue(service, user_id)
    assert service.store.committed.sessions == {}
    assert service.audit == []


async def test_a_grant_does_not_show_its_tokens(service: MemoryService) -> None:
    user = await a_stored_user(service.storage.unit_of_work)
    grant = await issue(service, user.id)

    for secret in (grant.token, grant.refresh_token):
        assert secret.reveal() not in repr(grant)
