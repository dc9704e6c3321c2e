"""Acts: front ends."""

from dataclasses import replace
from typing import Any

from application.errors import ApplicationError, NotFoundError
from application.use_cases.front_ends.add_front_end import AddFrontEndCommand
from application.use_cases.front_ends.change_front_end import ChangeFrontEndCommand
from application.use_cases.front_ends.disable_front_end import DisableFrontEndCommand
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sign_in.redeem_handoff import RedeemHandoffCommand
from domain.audit_event import AuditEventType
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId, SessionDelivery
from tests.support.audited_acts.acts import Scene, act
from tests.support.builders import a_front_end, a_visitor
from tests.support.service import Service


async def registered(
    service: Service, delivery: SessionDelivery = SessionDelivery.COOKIE, **given: Any
) -> FrontEnd:
    """A front end, as an operator registers one."""
    command = AddFrontEndCommand(name="Staging", url=a_front_end().url, delivery=delivery, **given)
    return await service.container.add_front_end().execute(command)


async def disable(service: Service, front_end_id: FrontEndId) -> bool:
    """Disable a front end, as an operator does."""
    command = DisableFrontEndCommand(front_end_id=front_end_id, reason="left")
    return await service.container.disable_front_end().execute(command)


@act("add_front_end", AuditEventType.FRONT_END_ADDED)
async def a_front_end_is_added(service: Service) -> Scene:
    return Scene(happen=lambda: registered(service))


def _change(service: Service, front_end_id: FrontEndId) -> Scene:
    command = ChangeFrontEndCommand(front_end_id=front_end_id, reason="moved", name="Second")
    return Scene(happen=lambda: service.container.change_front_end().execute(command))


@act("change_front_end", AuditEventType.FRONT_END_CHANGED, reason="moved")
async def a_front_end_is_changed(service: Service) -> Scene:
    return _change(service, (await registered(service)).id)


@act("change_front_end", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def no_front_end_is_changed(service: Service) -> Scene:
    return replace(_change(service, a_front_end().id), ends_in=NotFoundError)


@act("disable_front_end", AuditEventType.FRONT_END_DISABLED, reason="left")
async def a_front_end_is_disabled(service: Service) -> Scene:
    front_end = await registered(service)
    return Scene(happen=lambda: disable(service, front_end.id))


@act("disable_front_end", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def no_front_end_is_disabled(service: Service) -> Scene:
    return Scene(happen=lambda: disable(service, a_front_end().id), ends_in=NotFoundError)


@act("redeem_handoff", AuditEventType.SESSION_REDEEM_REFUSED, reason="other_front_end")
async def another_front_end_redeems_a_code(service: Service) -> Scene:
    front_end = await registered(service, SessionDelivery.CODE)
    completed = await service.sign_in(front_end=front_end.id)
    assert completed.ticket is not None
    command = RedeemHandoffCommand(
        code=completed.ticket.code,
        holder=completed.ticket.holder,
        front_end=SETTINGS_FRONT_END,
        visitor=a_visitor(),
    )
    return Scene(
        happen=lambda: service.container.redeem_handoff().execute(command),
        user_id=completed.grant.session.user_id,
        visitor=command.visitor,
        ends_in=ApplicationError,
    )


async def _renewal(service: Service, *, front_end: FrontEndId | None, disabled: bool) -> Scene:
    own = await registered(service)
    grant = (await service.sign_in(front_end=own.id)).grant
    if disabled:
        await disable(service, own.id)
    command = RenewSessionCommand(
        refresh_token=grant.refresh_token, front_end=front_end, visitor=a_visitor()
    )
    return Scene(
        happen=lambda: service.container.renew_session().execute(command),
        user_id=grant.session.user_id,
        visitor=command.visitor,
        ends_in=ApplicationError,
    )


@act("renew_session", AuditEventType.SESSION_RENEW_REFUSED, reason="other_front_end")
async def another_front_end_renews_a_session(service: Service) -> Scene:
    return await _renewal(service, front_end=SETTINGS_FRONT_END, disabled=False)


@act("renew_session", AuditEventType.SESSION_ENDED, reason="front_end_disabled")
async def a_disabled_front_end_renews_a_session(service: Service) -> Scene:
    return await _renewal(service, front_end=None, disabled=True)


@act(
    "complete_va_login",
    AuditEventType.LOGIN_FAILED,
    reason="front_end_gone",
    uses_up={"vetassist_login_attempts": {"consumed_at"}},
)
async def a_front_end_is_disabled_during_a_sign_in(service: Service) -> Scene:
    front_end = await registered(service)
    begun = await service.begin(front_end=front_end.id)
    await disable(service, front_end.id)
    visitor = a_visitor()
    return Scene(
        happen=lambda: service.come_back(begun.callback(visitor=visitor)),
        visitor=visitor,
        ends_in=ApplicationError,
    )
