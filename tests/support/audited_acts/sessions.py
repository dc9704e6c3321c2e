"""Acts: the life of a session."""

from dataclasses import replace
from datetime import timedelta

from application.errors import (
    ApplicationError,
)
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand, Which
from application.use_cases.sessions.sign_out import (
    ByJWT,
    ByRefreshToken,
    SignOutCommand,
    SignOutProof,
)
from application.use_cases.sign_in.redeem_handoff import RedeemHandoffCommand
from domain.audit_event import AuditEventType
from domain.handoff import HandoffTicket
from domain.identifiers import SessionId
from domain.secret import Secret
from domain.session_grant import SessionGrant
from tests.support.audited_acts.acts import Scene, act
from tests.support.builders import (
    LIMITS,
    a_session_id,
    a_visitor,
    an_identity,
    some_login_secrets,
)
from tests.support.service import Service, deliver_by_code


async def a_ticket(service: Service) -> tuple[SessionGrant, HandoffTicket]:
    deliver_by_code(service.container)
    completed = await service.sign_in()
    assert completed.ticket is not None
    return completed.grant, completed.ticket


def _redemption(service: Service, ticket: HandoffTicket) -> Scene:
    command = RedeemHandoffCommand(code=ticket.code, holder=ticket.holder, visitor=a_visitor())
    return Scene(
        happen=lambda: service.container.redeem_handoff().execute(command),
        visitor=command.visitor,
    )


@act("redeem_handoff", AuditEventType.SESSION_REDEEMED)
async def a_code_is_redeemed(service: Service) -> Scene:
    grant, ticket = await a_ticket(service)
    return replace(_redemption(service, ticket), user_id=grant.session.user_id)


@act("redeem_handoff", AuditEventType.SESSION_REDEEM_REFUSED)
async def a_code_is_none_of_ours(service: Service) -> Scene:
    ours = some_login_secrets()
    ticket = HandoffTicket(code=ours.state, browser=ours.browser)
    return replace(_redemption(service, ticket), ends_in=ApplicationError)


@act("redeem_handoff", AuditEventType.SESSION_REDEEM_REFUSED)
async def the_session_of_a_code_has_ended(service: Service) -> Scene:
    grant, ticket = await a_ticket(service)
    await ending(service, grant, grant.session.id).happen()
    return replace(
        _redemption(service, ticket), user_id=grant.session.user_id, ends_in=ApplicationError
    )


def _renewal(service: Service, grant: SessionGrant) -> Scene:
    command = RenewSessionCommand(refresh_token=grant.refresh_token, visitor=a_visitor())
    return Scene(
        happen=lambda: service.container.renew_session().execute(command),
        user_id=grant.session.user_id,
        visitor=command.visitor,
    )


@act("renew_session", AuditEventType.SESSION_RENEWED)
async def a_session_is_renewed(service: Service) -> Scene:
    return _renewal(service, (await service.sign_in()).grant)


@act("renew_session", AuditEventType.SESSION_THEFT, reason="refresh_token_reused")
async def a_refresh_token_is_used_again(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    await _renewal(service, grant).happen()
    service.clock.advance(timedelta(minutes=5))
    return replace(_renewal(service, grant), ends_in=ApplicationError)


@act("renew_session", AuditEventType.SESSION_ENDED, reason="idle")
async def a_session_is_to_be_renewed_too_late(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    service.clock.advance(LIMITS.idle)
    return replace(_renewal(service, grant), ends_in=ApplicationError)


@act("renew_session", AuditEventType.SESSION_RENEW_REPEATED)
async def a_lost_renewal_is_asked_for_again(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    await _renewal(service, grant).happen()
    return _renewal(service, grant)


@act("renew_session", AuditEventType.SESSION_RENEW_REFUSED, reason="session_ended")
async def a_session_is_to_be_renewed_after_its_end(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    await ending(service, grant, grant.session.id).happen()
    return replace(_renewal(service, grant), ends_in=ApplicationError)


@act("renew_session", AuditEventType.SESSION_RENEW_REFUSED, reason="no_such_session")
async def somebody_shows_a_made_up_refresh_token(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    made_up = replace(grant, refresh_token=Secret("made-up"))
    return replace(_renewal(service, made_up), ends_in=ApplicationError, user_id=None)


def ending(service: Service, grant: SessionGrant, which: SessionId | Which) -> Scene:
    command = RevokeSessionsCommand(
        user_id=grant.session.user_id,
        current=grant.session.id,
        which=which,
        visitor=a_visitor(),
    )
    return Scene(
        happen=lambda: service.container.revoke_sessions().execute(command),
        user_id=command.user_id,
        visitor=command.visitor,
    )


def _leaving(service: Service, grant: SessionGrant, proof: SignOutProof) -> Scene:
    command = SignOutCommand(proof=proof, visitor=a_visitor())
    return Scene(
        happen=lambda: service.container.sign_out().execute(command),
        user_id=grant.session.user_id,
        visitor=command.visitor,
    )


@act("sign_out", AuditEventType.LOGOUT)
async def somebody_signs_out_with_a_jwt(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    return _leaving(service, grant, ByJWT(grant.token))


@act("sign_out", AuditEventType.LOGOUT)
async def somebody_signs_out_with_a_refresh_token_alone(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    return _leaving(service, grant, ByRefreshToken(grant.refresh_token))


@act("revoke_sessions", AuditEventType.LOGOUT)
async def somebody_logs_out(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    return ending(service, grant, grant.session.id)


@act("revoke_sessions", AuditEventType.SESSION_REVOKED)
async def somebody_ends_another_session_of_theirs(service: Service) -> Scene:
    identity = an_identity()
    other = (await service.sign_in(identity)).grant
    return ending(service, (await service.sign_in(identity)).grant, other.session.id)


@act("revoke_sessions", AuditEventType.SESSION_REVOKE_REFUSED)
async def somebody_names_a_session_that_is_not_theirs(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    return replace(ending(service, grant, a_session_id()), ends_in=ApplicationError)


@act("revoke_sessions", AuditEventType.LOGOUT_OTHERS)
async def somebody_logs_out_elsewhere(service: Service) -> Scene:
    identity = an_identity()
    await service.sign_in(identity)
    return ending(service, (await service.sign_in(identity)).grant, Which.ALL_BUT_CURRENT)


@act("revoke_sessions", AuditEventType.LOGOUT_ALL)
async def somebody_logs_out_everywhere(service: Service) -> Scene:
    service.container.revoke_sessions.add_kwargs(all_revokes_at_va=True)
    return ending(service, (await service.sign_in()).grant, Which.ALL)
