"""A one-time code for the browser that signed in."""

from datetime import timedelta

import anyio
import pytest

from application.errors import (
    OtherFrontEndError,
    SessionEndedError,
    UnauthenticatedError,
    UnavailableError,
)
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand, Which
from application.use_cases.sign_in.complete_va_login import VALoginCompleted
from application.use_cases.sign_in.redeem_handoff import RedeemHandoffCommand
from domain.app_challenge import AppChallenge
from domain.audit_event import AuditEventType
from domain.handoff import BrowserMark, HandoffTicket
from domain.secret import Secret
from domain.session_grant import SessionGrant
from domain.visitor import Visitor
from tests.support.builders import a_front_end, a_visitor, some_login_secrets
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service, deliver_by_code

SECOND = timedelta(seconds=1)


async def sign_in(service: MemoryService) -> tuple[VALoginCompleted, HandoffTicket]:
    """Sign in where a session is handed over by code."""
    deliver_by_code(service.container)
    completed = await service.sign_in()
    assert completed.ticket is not None
    return completed, completed.ticket


async def redeem(
    service: MemoryService,
    ticket: HandoffTicket,
    *,
    browser: Secret | None = None,
    visitor: Visitor | None = None,
) -> SessionGrant:
    command = RedeemHandoffCommand(
        code=ticket.code,
        holder=BrowserMark.of(browser) if browser is not None else ticket.holder,
        visitor=visitor or a_visitor(),
    )
    return await service.container.redeem_handoff().execute(command)


async def assert_refused(
    service: MemoryService, ticket: HandoffTicket, *, browser: Secret | None = None
) -> None:
    """No session, and one line in the audit that names nobody."""
    before, visitor = service.store.committed.copy(), a_visitor()
    with pytest.raises(UnauthenticatedError) as raised:
        await redeem(service, ticket, browser=browser, visitor=visitor)

    assert type(raised.value) is UnauthenticatedError
    event = service.audit[-1]
    assert event.type is AuditEventType.SESSION_REDEEM_REFUSED
    assert (event.user_id, event.visitor, event.data) == (None, visitor.as_recorded(), {})
    before.audit.append(event)
    assert service.store.committed == before


async def test_a_code_is_worth_the_session_of_the_sign_in(service: MemoryService) -> None:
    completed, ticket = await sign_in(service)
    visitor = a_visitor()
    grant = await redeem(service, ticket, visitor=visitor)

    assert grant.session.id == completed.grant.session.id
    valid = await service.validate(grant.token)
    assert valid.claims.session_id == completed.grant.session.id
    assert service.claims_in(grant.token).icn is not None
    event = service.audit[-1]
    assert event.type is AuditEventType.SESSION_REDEEMED
    assert (event.user_id, event.visitor) == (grant.session.user_id, visitor.as_recorded())
    assert event.data == {"session_id": str(grant.session.id)}


async def test_each_redeemed_session_has_a_token_id_of_its_own(service: MemoryService) -> None:
    grants = []
    for _ in range(2):
        _, ticket = await sign_in(service)
        grants.append(await redeem(service, ticket))

    token_ids = {grant.session.token_id for grant in grants}
    assert [len(token_id) for token_id in token_ids] == [43, 43]


async def test_a_code_of_a_session_that_is_no_more_opens_nothing(service: MemoryService) -> None:
    completed, ticket = await sign_in(service)
    del service.store.committed.sessions[completed.grant.session.id]

    with pytest.raises(SessionEndedError):
        await redeem(service, ticket)


async def test_the_refresh_token_that_comes_with_it_renews(service: MemoryService) -> None:
    _, ticket = await sign_in(service)
    grant = await redeem(service, ticket)
    command = RenewSessionCommand(refresh_token=grant.refresh_token, visitor=a_visitor())
    renewed = await service.container.renew_session().execute(command)

    assert renewed.session.id == grant.session.id


async def test_nothing_that_could_be_redeemed_is_stored(service: MemoryService) -> None:
    _, ticket = await sign_in(service)

    stored = repr(service.store.committed)
    assert service.store.committed.handoffs
    assert ticket.code.reveal() not in stored
    assert ticket.browser.reveal() not in stored


async def test_the_code_and_the_mark_of_the_browser_are_two_secrets(
    service: MemoryService,
) -> None:
    (_, one), (_, other) = await sign_in(service), await sign_in(service)

    assert len({one.code, one.browser, other.code, other.browser}) == 4
    assert len(one.code.reveal()) == 43


async def test_a_code_counts_once(service: MemoryService) -> None:
    _, ticket = await sign_in(service)
    grant = await redeem(service, ticket)
    await assert_refused(service, ticket)

    # Whoever had it first stays signed in.
    await service.validate(grant.token)


async def test_a_code_from_another_browser_is_refused_and_not_spoiled(
    service: MemoryService,
) -> None:
    _, ticket = await sign_in(service)
    _, others = await sign_in(service)
    for browser in (others.browser, some_login_secrets().browser, Secret("")):
        await assert_refused(service, ticket, browser=browser)

    await service.validate((await redeem(service, ticket)).token)


async def test_a_code_that_nobody_was_given_is_refused(service: MemoryService) -> None:
    _, ticket = await sign_in(service)
    secrets = some_login_secrets()
    for code in (secrets.state, Secret(""), ticket.browser):
        await assert_refused(service, HandoffTicket(code=code, browser=ticket.browser))


async def test_a_code_of_an_apps_sign_in_is_the_apps_and_not_the_browsers(
    service: MemoryService,
) -> None:
    deliver_by_code(service.container)
    challenge = AppChallenge.of(Secret("v" * 43))
    begun = await service.begin(app_challenge=challenge)
    ticket = (await service.complete(begun.callback())).ticket
    assert ticket is not None
    assert ticket.holder == challenge

    await assert_refused(service, ticket, browser=ticket.browser)
    await service.validate((await redeem(service, ticket)).token)


@pytest.mark.parametrize("after", [timedelta(), 59 * SECOND])
async def test_a_code_is_in_time_for_less_than_a_minute(
    service: MemoryService, after: timedelta
) -> None:
    _, ticket = await sign_in(service)
    service.clock.advance(after)

    await service.validate((await redeem(service, ticket)).token)


@pytest.mark.parametrize("after", [60 * SECOND, 61 * SECOND, timedelta(days=1)])
async def test_a_code_is_too_late_after_a_minute(service: MemoryService, after: timedelta) -> None:
    _, ticket = await sign_in(service)
    service.clock.advance(after)

    await assert_refused(service, ticket)


async def test_a_code_of_a_session_that_was_ended_meanwhile_opens_nothing(
    service: MemoryService,
) -> None:
    completed, ticket = await sign_in(service)
    session = completed.grant.session
    command = RevokeSessionsCommand(
        user_id=session.user_id, current=session.id, which=Which.ALL, visitor=a_visitor()
    )
    await service.container.revoke_sessions().execute(command)
    revoked, visitor = service.store.committed.sessions[session.id], a_visitor()
    with pytest.raises(SessionEndedError):
        await redeem(service, ticket, visitor=visitor)

    assert service.store.committed.sessions[session.id] == revoked
    event = service.audit[-1]
    assert event.type is AuditEventType.SESSION_REDEEM_REFUSED
    assert (event.user_id, event.visitor) == (session.user_id, visitor.as_recorded())
    assert event.data == {"session_id": str(session.id)}
    # It was shown in time and to nobody's use: there is no second try.
    await assert_refused(service, ticket)


async def test_of_16_who_redeem_at_once_one_gets_the_session(service: MemoryService) -> None:
    _, ticket = await sign_in(service)
    grants: list[SessionGrant] = []
    refused: list[UnauthenticatedError] = []

    async def race() -> None:
        try:
            grants.append(await redeem(service, ticket))
        except UnauthenticatedError as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(16):
            tasks.start_soon(race)

    assert (len(grants), len(refused)) == (1, 15)


async def test_an_outage_does_not_use_the_code_up(service: MemoryService) -> None:
    _, ticket = await sign_in(service)
    with pytest.raises(UnavailableError):
        await redeem(a_memory_service(service.store, down_storage()), ticket)

    await service.validate((await redeem(service, ticket)).token)


async def test_where_a_session_is_handed_over_otherwise_there_is_no_code(
    service: MemoryService,
) -> None:
    begun = await service.begin(app_challenge=AppChallenge.of(Secret("v" * 43)))
    completed = await service.complete(begun.callback())

    assert begun.started.attempt.app_challenge is None
    assert completed.ticket is None
    assert service.store.committed.handoffs == {}


async def test_the_page_of_another_front_end_uses_the_code_up_in_vain(
    service: MemoryService,
) -> None:
    completed, ticket = await sign_in(service)
    command = RedeemHandoffCommand(
        code=ticket.code, holder=ticket.holder, visitor=a_visitor(), front_end=a_front_end().id
    )

    with pytest.raises(OtherFrontEndError):
        await service.container.redeem_handoff().execute(command)
    event = service.audit[-1]
    assert event.type is AuditEventType.SESSION_REDEEM_REFUSED
    assert event.data == {
        "session_id": str(completed.grant.session.id),
        "reason": "other_front_end",
    }
    await assert_refused(service, ticket)
