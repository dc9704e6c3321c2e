"""Acts: operators, and what the service does by itself."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from application.errors import (
    ApplicationError,
    NotFoundError,
)
from application.use_cases.operations.change_icn import ChangeICNCommand
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.operations.enable_user import EnableUserCommand
from application.use_cases.operations.end_session import EndSessionCommand
from application.use_cases.operations.find_users import FindUsersCommand
from application.use_cases.operations.sign_out_user import SignOutUserCommand
from application.use_cases.operations.unlink_user import UnlinkUserCommand
from domain.audit_event import AuditEventType
from domain.handoff import HANDOFF_LIFETIME
from domain.identifiers import ICN, UserId
from domain.session_grant import SessionGrant
from domain.user_search import ById
from tests.support.audited_acts.acts import Scene, act
from tests.support.audited_acts.sessions import a_ticket
from tests.support.builders import (
    a_session_id,
    a_user_id,
    an_icn,
    an_identity,
)
from tests.support.service import Service

_SECOND: Final = timedelta(seconds=1)


@act("purge_expired", AuditEventType.PURGED)
async def what_is_past_its_retention_is_purged(service: Service) -> Scene:
    await service.sign_in()
    service.clock.advance(timedelta(days=1000))
    return Scene(happen=lambda: service.container.purge_expired().execute())


@act("purge_expired", AuditEventType.SESSION_ENDED, AuditEventType.PURGED)
async def a_session_is_purged_with_its_code_that_nobody_redeemed(service: Service) -> Scene:
    grant, _ = await a_ticket(service)
    service.clock.advance(HANDOFF_LIFETIME + _SECOND)
    return Scene(
        happen=lambda: service.container.purge_expired().execute(), user_id=grant.session.user_id
    )


async def disable(service: Service, user_id: UserId) -> int:
    command = DisableUserCommand(user_id=user_id, reason="fraud")
    return await service.container.disable_user().execute(command)


async def _enable(service: Service, user_id: UserId) -> None:
    command = EnableUserCommand(user_id=user_id, reason="fraud")
    await service.container.enable_user().execute(command)


@act("disable_user", AuditEventType.USER_DISABLED, reason="fraud")
async def a_user_is_disabled(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    return Scene(happen=lambda: disable(service, user_id), user_id=user_id)


@act("enable_user", AuditEventType.USER_ENABLED, reason="fraud")
async def a_user_is_enabled(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    await disable(service, user_id)
    return Scene(happen=lambda: _enable(service, user_id), user_id=user_id)


@act("sign_out_user", AuditEventType.LOGOUT_BY_OPERATOR, reason="lost_device")
async def a_user_is_signed_out_by_an_operator(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    command = SignOutUserCommand(user_id=user_id, reason="lost_device")
    return Scene(happen=lambda: service.container.sign_out_user().execute(command), user_id=user_id)


@act("disable_user", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def nobody_is_disabled(service: Service) -> Scene:
    nobody = a_user_id()
    return Scene(happen=lambda: disable(service, nobody), user_id=nobody, ends_in=NotFoundError)


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
