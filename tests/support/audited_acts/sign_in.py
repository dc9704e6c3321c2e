"""Acts: signing in."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from application.errors import (
    ApplicationError,
)
from application.second_chances import VALoginRestarted
from application.use_cases.sign_in.issue_session import IssueSessionCommand
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.va_identity import VAIdentity
from tests.support.audited_acts.acts import Scene, act
from tests.support.audited_acts.operations import disable
from tests.support.builders import (
    LOGIN_LIFETIME,
    a_subject,
    a_visitor,
    an_icn,
    an_identity,
    some_login_secrets,
)
from tests.support.service import Begun, Service, a_service_with, deliver_by_code

_SECOND: Final = timedelta(seconds=1)
#: What a callback uses up before anything is done, whatever follows.
_ATTEMPT: Final = {"vetassist_login_attempts": {"consumed_at"}}


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
    deliver_by_code(service.container)
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
    return await _callback(service, identity, held_token=lambda _: old.token)


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


def _coming_back_in_vain(service: Service, begun: Begun, **changes: Any) -> Scene:
    """The attempt can't be completed, and its browser gets a second chance."""
    command = begun.callback(visitor=a_visitor(), **changes)
    return Scene(happen=lambda: service.come_back(command), visitor=command.visitor)


@act("complete_va_login", AuditEventType.LOGIN_RESTARTED, reason="state_replayed")
async def a_callback_comes_twice(service: Service) -> Scene:
    begun = await service.begin()
    await service.complete(begun.callback())
    return _coming_back_in_vain(service, begun)


@act("complete_va_login", AuditEventType.LOGIN_RESTARTED, reason="state_expired")
async def a_callback_comes_too_late(service: Service) -> Scene:
    begun = await service.begin()
    service.clock.advance(LOGIN_LIFETIME)
    return _coming_back_in_vain(service, begun)


@act("complete_va_login", AuditEventType.LOGIN_REPEATED, reason="state_replayed")
async def a_callback_comes_again_to_somebody_who_is_signed_in(service: Service) -> Scene:
    begun = await service.begin()
    grant = (await service.complete(begun.callback())).grant
    scene = _coming_back_in_vain(service, begun, held_token=lambda _: grant.token)
    return replace(scene, user_id=grant.session.user_id)


async def _restarted(service: Service) -> Begun:
    """A sign-in that was restarted by itself."""
    begun = await service.begin()
    service.clock.advance(LOGIN_LIFETIME)
    outcome = await service.come_back(begun.callback())
    assert isinstance(outcome, VALoginRestarted)
    return replace(begun, started=outcome.started)


@act("complete_va_login", AuditEventType.LOGIN_FAILED, reason="state_expired")
async def a_restarted_sign_in_comes_too_late_as_well(service: Service) -> Scene:
    begun = await _restarted(service)
    service.clock.advance(LOGIN_LIFETIME)
    return replace(_coming_back_in_vain(service, begun), ends_in=ApplicationError)


@act("complete_va_login", AuditEventType.SESSION_REVOKED, AuditEventType.LOGIN, uses_up=_ATTEMPT)
async def a_sign_in_ends_a_session_whose_answer_was_lost(service: Service) -> Scene:
    identity = an_identity()
    lost = await service.begin(identity)
    await service.complete(lost.callback())
    service.clock.advance(_SECOND)
    unanswered = frozenset({lost.started.secrets.browser_hash})
    return await _callback(service, identity, unanswered=unanswered)


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
    await disable(service, user_id)
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
