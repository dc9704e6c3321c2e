"""An operator unlinks a user from VA, as the Veteran can."""

import pytest

from application.errors import NotFoundError, UnauthenticatedError
from application.use_cases.operations.unlink_user import UnlinkUserCommand
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.revocation import RevokedBy
from domain.visitor import Visitor
from tests.support.builders import a_provider_sign_in, a_user_id, an_identity
from tests.support.service import MemoryService

REASON = "asked_by_phone"


async def unlink(service: MemoryService, user_id: UserId, *, is_dry_run: bool = False) -> int:
    command = UnlinkUserCommand(user_id=user_id, reason=REASON, is_dry_run=is_dry_run)
    return await service.container.unlink_user().execute(command)


async def test_tokens_key_aliases_and_sessions_go_and_the_user_stays(
    service: MemoryService,
) -> None:
    signed_in = a_provider_sign_in()
    grants = [(await service.sign_in(signed_in)).grant for _ in range(2)]
    user_id = grants[0].session.user_id
    await service.sign_in()
    user = service.store.committed.users[user_id]

    assert await unlink(service, user_id) == 2

    tables = service.store.committed
    assert tables.users[user_id] == user
    for kept in (tables.va_tokens, tables.data_keys, tables.va_token_states):
        assert user_id not in kept
        assert len(kept) == 1
    assert user_id not in tables.aliases.values()
    # The tokens of both sign-ins wait to be revoked at VA.
    assert [each.user_id for each in tables.va_revocations.values()] == [user_id, user_id]
    revocations = [tables.sessions[grant.session.id].revocation for grant in grants]
    assert [each and (each.by, each.reason) for each in revocations] == [
        (RevokedBy.OPERATOR, REASON)
    ] * 2
    for grant in grants:
        with pytest.raises(UnauthenticatedError):
            await service.validate(grant.token)
    event = service.audit[-1]
    assert (event.type, event.user_id, event.visitor) == (
        AuditEventType.VA_UNLINKED_BY_OPERATOR,
        user_id,
        Visitor(),
    )
    assert event.data == {"reason": REASON, "sessions": 2}


async def test_the_next_sign_in_finds_the_same_account(service: MemoryService) -> None:
    identity = an_identity()
    user_id = (await service.sign_in(identity)).grant.session.user_id
    await unlink(service, user_id)
    assert (await service.sign_in(identity)).grant.session.user_id == user_id


async def test_an_unknown_user_is_refused_on_record(service: MemoryService) -> None:
    nobody = a_user_id()
    with pytest.raises(NotFoundError):
        await unlink(service, nobody)
    (event,) = service.audit
    assert (event.type, event.user_id) == (AuditEventType.COMMAND_REFUSED, nobody)
    assert event.data == {"command": "user_unlink", "reason": "not_found"}


async def test_a_dry_run_counts_and_does_and_records_nothing(service: MemoryService) -> None:
    user_id = (await service.sign_in()).grant.session.user_id
    before = service.store.committed.copy()
    assert await unlink(service, user_id, is_dry_run=True) == 1
    with pytest.raises(NotFoundError):
        await unlink(service, a_user_id(), is_dry_run=True)
    assert service.store.committed == before
