"""What Veterans see of the events that concern them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from application.ports.audit_history import AuditHistory
from application.use_cases.history.read_history import ReadHistory, ReadHistoryCommand
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.identifiers import UserId
from domain.visitor import Visitor
from tests.support.builders import NOW, a_session_id, a_user_id, a_visitor, an_identity
from tests.support.service import MemoryService

SESSION_ID = str(a_session_id())
OPERATORS_ACTS = {
    AuditEventType.USER_DISABLED,
    AuditEventType.USER_ENABLED,
    AuditEventType.LOGOUT_BY_OPERATOR,
    AuditEventType.CLIENT_DISABLED,
    AuditEventType.FRONT_END_CHANGED,
    AuditEventType.FRONT_END_DISABLED,
    AuditEventType.SESSION_ENDED_BY_OPERATOR,
    AuditEventType.VA_UNLINKED_BY_OPERATOR,
    AuditEventType.ICN_CHANGED,
    AuditEventType.USER_MERGED,
}


async def append(
    service: MemoryService, user_id: UserId, type_: AuditEventType, now: datetime = NOW
) -> AuditEvent:
    event = AuditEvent.of_user(
        type_,
        user_id,
        visitor=a_visitor(),
        now=now,
        reason="fraud",
        session_id=SESSION_ID,
        sessions=2,
        other=str(a_user_id()),
        icn_user=str(a_user_id()),
    )
    async with service.storage.unit_of_work() as work:
        await work.audit.append(event)
        await work.commit()
    return event


@pytest.mark.parametrize("type_", AuditEventType)
async def test_only_the_reasons_of_operators_and_other_people_are_hidden(
    service: MemoryService, type_: AuditEventType
) -> None:
    user_id = a_user_id()
    recorded = await append(service, user_id, type_)
    await append(service, a_user_id(), type_)
    page = await service.container.read_history().execute(ReadHistoryCommand(user_id=user_id))

    (event,) = page.events
    assert (event.type, event.occurred_at, event.session_id) == (type_, NOW, SESSION_ID)
    assert event.reference == recorded.visitor.request_id
    seen = {"sessions": 2} if type_ in OPERATORS_ACTS else {"sessions": 2, "reason": "fraud"}
    assert event.details == seen
    assert page.next is None


async def test_a_page_says_where_the_next_one_starts(service: MemoryService) -> None:
    user_id = a_user_id()
    types = [AuditEventType.LOGIN, AuditEventType.LOGOUT, AuditEventType.LOGIN_FAILED]
    for hours, type_ in enumerate(types):
        await append(service, user_id, type_, NOW + timedelta(hours=hours))
    read = service.container.read_history().execute
    first = await read(ReadHistoryCommand(user_id=user_id, page_size=2))
    second = await read(ReadHistoryCommand(user_id=user_id, page_size=2, after=first.next))

    assert [event.type for event in (*first.events, *second.events)] == types[::-1]
    assert second.next is None


async def test_what_happened_to_a_merged_account_is_part_of_the_history(
    service: MemoryService,
) -> None:
    kept, merged, stranger = [await service.link(an_identity()) for _ in range(3)]
    async with service.storage.unit_of_work() as work:
        await work.users.merge(merged.id, into=kept.id, now=NOW)
        await work.commit()
    for hours, user in enumerate((kept, merged, stranger)):
        await append(service, user.id, AuditEventType.LOGIN, NOW + timedelta(hours=hours))

    page = await service.container.read_history().execute(ReadHistoryCommand(user_id=kept.id))
    assert [(event.type, event.occurred_at) for event in page.events] == [
        (AuditEventType.LOGIN, NOW + timedelta(hours=1)),
        (AuditEventType.LOGIN, NOW),
        (AuditEventType.VA_LINKED, NOW),
        (AuditEventType.VA_LINKED, NOW),
    ]


class Trail(AuditHistory):
    """Has as many events as it is asked for, of which there are five."""

    def __init__(self) -> None:
        self.asked: list[tuple[AuditFilter, AuditMark | None, int]] = []

    async def list(
        self, wanted: AuditFilter, *, after: AuditMark | None, limit: int
    ) -> Sequence[AuditRecord]:
        self.asked.append((wanted, after, limit))
        return [
            AuditRecord(
                mark=AuditMark(occurred_at=NOW - timedelta(minutes=minute), key=str(minute)),
                type=AuditEventType.LOGIN,
                user_id=wanted.user_id,
                visitor=Visitor(request_id="6f2a-1"),
                data={},
                user_agent="Firefox",
                client_name="Benefits",
                front_end_name="Portal",
            )
            for minute in range(5)
        ][:limit]


@pytest.mark.parametrize(("size", "last"), [(3, 2), (4, 3), (5, None), (6, None)])
async def test_a_page_ends_at_its_last_event_and_shows_the_names(
    service: MemoryService, size: int, last: int | None
) -> None:
    trail, user_id = Trail(), a_user_id()
    use_case = ReadHistory(history=trail, users=service.storage.user_directory)
    page = await use_case.execute(ReadHistoryCommand(user_id=user_id, after=None, page_size=size))

    assert len(page.events) == min(size, 5)
    assert page.next == (
        None
        if last is None
        else AuditMark(occurred_at=NOW - timedelta(minutes=last), key=str(last))
    )
    event = page.events[0]
    assert (event.user_agent, event.client_name, event.front_end_name, event.reference) == (
        "Firefox",
        "Benefits",
        "Portal",
        "6f2a-1",
    )
    wanted = AuditFilter(user_id=user_id, types=frozenset(AuditEventType))
    assert trail.asked == [(wanted, None, size + 1)]
