"""Everything that the audit trail has to tell of, each as a short scene that makes it happen."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from adapters.memory.export_file import MemoryExportFile
from application.errors import (
    ApplicationError,
    ClientRefusedError,
    GrantExpiredError,
    NotFoundError,
    UpstreamRejectedError,
)
from application.use_cases.clients.admit_client import AdmitClientCommand
from application.use_cases.clients.disable_client import DisableClientCommand
from application.use_cases.clients.refuse_client import RefuseClientCommand
from application.use_cases.clients.retire_client_credential import (
    RetireClientCredentialCommand,
)
from application.use_cases.clients.rotate_client_credential import RotateClientCredentialCommand
from application.use_cases.evidence.export_audit import ExportAuditCommand
from application.use_cases.evidence.retire_audit import RetireAuditCommand
from application.use_cases.evidence.show_audit import ShowAuditCommand
from application.use_cases.operations.change_icn import ChangeICNCommand
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.operations.enable_user import EnableUserCommand
from application.use_cases.operations.end_session import EndSessionCommand
from application.use_cases.operations.find_users import FindUsersCommand
from application.use_cases.operations.sign_out_user import SignOutUserCommand
from application.use_cases.operations.unlink_user import UnlinkUserCommand
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand, Which
from application.use_cases.sessions.sign_out import (
    ByJWT,
    ByRefreshToken,
    SignOutCommand,
    SignOutProof,
)
from application.use_cases.sign_in.issue_session import IssueSessionCommand
from application.use_cases.sign_in.redeem_handoff import RedeemHandoffCommand
from application.use_cases.va_access.rewrap_data_keys import RewrapDataKeysCommand
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentityCommand
from domain.audit_event import AuditEventType
from domain.audit_record import AuditFilter
from domain.handoff import HandoffTicket
from domain.identifiers import ICN, SessionId, UserId
from domain.secret import Secret
from domain.service_client import AssertionCredential, ClientCredential, ClientId, SecretCredential
from domain.session_grant import SessionGrant
from domain.user_search import ById
from domain.va_identity import VAIdentity
from domain.va_token_use import TokenPurpose
from domain.va_tokens import TokenField
from domain.visitor import Visitor
from tests.support.builders import (
    LIMITS,
    a_provider_sign_in,
    a_session_id,
    a_subject,
    a_user_id,
    a_visitor,
    an_icn,
    an_identity,
    some_login_secrets,
    some_tokens,
)
from tests.support.early_tokens import sealed_early
from tests.support.service import Begun, Service, a_service_with
from tests.support.service_clients import PURPOSE, KeyClient, SecretClient, register
from tests.support.storage import standing_of
from tests.support.va_tokens import a_use, use

NOBODY: Final = Visitor()
#: Done by whoever comes first for all who wait, so they are no single request's.
WITHOUT_A_VISITOR: Final = frozenset(
    {AuditEventType.VA_TOKENS_REFRESHED, AuditEventType.VA_REFRESH_REFUSED}
)
_HOUR: Final = timedelta(hours=1)
#: What an attempt, a claim or a lease uses up before anything is done, whatever follows.
_ATTEMPT: Final = {"vetassist_login_attempts": {"consumed_at"}}
_CLAIM: Final = {"vetassist_va_revocations": {"due_at", "attempts"}}
_LEASE: Final = {"vetassist_va_tokens": {"lease_fence", "lease_until"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is about to happen.

    Attributes:
        happen: Makes it happen; returns the user whom that made known, if it did.
        user_id: Whom it concerns; None when nobody is known before.
        other_id: Another one whom it concerns, or None.
        visitor: Who asks for it; nobody when the service or an operator does it.
        ends_in: How it is refused, or None.
    """

    happen: Callable[[], Awaitable[object]]
    user_id: UserId | None = None
    other_id: UserId | None = None
    visitor: Visitor = NOBODY
    ends_in: type[ApplicationError] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One outcome of one use case, and what the trail has to say of it.

    Attributes:
        use_case: Its module.
        tells: The types of the events, in order.
        reason: The `reason` of the last one; None when it has none.
        uses_up: Columns, by table, of what is used up before, and stays so if the trail fails.
        by_owner: Whether it takes the owner of the tables.
    """

    use_case: str
    tells: tuple[AuditEventType, ...]
    reason: str | None
    uses_up: Mapping[str, set[str]]
    by_owner: bool
    set_up: Callable[[Service], Awaitable[Scene]]


#: Every act by name.
ACTS: Final[dict[str, Act]] = {}

#: Use cases that leave no row, and why that is right.
TELLS_NOTHING: Final = {
    "list_clients": "it changes nothing",
    "list_disclosures": "it changes nothing",
    "list_sessions": "it changes nothing",
    "make_audit_partitions": "it makes room for what is to be told, and tells nothing itself",
    "read_history": "it shows people their own",
    "seal_audit": "each seal is a row of its own, chained to the one before, and told outside",
    "validate_session": "it changes nothing, thousands of times a second; metrics count it",
    "verify_audit": "it changes nothing, and works for an auditor who may read and no more",
    "view_user": "it changes nothing",
}

#: Events that no use case tells, but a command that works without the container.
TOLD_BY_COMMANDS: Final = {AuditEventType.SCHEMA_MIGRATED}

_SetUp = Callable[[Service], Awaitable[Scene]]


def act(
    use_case: str,
    *tells: AuditEventType,
    reason: str | None = None,
    uses_up: Mapping[str, set[str]] | None = None,
    by_owner: bool = False,
) -> Callable[[_SetUp], _SetUp]:
    """Put a scene among the acts, under its own name."""

    def add(set_up: _SetUp) -> _SetUp:
        name = set_up.__name__
        assert name not in ACTS
        ACTS[name] = Act(
            use_case=use_case,
            tells=tells,
            reason=reason,
            uses_up=uses_up or {},
            by_owner=by_owner,
            set_up=set_up,
        )
        return set_up

    return add


# Signing in.


@act("start_va_login", AuditEventType.LOGIN_STARTED)
async def a_browser_is_sent_to_va(service: Service) -> Scene:
    visitor = a_visitor()
    return Scene(happen=lambda: service.start(visitor=visitor), visitor=visitor)


@act("start_va_login", AuditEventType.LOGIN_FAILED, reason="not_started")
async def nobody_can_be_sent_to_va(service: Service) -> Scene:
    service.provider.go_down()
    visitor = a_visitor()
    return Scene(
        happen=lambda: service.start(visitor=visitor), visitor=visitor, ends_in=ApplicationError
    )


async def _callback(service: Service, identity: VAIdentity | None = None, **changes: Any) -> Scene:
    begun = await service.begin(identity)
    return _coming_back(service, begun, **changes)


def _coming_back(service: Service, begun: Begun, **changes: Any) -> Scene:
    visitor = a_visitor()

    async def come_back() -> UserId:
        completed = await service.complete(begun.callback(visitor=visitor, **changes))
        return completed.grant.session.user_id

    return Scene(happen=come_back, visitor=visitor)


@act("complete_va_login", AuditEventType.VA_LINKED, AuditEventType.LOGIN, uses_up=_ATTEMPT)
async def somebody_signs_in_for_the_first_time(service: Service) -> Scene:
    return await _callback(service)


@act("complete_va_login", AuditEventType.LOGIN, uses_up=_ATTEMPT)
async def somebody_signs_in_again(service: Service) -> Scene:
    identity = an_identity()
    await service.sign_in(identity)
    return await _callback(service, identity)


@act("complete_va_login", AuditEventType.LOGIN, uses_up=_ATTEMPT)
async def a_session_is_to_be_handed_over_by_code(service: Service) -> Scene:
    service.container.complete_va_login.add_kwargs(hands_over_by_code=True)
    return await somebody_signs_in_again(service)


@act("complete_va_login", AuditEventType.ATTRIBUTES_CHANGED, AuditEventType.LOGIN, uses_up=_ATTEMPT)
async def va_says_something_new_of_somebody(service: Service) -> Scene:
    identity = an_identity()
    await service.sign_in(identity)
    return await _callback(service, replace(identity, email="new@veterans.example"))


@act("complete_va_login", AuditEventType.SESSION_REVOKED, AuditEventType.LOGIN, uses_up=_ATTEMPT)
async def a_sign_in_replaces_the_browsers_session(service: Service) -> Scene:
    identity = an_identity()
    old = (await service.sign_in(identity)).grant
    return await _callback(service, identity, replaced_token=old.token)


@act("complete_va_login", AuditEventType.DATA_KEY_REPLACED, AuditEventType.LOGIN, uses_up=_ATTEMPT)
async def somebody_signs_in_whose_key_cannot_be_opened(service: Service) -> Scene:
    before = a_service_with(service.storage, {"lost": secrets.token_bytes(32)})
    identity = an_identity()
    await before.sign_in(identity)
    return await _callback(service, identity)


async def _gone() -> bool:
    return True


def _refused_callback(name: str, reason: str, *, is_consumed: bool = True, **changes: Any) -> None:
    async def set_up(service: Service) -> Scene:
        return replace(await _callback(service, **changes), ends_in=ApplicationError)

    set_up.__name__ = name
    act(
        "complete_va_login",
        AuditEventType.LOGIN_FAILED,
        reason=reason,
        uses_up=_ATTEMPT if is_consumed else None,
    )(set_up)


def _sent(**parameters: str | list[str]) -> dict[str, Any]:
    """A callback with these parameters, and no others."""
    return {"parameters": parameters}


_Refusals = tuple[tuple[str, str, dict[str, Any]], ...]
_BEFORE_THE_ATTEMPT: Final[_Refusals] = (
    ("a_callback_is_malformed", "malformed_callback", _sent(code=["a", "b"])),
    ("a_callback_has_no_state", "state_or_cookie_missing", {"secrets": None}),
    ("a_callback_has_a_foreign_state", "state_unknown", {"secrets": some_login_secrets()}),
)
_AFTER_THE_ATTEMPT: Final[_Refusals] = (
    (
        "a_callback_has_another_issuer",
        "callback_iss",
        _sent(code="a", iss="https://else.example"),
    ),
    (
        "a_callback_has_code_and_error",
        "code_and_error",
        _sent(code="a", error="access_denied"),
    ),
    (
        "somebody_denies_at_va",
        "denied_at_provider",
        _sent(error="access_denied"),
    ),
    (
        "va_is_not_ready",
        "provider_unavailable",
        _sent(error="temporarily_unavailable"),
    ),
    ("va_reports_an_error", "provider_error", _sent(error="an_error_nobody_registered")),
    ("va_reports_a_mistake_of_ours", "invalid_scope", _sent(error="invalid_scope")),
    ("vas_rules_deny_at_va", "login_required", _sent(error="login_required")),
    ("a_callback_has_no_code", "code_missing", _sent()),
    ("a_code_is_not_vas", "invalid_grant", _sent(code="not-vas")),
    ("the_browser_has_gone", "browser_gone", {"is_abandoned": _gone}),
    ("va_names_no_icn", "no_icn", {"identity": replace(an_identity(), icn=None)}),
    (
        "va_says_too_little_of_a_stranger",
        "provider_unavailable",
        {"identity": replace(an_identity(), is_complete=False)},
    ),
)
for _name, _reason, _changes in _BEFORE_THE_ATTEMPT:
    _refused_callback(_name, _reason, is_consumed=False, **_changes)
for _name, _reason, _changes in _AFTER_THE_ATTEMPT:
    _refused_callback(_name, _reason, **_changes)


@act("complete_va_login", AuditEventType.LOGIN_FAILED, reason="state_replayed")
async def a_callback_comes_twice(service: Service) -> Scene:
    begun = await service.begin()
    await service.complete(begun.callback())
    return replace(_coming_back(service, begun), ends_in=ApplicationError)


@act("complete_va_login", AuditEventType.LOGIN_FAILED, reason="state_expired")
async def a_callback_comes_too_late(service: Service) -> Scene:
    scene = await _callback(service)
    service.clock.advance(timedelta(minutes=10))
    return replace(scene, ends_in=ApplicationError)


@act("complete_va_login", AuditEventType.LOGIN_FAILED, reason="other_browser")
async def a_callback_comes_from_another_browser(service: Service) -> Scene:
    begun = await service.begin()
    shown = replace(begun.started.secrets, browser=some_login_secrets().browser)
    return replace(_coming_back(service, begun, secrets=shown), ends_in=ApplicationError)


@act(
    "complete_va_login",
    AuditEventType.LOGIN_FAILED,
    reason="provider_unavailable",
    uses_up=_ATTEMPT,
)
async def va_does_not_answer_the_exchange(service: Service) -> Scene:
    scene = await _callback(service)
    service.provider.go_down()
    return replace(scene, ends_in=ApplicationError)


@act(
    "complete_va_login",
    AuditEventType.LOGIN_FAILED,
    reason="subject_of_another_user",
    uses_up=_ATTEMPT,
)
async def an_account_at_va_stands_for_another_person(service: Service) -> Scene:
    subject = a_subject()
    owner = (await service.sign_in(an_identity(subject=subject))).grant.session.user_id
    scene = await _callback(service, an_identity(subject=subject))
    return replace(scene, user_id=owner, ends_in=ApplicationError)


@act(
    "complete_va_login",
    AuditEventType.LOGIN_FAILED,
    reason="icn_of_another_user",
    uses_up=_ATTEMPT,
)
async def half_an_answer_names_another_person(service: Service) -> Scene:
    identity = an_identity()
    owner = (await service.sign_in(identity)).grant.session.user_id
    scene = await _callback(service, replace(identity, icn=an_icn(), is_complete=False))
    return replace(scene, user_id=owner, ends_in=ApplicationError)


@act("complete_va_login", AuditEventType.LOGIN_FAILED, reason="account_disabled", uses_up=_ATTEMPT)
async def somebody_disabled_signs_in(service: Service) -> Scene:
    identity = an_identity()
    user_id = (await service.sign_in(identity)).grant.session.user_id
    await _disable(service, user_id)
    return replace(await _callback(service, identity), user_id=user_id, ends_in=ApplicationError)


@act("link_va_identity", AuditEventType.VA_LINKED)
async def somebody_is_linked(service: Service) -> Scene:
    visitor = a_visitor()

    async def link() -> UserId:
        return (await service.link(an_identity(), visitor=visitor)).id

    return Scene(happen=link, visitor=visitor)


@act("issue_session", AuditEventType.LOGIN)
async def a_session_is_issued(service: Service) -> Scene:
    user = await service.link(an_identity())
    command = IssueSessionCommand(user_id=user.id, visitor=a_visitor())
    return Scene(
        happen=lambda: service.container.issue_session().execute(command),
        user_id=user.id,
        visitor=command.visitor,
    )


# The life of a session.


async def _a_ticket(service: Service) -> tuple[SessionGrant, HandoffTicket]:
    service.container.complete_va_login.add_kwargs(hands_over_by_code=True)
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
    grant, ticket = await _a_ticket(service)
    return replace(_redemption(service, ticket), user_id=grant.session.user_id)


@act("redeem_handoff", AuditEventType.SESSION_REDEEM_REFUSED)
async def a_code_is_none_of_ours(service: Service) -> Scene:
    ours = some_login_secrets()
    ticket = HandoffTicket(code=ours.state, browser=ours.browser)
    return replace(_redemption(service, ticket), ends_in=ApplicationError)


@act("redeem_handoff", AuditEventType.SESSION_REDEEM_REFUSED)
async def the_session_of_a_code_has_ended(service: Service) -> Scene:
    grant, ticket = await _a_ticket(service)
    await _ending(service, grant, grant.session.id).happen()
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
    await _ending(service, grant, grant.session.id).happen()
    return replace(_renewal(service, grant), ends_in=ApplicationError)


@act("renew_session", AuditEventType.SESSION_RENEW_REFUSED, reason="no_such_session")
async def somebody_shows_a_made_up_refresh_token(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    made_up = replace(grant, refresh_token=Secret("made-up"))
    return replace(_renewal(service, made_up), ends_in=ApplicationError, user_id=None)


def _ending(service: Service, grant: SessionGrant, which: SessionId | Which) -> Scene:
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
    return _ending(service, grant, grant.session.id)


@act("revoke_sessions", AuditEventType.SESSION_REVOKED)
async def somebody_ends_another_session_of_theirs(service: Service) -> Scene:
    identity = an_identity()
    other = (await service.sign_in(identity)).grant
    return _ending(service, (await service.sign_in(identity)).grant, other.session.id)


@act("revoke_sessions", AuditEventType.SESSION_REVOKE_REFUSED)
async def somebody_names_a_session_that_is_not_theirs(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    return replace(_ending(service, grant, a_session_id()), ends_in=ApplicationError)


@act("revoke_sessions", AuditEventType.LOGOUT_OTHERS)
async def somebody_logs_out_elsewhere(service: Service) -> Scene:
    identity = an_identity()
    await service.sign_in(identity)
    return _ending(service, (await service.sign_in(identity)).grant, Which.ALL_BUT_CURRENT)


@act("revoke_sessions", AuditEventType.LOGOUT_ALL)
async def somebody_logs_out_everywhere(service: Service) -> Scene:
    service.container.revoke_sessions.add_kwargs(all_revokes_at_va=True)
    return _ending(service, (await service.sign_in()).grant, Which.ALL)


# VA's tokens.


async def _unlinking(service: Service) -> Scene:
    session = standing_of((await service.sign_in()).grant.session)
    command = UnlinkVAIdentityCommand(session=session, visitor=a_visitor())
    return Scene(
        happen=lambda: service.container.unlink_va_identity().execute(command),
        user_id=session.user_id,
        visitor=command.visitor,
    )


@act("unlink_va_identity", AuditEventType.VA_UNLINKED)
async def somebody_takes_the_link_back(service: Service) -> Scene:
    return await _unlinking(service)


@act("unlink_va_identity", AuditEventType.VA_UNLINK_REFUSED, reason="fresh_sign_in_needed")
async def somebody_has_to_sign_in_first_to_take_the_link_back(service: Service) -> Scene:
    scene = await _unlinking(service)
    service.clock.advance(timedelta(minutes=10))
    return replace(scene, ends_in=ApplicationError)


async def _revoking(service: Service) -> Scene:
    unlinking = await _unlinking(service)
    await unlinking.happen()
    return Scene(
        happen=lambda: service.container.revoke_at_va().execute(), user_id=unlinking.user_id
    )


@act("revoke_at_va", AuditEventType.VA_TOKENS_REVOKED, uses_up=_CLAIM)
async def va_revokes_tokens(service: Service) -> Scene:
    return await _revoking(service)


@act("revoke_at_va", AuditEventType.VA_TOKENS_REVOKED, uses_up=_CLAIM)
async def va_refuses_to_revoke_tokens(service: Service) -> Scene:
    scene = await _revoking(service)
    service.provider.refuse(UpstreamRejectedError("unsupported_token_type"))
    return scene


def _use_of(service: Service, grant: SessionGrant, **changes: Any) -> Scene:
    command = a_use(grant, **changes)
    return Scene(
        happen=lambda: use(service.container, command),
        user_id=grant.session.user_id,
        visitor=command.visitor,
    )


async def _with_expired_tokens(service: Service, *, refresh: bool = True) -> SessionGrant:
    tokens = some_tokens(now=service.clock.now() - _HOUR, refresh=refresh)
    return (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant


@act("use_va_token", AuditEventType.VA_TOKEN_USED)
async def a_back_end_uses_vas_token(service: Service) -> Scene:
    return _use_of(service, (await service.sign_in()).grant)


@act("use_va_token", AuditEventType.VA_TOKEN_USE_REFUSED, reason="scope_not_granted")
async def a_back_end_asks_for_more_than_was_granted(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    scene = _use_of(service, grant, scopes=frozenset({"claim.write"}))
    return replace(scene, ends_in=ApplicationError)


@act("use_va_token", AuditEventType.VA_TOKEN_USE_REFUSED, reason="session_ended")
async def a_back_end_comes_after_the_sessions_end(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    await _ending(service, grant, grant.session.id).happen()
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act("use_va_token", AuditEventType.VA_TOKEN_USE_REFUSED, reason="no_refresh_token")
async def a_token_has_expired_for_good(service: Service) -> Scene:
    grant = await _with_expired_tokens(service, refresh=False)
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act(
    "use_va_token",
    AuditEventType.VA_TOKENS_REFRESHED,
    AuditEventType.VA_TOKEN_USED,
    uses_up=_LEASE,
)
async def a_token_is_refreshed_for_its_use(service: Service) -> Scene:
    return _use_of(service, await _with_expired_tokens(service))


@act(
    "use_va_token",
    AuditEventType.VA_REFRESH_REFUSED,
    AuditEventType.VA_TOKEN_USE_REFUSED,
    reason="sign_in_needed",
    uses_up=_LEASE,
)
async def va_refuses_a_refresh_for_good(service: Service) -> Scene:
    grant = await _with_expired_tokens(service)
    service.provider.refuse(GrantExpiredError())
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act(
    "use_va_token",
    AuditEventType.VA_REFRESH_REFUSED,
    AuditEventType.VA_TOKEN_USE_REFUSED,
    reason="provider_unavailable",
    uses_up=_LEASE,
)
async def va_does_not_answer_a_refresh(service: Service) -> Scene:
    grant = await _with_expired_tokens(service)
    service.provider.go_down()
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act(
    "use_va_token",
    AuditEventType.VA_REFRESH_REFUSED,
    AuditEventType.VA_TOKEN_USE_REFUSED,
    reason="sign_in_needed",
    uses_up=_LEASE,
)
async def va_gives_somebody_elses_tokens(service: Service) -> Scene:
    grant = await _with_expired_tokens(service)
    service.provider.mistake_everybody_for(an_identity())
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act("shred_unused_tokens", AuditEventType.VA_TOKENS_SHREDDED)
async def unused_tokens_are_shredded(service: Service) -> Scene:
    user = await service.link(an_identity())
    service.clock.advance(timedelta(days=1000))
    return Scene(happen=lambda: service.container.shred_unused_tokens().execute(), user_id=user.id)


# Operators, and what the service does by itself.


@act("rewrap_data_keys", AuditEventType.KEYS_REWRAPPED)
async def keys_are_rewrapped(service: Service) -> Scene:
    old = {"old": secrets.token_bytes(32)}
    await a_service_with(service.storage, old).link(an_identity())
    return _rewrapping(service, {"new": secrets.token_bytes(32)} | old)


def _rewrapping(service: Service, master_keys: Mapping[str, bytes]) -> Scene:
    after = a_service_with(service.storage, master_keys)
    command = RewrapDataKeysCommand(is_dry_run=False, on_progress=lambda _done: None)
    return Scene(happen=lambda: after.container.rewrap_data_keys().execute(command))


@act("rewrap_data_keys", AuditEventType.KEYS_REWRAPPED)
async def keys_cannot_be_read(service: Service) -> Scene:
    await a_service_with(service.storage, {"old": secrets.token_bytes(32)}).link(an_identity())
    return _rewrapping(service, {"new": secrets.token_bytes(32)})


@act("rewrap_data_keys", AuditEventType.KEYS_REWRAPPED)
async def tokens_of_before_are_upgraded(service: Service) -> Scene:
    key = secrets.token_bytes(32)
    owner = a_service_with(service.storage, {"k1": key})
    user_id = (await owner.link(an_identity())).id
    token = some_tokens().access_token
    async with service.storage.unit_of_work() as work:
        stored = await work.va_tokens.find(user_id)
        assert stored is not None
        early = sealed_early(
            token, master_key_id="k1", master_key=key, user_id=user_id, field=TokenField.ACCESS
        )
        await work.va_tokens.reseal(replace(stored, access_token=early))
        await work.commit()
    return replace(_rewrapping(service, {"k1": key}), user_id=user_id)


@act("purge_expired", AuditEventType.PURGED)
async def what_is_past_its_retention_is_purged(service: Service) -> Scene:
    await service.sign_in()
    service.clock.advance(timedelta(days=1000))
    return Scene(happen=lambda: service.container.purge_expired().execute())


async def _export(service: Service) -> None:
    command = ExportAuditCommand(file=MemoryExportFile(), on_rows=lambda _rows: None)
    await service.container.export_audit().execute(command)


@act("export_audit", AuditEventType.AUDIT_EXPORTED)
async def the_trail_is_exported(service: Service) -> Scene:
    await service.sign_in()
    await service.container.seal_audit().execute()
    return Scene(happen=lambda: _export(service))


@act("retire_audit", AuditEventType.AUDIT_DROPPED, by_owner=True)
async def a_month_of_the_trail_is_dropped(service: Service) -> Scene:
    await service.sign_in()
    await service.container.seal_audit().execute()
    service.clock.advance(timedelta(days=75))
    await _export(service)
    service.container.retire_audit.add_kwargs(retention_months=1)
    command = RetireAuditCommand(is_dry_run=False)
    return Scene(happen=lambda: service.container.retire_audit().execute(command))


async def _disable(service: Service, user_id: UserId) -> int:
    command = DisableUserCommand(user_id=user_id, reason="fraud")
    return await service.container.disable_user().execute(command)


async def _enable(service: Service, user_id: UserId) -> None:
    command = EnableUserCommand(user_id=user_id, reason="fraud")
    await service.container.enable_user().execute(command)


@act("disable_user", AuditEventType.USER_DISABLED, reason="fraud")
async def a_user_is_disabled(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    return Scene(happen=lambda: _disable(service, user_id), user_id=user_id)


@act("enable_user", AuditEventType.USER_ENABLED, reason="fraud")
async def a_user_is_enabled(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    await _disable(service, user_id)
    return Scene(happen=lambda: _enable(service, user_id), user_id=user_id)


@act("sign_out_user", AuditEventType.LOGOUT_BY_OPERATOR, reason="lost_device")
async def a_user_is_signed_out_by_an_operator(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    command = SignOutUserCommand(user_id=user_id, reason="lost_device")
    return Scene(happen=lambda: service.container.sign_out_user().execute(command), user_id=user_id)


@act("disable_user", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def nobody_is_disabled(service: Service) -> Scene:
    nobody = a_user_id()
    return Scene(happen=lambda: _disable(service, nobody), user_id=nobody, ends_in=NotFoundError)


@act("enable_user", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def nobody_is_enabled(service: Service) -> Scene:
    nobody = a_user_id()
    return Scene(happen=lambda: _enable(service, nobody), user_id=nobody, ends_in=NotFoundError)


@act("sign_out_user", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def nobody_is_signed_out_by_an_operator(service: Service) -> Scene:
    nobody = a_user_id()
    command = SignOutUserCommand(user_id=nobody, reason="lost_device")
    return Scene(
        happen=lambda: service.container.sign_out_user().execute(command),
        user_id=nobody,
        ends_in=NotFoundError,
    )


def _end_session(service: Service, grant: SessionGrant) -> Callable[[], Awaitable[object]]:
    command = EndSessionCommand(
        user_id=grant.session.user_id, session_id=grant.session.id, reason="lost_device"
    )
    return lambda: service.container.end_session().execute(command)


@act("end_session", AuditEventType.SESSION_ENDED_BY_OPERATOR, reason="lost_device")
async def an_operator_ends_one_session(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    return Scene(happen=_end_session(service, grant), user_id=grant.session.user_id)


@act("end_session", AuditEventType.COMMAND_REFUSED, reason="already_ended")
async def an_operator_ends_a_session_that_has_ended(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    await _end_session(service, grant)()
    return Scene(happen=_end_session(service, grant), user_id=grant.session.user_id)


@act("end_session", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def an_operator_ends_a_session_that_is_not_there(service: Service) -> Scene:
    nobody = a_user_id()
    command = EndSessionCommand(user_id=nobody, session_id=a_session_id(), reason="lost_device")
    return Scene(
        happen=lambda: service.container.end_session().execute(command),
        user_id=nobody,
        ends_in=NotFoundError,
    )


@act("unlink_user", AuditEventType.VA_UNLINKED_BY_OPERATOR, reason="asked_for")
async def an_operator_takes_a_link_back(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    command = UnlinkUserCommand(user_id=user_id, reason="asked_for")
    return Scene(happen=lambda: service.container.unlink_user().execute(command), user_id=user_id)


@act("unlink_user", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def nobody_is_unlinked_by_an_operator(service: Service) -> Scene:
    nobody = a_user_id()
    command = UnlinkUserCommand(user_id=nobody, reason="asked_for")
    return Scene(
        happen=lambda: service.container.unlink_user().execute(command),
        user_id=nobody,
        ends_in=NotFoundError,
    )


async def _change_icn(
    service: Service, icn: ICN, *, holder: UserId | None = None, keep: bool = False
) -> Scene:
    """A user gets an ICN that ``holder`` has; ``keep`` says that the holder stays."""
    user_id = (await service.sign_in()).grant.session.user_id
    command = ChangeICNCommand(
        user_id=user_id, icn=icn, reason="va_merged", merge_into=holder if keep else None
    )
    return Scene(
        happen=lambda: service.container.change_icn().execute(command),
        user_id=user_id,
        other_id=holder,
    )


@act("change_icn", AuditEventType.ICN_CHANGED, reason="va_merged")
async def an_operator_changes_an_icn(service: Service) -> Scene:
    return await _change_icn(service, an_icn())


@act("change_icn", AuditEventType.USER_MERGED, AuditEventType.USER_MERGED, reason="va_merged")
async def an_operator_merges_two_users(service: Service) -> Scene:
    identity = an_identity(icn := an_icn())
    holder = (await service.sign_in(identity)).grant.session.user_id
    return await _change_icn(service, icn, holder=holder, keep=True)


@act(
    "change_icn",
    AuditEventType.COMMAND_REFUSED,
    AuditEventType.COMMAND_REFUSED,
    reason="icn_of_another_user",
)
async def an_operator_changes_an_icn_to_that_of_another_user(service: Service) -> Scene:
    identity = an_identity(icn := an_icn())
    holder = (await service.sign_in(identity)).grant.session.user_id
    scene = await _change_icn(service, icn, holder=holder)
    return replace(scene, ends_in=ApplicationError)


@act("find_users", AuditEventType.USER_FOUND)
async def an_operator_finds_a_user(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    command = FindUsersCommand(wanted=ById(user_id), limit=1)
    return Scene(happen=lambda: service.container.find_users().execute(command), user_id=user_id)


@act("find_users", AuditEventType.USER_FOUND)
async def an_operator_finds_nobody(service: Service) -> Scene:
    command = FindUsersCommand(wanted=ById(a_user_id()), limit=1)
    return Scene(happen=lambda: service.container.find_users().execute(command))


@act("show_user", AuditEventType.USER_SHOWN)
async def an_operator_looks_at_a_user(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    return Scene(happen=lambda: service.container.show_user().execute(user_id), user_id=user_id)


@act("show_user", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def an_operator_looks_at_nobody(service: Service) -> Scene:
    nobody = a_user_id()
    return Scene(
        happen=lambda: service.container.show_user().execute(nobody),
        user_id=nobody,
        ends_in=NotFoundError,
    )


@act("show_audit", AuditEventType.AUDIT_SHOWN)
async def an_operator_looks_at_what_happened_to_a_user(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    command = ShowAuditCommand(wanted=AuditFilter(user_id=user_id), limit=1)
    return Scene(happen=lambda: service.container.show_audit().execute(command), user_id=user_id)


@act("add_client", AuditEventType.CLIENT_ADDED)
async def a_client_is_added(service: Service) -> Scene:
    return Scene(happen=lambda: register(service.container))


@act("rotate_client_credential", AuditEventType.CLIENT_CREDENTIAL_ADDED)
async def a_client_is_given_another_secret(service: Service) -> Scene:
    client = (await register(service.container)).client
    command = RotateClientCredentialCommand(client_id=client.id, public_key=None)
    return Scene(happen=lambda: service.container.rotate_client_credential().execute(command))


@act("retire_client_credential", AuditEventType.CLIENT_CREDENTIAL_RETIRED)
async def a_clients_old_secret_is_retired(service: Service) -> Scene:
    client = (await register(service.container)).client
    rotate = RotateClientCredentialCommand(client_id=client.id, public_key=None)
    await service.container.rotate_client_credential().execute(rotate)
    retire = RetireClientCredentialCommand(client_id=client.id)
    return Scene(happen=lambda: service.container.retire_client_credential().execute(retire))


@act("disable_client", AuditEventType.CLIENT_DISABLED, reason="left")
async def a_client_is_disabled(service: Service) -> Scene:
    client = (await register(service.container)).client
    command = DisableClientCommand(client_id=client.id, reason="left")
    return Scene(happen=lambda: service.container.disable_client().execute(command))


@act("disable_client", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def no_client_is_disabled(service: Service) -> Scene:
    command = DisableClientCommand(client_id=ClientId(uuid4()), reason="left")
    return Scene(
        happen=lambda: service.container.disable_client().execute(command), ends_in=NotFoundError
    )


@act("rotate_client_credential", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def no_client_is_given_a_secret(service: Service) -> Scene:
    command = RotateClientCredentialCommand(client_id=ClientId(uuid4()), public_key=None)
    return Scene(
        happen=lambda: service.container.rotate_client_credential().execute(command),
        ends_in=NotFoundError,
    )


@act("retire_client_credential", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def no_clients_old_secret_is_retired(service: Service) -> Scene:
    command = RetireClientCredentialCommand(client_id=ClientId(uuid4()))
    return Scene(
        happen=lambda: service.container.retire_client_credential().execute(command),
        ends_in=NotFoundError,
    )


def _admission(
    service: Service, credential: ClientCredential, *, purpose: TokenPurpose = PURPOSE
) -> Scene:
    visitor = a_visitor()
    command = AdmitClientCommand(
        credential=credential, purpose=purpose, scopes=None, visitor=visitor
    )
    return Scene(
        happen=lambda: service.container.admit_client().execute(command),
        visitor=visitor,
        ends_in=ClientRefusedError,
    )


@act("refuse_client", AuditEventType.CLIENT_REFUSED, reason="no_credentials")
async def a_client_comes_without_credentials(service: Service) -> Scene:
    visitor = a_visitor()
    command = RefuseClientCommand(refusal=ClientRefusedError("no_credentials"), visitor=visitor)
    return Scene(
        happen=lambda: service.container.refuse_client().execute(command),
        visitor=visitor,
        ends_in=ClientRefusedError,
    )


@act("admit_client", AuditEventType.CLIENT_REFUSED, reason="wrong_secret")
async def a_client_shows_a_wrong_secret(service: Service) -> Scene:
    client = await SecretClient.registered(service.container)
    return _admission(service, SecretCredential(client_id=client.id, secret=Secret("wrong")))


@act("admit_client", AuditEventType.CLIENT_REFUSED, reason="purpose_not_allowed")
async def a_client_names_a_purpose_that_is_not_its_own(service: Service) -> Scene:
    client = await SecretClient.registered(service.container)
    credential = SecretCredential(client_id=client.id, secret=Secret(client.secret))
    return _admission(service, credential, purpose=TokenPurpose.CLAIM_STATUS)


@act("admit_client", AuditEventType.CLIENT_REFUSED, reason="assertion_replayed")
async def a_clients_assertion_comes_twice(service: Service) -> Scene:
    client = await KeyClient.registered(service.container)
    assertion = Secret(client.assertion(service.clock.now()))
    scene = _admission(service, AssertionCredential(assertion=assertion, client_id=None))
    await scene.happen()
    return scene
