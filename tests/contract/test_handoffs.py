"""What every Handoffs promises, run against each adapter."""

from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.app_challenge import AppChallenge
from domain.handoff import BrowserMark, Handoff, HandoffHolder, HandoffTicket
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
    holder: Secret | HandoffHolder,
    *,
    now: datetime = NOW,
    commit: bool = True,
) -> Handoff | None:
    """Take a code, as the browser with a secret or as another holder."""
    if isinstance(holder, Secret):
        holder = BrowserMark.of(holder)
    async with unit_of_work() as work:
        taken = await work.handoffs.take(code_hash=hash_of(code), holder=holder, now=now)
        if commit:
            await work.commit()
    return taken


def an_apps_ticket() -> tuple[HandoffTicket, Secret]:
    """A ticket for an app, and the app's secret."""
    verifier = Secret(a_token_id())
    ticket = a_ticket()
    return replace(ticket, app_challenge=AppChallenge.of(verifier)), verifier


async def test_a_code_of_an_app_is_worth_its_session_once(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    ticket, verifier = an_apps_ticket()
    handoff = await a_stored_handoff(unit_of_work, ticket)

    assert await take(unit_of_work, ticket.code, AppChallenge.of(verifier)) == handoff
    assert await take(unit_of_work, ticket.code, AppChallenge.of(verifier)) is None


async def test_a_code_of_an_app_is_worth_nothing_to_anybody_else_and_is_not_spoiled(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    ticket, verifier = an_apps_ticket()
    other, other_verifier = an_apps_ticket()
    handoff = await a_stored_handoff(unit_of_work, ticket)
    await a_stored_handoff(unit_of_work, other)

    for holder in (
        # The browser that the person signed in with, another app, and the right secret as the
        # wrong kind of proof.
        BrowserMark.of(ticket.browser),
        AppChallenge.of(other_verifier),
        BrowserMark.of(verifier),
    ):
        assert await take(unit_of_work, ticket.code, holder) is None
    assert await take(unit_of_work, ticket.code, AppChallenge.of(verifier)) == handoff


async def test_a_code_of_a_browser_is_worth_nothing_to_an_app(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    ticket = a_ticket()
    handoff = await a_stored_handoff(unit_of_work, ticket)

    assert await take(unit_of_work, ticket.code, AppChallenge.of(ticket.browser)) is None
    assert await take(unit_of_work, ticket.code, ticket.browser) == handoff


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
