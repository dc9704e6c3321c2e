"""What every AuditTrail promises, run against each adapter."""

from datetime import timedelta

import pytest

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter
from domain.identifiers import UserId
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor
from tests.support.builders import NOW, a_session, a_visitor
from tests.support.storage import a_stored_user, memory_storage, postgres_storage


async def append(unit_of_work: UnitOfWorkFactory, *events: AuditEvent) -> None:
    async with unit_of_work() as work:
        for event in events:
            await work.audit.append(event)
        await work.commit()


async def told(unit_of_work: UnitOfWorkFactory, user_id: UserId) -> list[tuple[object, ...]]:
    """The user's events as the trail has to tell them."""
    async with unit_of_work() as work:
        return [facts(event) for event in await work.audit.list_for(user_id)]


def facts(event: AuditEvent) -> tuple[object, ...]:
    data = dict(event.data)
    return event.type, event.occurred_at, event.user_id, event.visitor.as_recorded(), data


async def test_events_are_told_oldest_first_with_all_they_say(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    session, visitor = a_session(user.id), a_visitor()
    at = [NOW + timedelta(minutes=minute) for minute in range(5)]
    events = [
        AuditEvent.va_linked(user.id, visitor=visitor, now=at[0]),
        AuditEvent.login(session, visitor=visitor, now=at[1]),
        AuditEvent.login_failed(
            SignInFailure.ACCOUNT_DISABLED,
            reason="account_disabled",
            visitor=visitor,
            now=at[2],
            user_id=user.id,
        ),
        AuditEvent.of_session(
            AuditEventType.LOGOUT, user.id, session.id, visitor=visitor, now=at[3]
        ),
        AuditEvent.of_user(
            AuditEventType.LOGOUT_ALL, user.id, visitor=visitor, now=at[4], sessions=3
        ),
    ]
    await append(unit_of_work, *events)

    assert await told(unit_of_work, user.id) == [facts(event) for event in events]


async def test_events_of_one_instant_are_told_as_they_came(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    events = [
        AuditEvent.of_user(
            AuditEventType.LOGOUT_ALL, user.id, visitor=a_visitor(), now=NOW, sessions=number
        )
        for number in range(10)
    ]
    await append(unit_of_work, *events[:5])
    await append(unit_of_work, *events[5:])

    assert await told(unit_of_work, user.id) == [facts(event) for event in events]


async def test_a_user_is_told_of_no_others_events(unit_of_work: UnitOfWorkFactory) -> None:
    one, other = [await a_stored_user(unit_of_work) for _ in range(2)]
    visitor = a_visitor()
    mine = AuditEvent.va_linked(one.id, visitor=visitor, now=NOW)
    nobodys = AuditEvent.login_failed(
        SignInFailure.ACCESS_DENIED, reason="denied_at_provider", visitor=visitor, now=NOW
    )
    await append(
        unit_of_work, nobodys, AuditEvent.va_linked(other.id, visitor=visitor, now=NOW), mine
    )

    assert await told(unit_of_work, one.id) == [facts(mine)]


async def test_what_a_client_calls_itself_is_not_kept(unit_of_work: UnitOfWorkFactory) -> None:
    user, visitor = await a_stored_user(unit_of_work), a_visitor()
    await append(unit_of_work, AuditEvent.va_linked(user.id, visitor=visitor, now=NOW))

    async with unit_of_work() as work:
        (event,) = await work.audit.list_for(user.id)
    assert event.visitor.user_agent is None
    assert event.visitor.user_agent_hash == visitor.user_agent_hash


async def test_an_event_may_come_from_nowhere(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)
    event = AuditEvent.va_linked(user.id, visitor=Visitor(), now=NOW)
    await append(unit_of_work, event)

    assert await told(unit_of_work, user.id) == [facts(event)]


@pytest.mark.parametrize(
    "adapter", ["memory", pytest.param("postgres", marks=pytest.mark.postgres)]
)
async def test_where_an_operator_runs_the_process_every_event_names_them(
    request: pytest.FixtureRequest, adapter: str
) -> None:
    storage = (
        memory_storage(operator="pat")
        if adapter == "memory"
        else postgres_storage(request.getfixturevalue("pool"), operator="pat")
    )
    user = await a_stored_user(storage.unit_of_work)
    visitors = [Visitor(), a_visitor(), Visitor(operator="somebody else")]
    events = [AuditEvent.va_linked(user.id, visitor=each, now=NOW) for each in visitors]
    await append(storage.unit_of_work, *events)

    async with storage.unit_of_work() as work:
        found = await work.audit.list_for(user.id)
    shown = await storage.audit_history.list(AuditFilter(user_id=user.id), after=None, limit=9)
    assert [event.visitor.operator for event in found] == ["pat"] * 3
    assert [record.visitor.operator for record in shown] == ["pat"] * 3


async def test_a_unit_sees_the_events_it_has_just_added_and_nobody_else_does(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    event = AuditEvent.va_linked(user.id, visitor=a_visitor(), now=NOW)
    async with unit_of_work() as work:
        await work.audit.append(event)
        assert [facts(seen) for seen in await work.audit.list_for(user.id)] == [facts(event)]

    assert await told(unit_of_work, user.id) == []
