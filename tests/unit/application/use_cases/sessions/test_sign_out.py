"""Signing out by a token of the session, whether or not the token is still valid."""

from datetime import timedelta

import pytest

from adapters.memory.session_repository import MemorySessionRepository
from adapters.memory.store import MemoryStore
from application.errors import SessionEndedError, UnauthenticatedError, UnavailableError
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sessions.sign_out import (
    ByJWT,
    ByRefreshToken,
    SignOutCommand,
    SignOutProof,
)
from domain.audit_event import AuditEventType
from domain.revocation import Revocation, RevokedBy
from domain.secret import Secret
from domain.session import RENEWAL_UNDER_WAY, Session
from domain.session_grant import SessionGrant
from domain.session_limits import SessionLimits
from tests.support.builders import LIMITS, a_visitor
from tests.support.service import MemoryService, a_memory_service

SHORT_TOKENS = SessionLimits(token=timedelta(minutes=5))


async def sign_out(service: MemoryService, proof: SignOutProof) -> None:
    command = SignOutCommand(proof=proof, visitor=a_visitor())
    await service.container.sign_out().execute(command)


async def renew(service: MemoryService, token: Secret) -> SessionGrant:
    command = RenewSessionCommand(refresh_token=token, visitor=a_visitor())
    return await service.container.renew_session().execute(command)


def only_session(service: MemoryService) -> Session:
    (session,) = service.store.committed.sessions.values()
    return session


def logouts(service: MemoryService) -> list[dict[str, object]]:
    return [dict(event.data) for event in service.audit if event.type is AuditEventType.LOGOUT]


@pytest.fixture
def service() -> MemoryService:
    """JWTs that end long before their session does."""
    service = a_memory_service(MemoryStore())
    for use_case in (service.container.issue_session, service.container.renew_session):
        use_case.add_kwargs(limits=SHORT_TOKENS)
    service.container.grants.add_kwargs(limits=SHORT_TOKENS)
    return service


@pytest.mark.parametrize(
    "after",
    [
        timedelta(),
        SHORT_TOKENS.token - timedelta(seconds=1),
        SHORT_TOKENS.token,
        LIMITS.idle - timedelta(seconds=1),
    ],
)
async def test_a_jwt_ends_the_session_that_it_was_issued_for_expired_or_not(
    service: MemoryService, after: timedelta
) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(after)

    await sign_out(service, ByJWT(grant.token))

    assert only_session(service).revocation == Revocation(
        at=service.clock.now(), by=RevokedBy.USER, reason="logout"
    )
    assert logouts(service) == [{"session_id": str(grant.session.id)}]
    assert service.audit[-1].user_id == grant.session.user_id
    with pytest.raises(SessionEndedError):
        await renew(service, grant.refresh_token)


async def test_a_jwt_from_before_a_renewal_ends_the_session_too(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(SHORT_TOKENS.token)
    renewed = await renew(service, grant.refresh_token)

    await sign_out(service, ByJWT(grant.token))

    with pytest.raises(SessionEndedError):
        await renew(service, renewed.refresh_token)
    with pytest.raises(UnauthenticatedError):
        await service.validate(renewed.token)


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_refresh_token_alone_ends_its_session(
    service: MemoryService,
    is_replaced: bool,  # noqa: FBT001 - a case
) -> None:
    grant = (await service.sign_in()).grant
    if is_replaced:
        service.clock.advance(timedelta(minutes=2))
        await renew(service, grant.refresh_token)

    await sign_out(service, ByRefreshToken(grant.refresh_token))

    assert only_session(service).revocation is not None
    assert logouts(service) == [{"session_id": str(grant.session.id)}]


async def test_no_other_session_of_the_user_ends(service: MemoryService) -> None:
    grant, other = (await service.sign_in()).grant, (await service.sign_in()).grant

    await sign_out(service, ByJWT(grant.token))

    assert (await service.validate(other.token)).session.session_id == other.session.id


async def test_signing_out_again_changes_nothing(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    await sign_out(service, ByJWT(grant.token))
    before = service.store.committed.copy()

    await sign_out(service, ByJWT(grant.token))
    await sign_out(service, ByRefreshToken(grant.refresh_token))

    assert service.store.committed == before


async def test_a_session_that_reached_its_limit_is_left_as_it_is(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(LIMITS.idle + RENEWAL_UNDER_WAY)
    before = service.store.committed.copy()

    await sign_out(service, ByJWT(grant.token))

    assert service.store.committed == before


async def test_a_session_that_a_late_renewal_could_still_extend_is_ended(
    service: MemoryService,
) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(LIMITS.idle)

    await sign_out(service, ByJWT(grant.token))

    assert only_session(service).revocation is not None


async def test_a_session_that_was_purged_is_unknown(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.store.committed.sessions.clear()
    before = service.store.committed.copy()

    for proof in (ByJWT(grant.token), ByRefreshToken(grant.refresh_token)):
        with pytest.raises(UnauthenticatedError):
            await sign_out(service, proof)

    assert service.store.committed == before


@pytest.mark.parametrize("kind", [ByJWT, ByRefreshToken])
async def test_a_token_that_is_not_genuine_changes_nothing(
    service: MemoryService, kind: type[ByJWT | ByRefreshToken]
) -> None:
    grant = (await service.sign_in()).grant
    before = service.store.committed.copy()
    other_kind = grant.refresh_token if kind is ByJWT else grant.token

    for token in (Secret("nobody"), other_kind):
        with pytest.raises(UnauthenticatedError):
            await sign_out(service, kind(token))

    assert service.store.committed == before


@pytest.mark.parametrize("step", ["lock", "revoke"])
async def test_in_an_outage_nothing_is_acknowledged_and_the_sign_out_can_come_again(
    service: MemoryService, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    grant = (await service.sign_in()).grant

    async def fails(*_: object) -> None:
        raise UnavailableError

    with monkeypatch.context() as patched:
        patched.setattr(MemorySessionRepository, step, fails)
        with pytest.raises(UnavailableError):
            await sign_out(service, ByJWT(grant.token))
    assert only_session(service).revocation is None
    assert logouts(service) == []

    await sign_out(service, ByJWT(grant.token))

    assert only_session(service).revocation is not None
