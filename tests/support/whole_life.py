"""A session's whole life on a real database, by the service's own connections."""

from contextlib import AsyncExitStack
from typing import Final

import pytest
from dependency_injector import providers

from adapters.memory.identity_provider import MemoryIdentityProvider
from adapters.system.clock import SystemClock
from application.errors import SessionNotStandingError
from application.use_cases.evidence.verify_audit import VerifyAuditCommand
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand
from application.use_cases.sessions.validate_session import ValidateSessionCommand
from domain.audit_finding import AuditFinding
from domain.session_grant import SessionGrant
from entrypoints.container import Container
from entrypoints.settings import Settings
from tests.support.builders import ISSUER, a_provider_sign_in, a_visitor, an_identity
from tests.support.frozen_clock import frozen_clock
from tests.support.service import Service, open_storage
from tests.support.storage import postgres_storage

#: Nothing but UTF-8 stores all of it.
_NAME: Final = "Zoë Łukasz 李 😀"


async def live_a_whole_life(settings: Settings) -> None:
    """Sign in, validate, renew, sign out; then the audit trail tells of it, sealed and whole.

    Args:
        settings: Of a database that is migrated.
    """
    provider = MemoryIdentityProvider(issuer=ISSUER, clock=SystemClock())
    container = Container(settings=settings, identity_provider=providers.Object(provider))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(open_storage(container))
        service = Service(
            container=container,
            storage=postgres_storage(container.connection_pool()),
            provider=provider,
            clock=frozen_clock(),
        )
        for _ in range(2):
            await _live(service)
        await container.seal_audit().execute()
        findings: list[AuditFinding] = []
        verified = await container.verify_audit().execute(
            VerifyAuditCommand(checkpoints=(), on_rows=lambda _: None, on_finding=findings.append)
        )
    assert findings == []
    assert verified.rows >= 2 * len(("login_started", "login", "session_renewed", "logout"))
    assert verified.waiting == 0


async def _live(service: Service) -> None:
    container = service.container
    identity = an_identity(given_name=_NAME)
    grant = (await service.sign_in(a_provider_sign_in(identity))).grant
    profile = await container.view_user().execute(grant.session.user_id)
    assert profile.user.given_name == _NAME
    assert await _stands(service, grant)
    command = RenewSessionCommand(refresh_token=grant.refresh_token, visitor=a_visitor())
    renewed = await container.renew_session().execute(command)
    assert await _stands(service, renewed)
    await container.revoke_sessions().execute(
        RevokeSessionsCommand(
            user_id=grant.session.user_id,
            current=grant.session.id,
            which=grant.session.id,
            visitor=a_visitor(),
        )
    )
    with pytest.raises(SessionNotStandingError):
        await _stands(service, renewed)


async def _stands(service: Service, grant: SessionGrant) -> bool:
    command = ValidateSessionCommand(token=grant.token)
    valid = await service.container.validate_session().execute(command)
    return valid.session.session_id == grant.session.id
