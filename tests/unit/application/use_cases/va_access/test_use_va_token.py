"""A back end acts for a Veteran with VA's access token."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from adapters.memory.audit_trail import MemoryAuditTrail
from application.errors import (
    SessionEndedError,
    UnavailableError,
    VAScopeNotGrantedError,
    VASignInNeededError,
)
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand, Which
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentityCommand
from application.use_cases.va_access.use_va_token import UsableVAToken, UseVATokenCommand
from domain.audit_event import AuditEventType
from domain.session_grant import SessionGrant
from domain.va_token_use import TokenPurpose
from tests.support.builders import a_provider_sign_in, a_visitor, some_tokens
from tests.support.processes import REPOSITORY
from tests.support.service import MemoryService
from tests.support.storage import standing_of
from tests.support.va_tokens import a_use, use

ALL_SCOPES = tuple(some_tokens().scope.split())


async def refused(service: MemoryService, command: UseVATokenCommand, kind: type[Exception]) -> str:
    """The reason that the audit gives for a refusal, which it must give."""
    trail = len(service.audit)
    with pytest.raises(kind) as raised:
        await use(service.container, command)
    assert type(raised.value) is kind
    (event,) = service.audit[trail:]
    assert event.type is AuditEventType.VA_TOKEN_USE_REFUSED
    data = dict(event.data)
    reason = data.pop("reason")
    assert data == {
        "session_id": str(command.session_id),
        "client": command.client_id,
        "purpose": command.purpose.value,
        "scope": " ".join(sorted(command.scopes)),
    }
    return str(reason)


@pytest.mark.parametrize(
    "scopes", [(), ("veteran_status.read",), ("openid", "profile"), ALL_SCOPES]
)
async def test_a_back_end_gets_the_access_token_and_what_it_is_worth(
    service: MemoryService, scopes: tuple[str, ...]
) -> None:
    tokens = some_tokens()
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant

    assert await use(service.container, a_use(grant, scopes=frozenset(scopes))) == UsableVAToken(
        access_token=tokens.access_token, scope=tokens.scope, expires_at=tokens.expires_at
    )


async def test_each_use_is_on_record_with_who_what_for_and_for_which_session(
    service: MemoryService,
) -> None:
    tokens = some_tokens()
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant
    command = a_use(grant, purpose=TokenPurpose.CLAIM_STATUS)
    for _ in range(2):
        await use(service.container, command)

    used = [event for event in service.audit if event.type is AuditEventType.VA_TOKEN_USED]
    assert len(used) == 2
    for event in used:
        assert (event.user_id, event.visitor) == (
            grant.session.user_id,
            command.visitor.as_recorded(),
        )
        assert dict(event.data) == {
            "session_id": str(grant.session.id),
            "client": "claims-service",
            "purpose": "claim_status",
            "scope": tokens.scope,
        }


@pytest.mark.case(91)
async def test_no_token_leaves_when_its_use_cannot_be_recorded(
    service: MemoryService,
) -> None:
    grant = (await service.sign_in()).grant
    with (
        patch.object(MemoryAuditTrail, "append", side_effect=UnavailableError),
        pytest.raises(UnavailableError),
    ):
        await use(service.container, a_use(grant))


async def log_out(service: MemoryService, grant: SessionGrant) -> None:
    command = RevokeSessionsCommand(
        user_id=grant.session.user_id,
        current=grant.session.id,
        which=grant.session.id,
        visitor=a_visitor(),
    )
    await service.container.revoke_sessions().execute(command)


async def log_out_everywhere(service: MemoryService, grant: SessionGrant) -> None:
    command = RevokeSessionsCommand(
        user_id=grant.session.user_id,
        current=grant.session.id,
        which=Which.ALL,
        visitor=a_visitor(),
    )
    await service.container.revoke_sessions().execute(command)


async def disable(service: MemoryService, grant: SessionGrant) -> None:
    command = DisableUserCommand(user_id=grant.session.user_id, reason="fraud")
    await service.container.disable_user().execute(command)


async def unlink(service: MemoryService, grant: SessionGrant) -> None:
    command = UnlinkVAIdentityCommand(session=standing_of(grant.session), visitor=a_visitor())
    await service.container.unlink_va_identity().execute(command)


async def disable_but_leave_the_session(service: MemoryService, grant: SessionGrant) -> None:
    users, user_id = service.store.committed.users, grant.session.user_id
    users[user_id] = replace(users[user_id], is_active=False)


async def let_it_expire(service: MemoryService, grant: SessionGrant) -> None:
    service.clock.set(grant.session.expires_at)


@pytest.mark.case(84)
@pytest.mark.parametrize(
    "end",
    [
        log_out,
        log_out_everywhere,
        disable,
        disable_but_leave_the_session,
        unlink,
        let_it_expire,
    ],
)
async def test_whatever_ended_the_session_before_the_use_wins(
    service: MemoryService, end: Any
) -> None:
    grant = (await service.sign_in()).grant
    command = a_use(grant)
    await end(service, grant)

    assert await refused(service, command, SessionEndedError) == "session_ended"


async def test_a_session_of_somebody_else_is_none(service: MemoryService) -> None:
    one, other = [(await service.sign_in()).grant for _ in range(2)]

    reason = await refused(service, a_use(one, session_id=other.session.id), SessionEndedError)
    assert reason == "session_ended"


async def test_without_tokens_a_new_sign_in_is_needed(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.store.committed.va_tokens.clear()

    assert await refused(service, a_use(grant), VASignInNeededError) == "no_tokens"


@pytest.mark.case(92)
async def test_tokens_that_do_not_open_need_a_new_sign_in(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    rows = service.store.committed.va_tokens
    user_id = grant.session.user_id
    rows[user_id] = replace(rows[user_id], access_token=b"altered")

    assert await refused(service, a_use(grant), VASignInNeededError) == "unreadable"


@pytest.mark.case(54)
async def test_a_scope_that_was_not_granted_is_refused(service: MemoryService) -> None:
    tokens = replace(some_tokens(), scope="openid veteran_status.read")
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant
    for scopes in ({"claim.read"}, {"openid", "claim.read"}, {"openid veteran_status.read"}):
        command = a_use(grant, scopes=frozenset(scopes))
        assert await refused(service, command, VAScopeNotGrantedError) == "scope_not_granted"


def test_every_purpose_has_a_name_that_a_veteran_understands() -> None:
    names = [purpose.plain_name for purpose in TokenPurpose]
    assert len(set(names)) == len(names)
    assert all("_" not in name and name[0].islower() for name in names)
    told = (REPOSITORY / "docs/vault.md").read_text()
    for purpose in TokenPurpose:
        assert f"| `{purpose}` | {purpose.plain_name} |" in told
