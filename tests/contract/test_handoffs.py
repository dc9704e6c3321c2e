"""What every Handoffs promises, run against each adapter."""

from datetime import datetime, timedelta

import anyio

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.handoff import Handoff, HandoffTicket
from domain.secret import Secret, hash_of
from tests.support.builders import NOW, a_token_id
from tests.support.storage import a_stored_session


def a_ticket() -> HandoffTicket:
    return HandoffTicket(code=Secret(a_token_id()), browser=Secret(a_token_id()))


async def a_stored_handoff(
    unit_of_work: UnitOfWorkFactory, ticket: HandoffTicket, *, commit: bool = True
) -> Handoff:
    session = await a_stored_session(unit_of_work)
    handoff = Handoff.of(ticket, user_id=session.user_id, session_id=session.id, now=NOW)
    async with unit_of_work() as work:
        await work.handoffs.add(handoff)
        if commit:
            await work.commit()
    return handoff


async def take(
    unit_of_work: UnitOfWorkFactory,
    code: Secret,
    browser: Secret,
    *,
    now: datetime = NOW,
    commit: bool = True,
) -> Handoff | None:
    async with unit_of_work() as work:
        taken = await work.handoffs.take(
            code_hash=hash_of(code), browser_hash=hash_of(browser), now=now
        )
        if commit:
            await work.commit()
    return taken


async def test_a_code_is_worth_its_session_once(unit_of_work: UnitOfWorkFactory) -> None:
    ticket = a_ticket()
    handoff = await a_stored_handoff(unit_of_work, ticket)

    assert await take(unit_of_work, ticket.code, ticket.browser) == handoff
    assert await take(unit_of_work, ticket.code, ticket.browser) is None


async def test_a_code_is_worth_nothing_from_another_browser_and_is_not_spoiled(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    ticket = a_ticket()
    handoff = await a_stored_handoff(unit_of_work, ticket)

    assert await take(unit_of_work, ticket.code, a_ticket().browser) is None
    assert await take(unit_of_work, a_ticket().code, ticket.browser) is None
    assert await take(unit_of_work, ticket.code, ticket.browser) == handoff


async def test_a_code_is_worth_something_for_less_than_its_lifetime(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    ticket = a_ticket()
    handoff = await a_stored_handoff(unit_of_work, ticket)
    last = handoff.expires_at - timedelta(microseconds=1)

    late = await take(unit_of_work, ticket.code, ticket.browser, now=handoff.expires_at)
    assert late is None
    assert await take(unit_of_work, ticket.code, ticket.browser, now=last) == handoff


async def test_a_code_that_was_taken_in_vain_can_be_tried_again(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    ticket = a_ticket()
    handoff = await a_stored_handoff(unit_of_work, ticket)
    await take(unit_of_work, ticket.code, ticket.browser, commit=False)

    assert await take(unit_of_work, ticket.code, ticket.browser) == handoff


async def test_a_code_that_was_not_committed_is_worth_nothing(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    ticket = a_ticket()
    await a_stored_handoff(unit_of_work, ticket, commit=False)

    assert await take(unit_of_work, ticket.code, ticket.browser) is None


async def test_of_racing_takers_one_gets_the_session(unit_of_work: UnitOfWorkFactory) -> None:
    ticket = a_ticket()
    handoff = await a_stored_handoff(unit_of_work, ticket)
    taken: list[Handoff | None] = []

    async def race() -> None:
        taken.append(await take(unit_of_work, ticket.code, ticket.browser))

    async with anyio.create_task_group() as tasks:
        for _ in range(16):
            tasks.start_soon(race)

    assert taken.count(None) == 15
    assert handoff in taken
