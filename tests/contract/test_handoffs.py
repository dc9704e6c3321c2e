"""What every Handoffs promises, run against each adapter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

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


#: Long before any other test takes place, so that nobody else's codes are old enough.
LONG_AGO = datetime(1989, 1, 1, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


async def some_old_handoffs(unit_of_work: UnitOfWorkFactory, count: int) -> list[Handoff]:
    session = await a_stored_session(unit_of_work)
    handoffs = [
        Handoff.of(a_ticket(), user_id=session.user_id, session_id=session.id, now=LONG_AGO)
        for _ in range(count)
    ]
    async with unit_of_work() as work:
        for handoff in handoffs:
            await work.handoffs.add(handoff)
        await work.commit()
    return handoffs


async def take_expired(
    unit_of_work: UnitOfWorkFactory, before: datetime, *, limit: int = 100, commit: bool = True
) -> list[Handoff]:
    async with unit_of_work() as work:
        taken = await work.handoffs.take_expired(before=before, limit=limit)
        if commit:
            await work.commit()
    return taken


async def test_codes_that_nobody_redeemed_are_taken_once_they_expired(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    (handoff,) = await some_old_handoffs(unit_of_work, 1)

    assert await take_expired(unit_of_work, handoff.expires_at) == []
    just_after = handoff.expires_at + A_MOMENT
    assert await take_expired(unit_of_work, just_after, commit=False) == [handoff]
    assert await take_expired(unit_of_work, just_after) == [handoff]
    assert await take_expired(unit_of_work, just_after) == []


async def test_no_more_expired_codes_than_the_limit_are_taken_at_once(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    handoffs = await some_old_handoffs(unit_of_work, 5)
    just_after = handoffs[0].expires_at + A_MOMENT

    taken = [await take_expired(unit_of_work, just_after, limit=2) for _ in range(4)]
    assert [len(each) for each in taken] == [2, 2, 1, 0]
    assert {each.code_hash for several in taken for each in several} == {
        each.code_hash for each in handoffs
    }


async def test_each_expired_code_goes_to_one_of_racing_takers(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    handoffs = await some_old_handoffs(unit_of_work, 8)
    taken: list[Handoff] = []

    async def race() -> None:
        taken.extend(await take_expired(unit_of_work, handoffs[0].expires_at + A_MOMENT))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(race)

    assert len(taken) == 8
    assert set(taken) == set(handoffs)
