"""An operator reads the audit trail."""

from datetime import timedelta

import pytest

from adapters.memory.store import MemoryStore
from adapters.memory.unit_of_work import MemoryUnitOfWork
from application.errors import UnavailableError
from application.use_cases.evidence.show_audit import AuditShown, ShowAudit, ShowAuditCommand
from domain.audit_event import AuditEventType
from domain.audit_record import AuditFilter
from domain.service_client import ClientId
from domain.visitor import Visitor
from tests.support.audit_desk import AuditDesk
from tests.support.builders import NOW, a_session_id, a_user_id
from tests.support.storage import memory_storage

USER = a_user_id()
SESSION = a_session_id()


class Reader:
    """An operator over a trail with three events of a user."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.desk = AuditDesk(storage=memory_storage(self.store))
        storage = self.desk.storage
        self.use_case = ShowAudit(
            history=storage.audit_history,
            unit_of_work=storage.unit_of_work,
            clock=self.desk.clock,
        )

    async def reads(self, wanted: AuditFilter, *, limit: int = 10) -> AuditShown:
        return await self.use_case.execute(ShowAuditCommand(wanted=wanted, limit=limit))


@pytest.fixture
async def reader() -> Reader:
    reader = Reader()
    for minutes in range(3):
        await reader.desk.append(1, user_id=USER, now=NOW + timedelta(minutes=minutes))
    return reader


@pytest.mark.parametrize(
    ("limit", "minutes", "has_more"), [(2, [2, 1], True), (3, [2, 1, 0], False), (1, [2], True)]
)
async def test_the_newest_events_are_shown_and_whether_there_are_more(
    reader: Reader, limit: int, minutes: list[int], *, has_more: bool
) -> None:
    shown = await reader.reads(AuditFilter(user_id=USER), limit=limit)

    times = [record.mark.occurred_at for record in shown.records]
    assert times == [NOW + timedelta(minutes=each) for each in minutes]
    assert shown.has_more is has_more
    assert reader.store.committed.audit[-1].data["rows"] == limit


@pytest.mark.parametrize(
    ("wanted", "recorded"),
    [
        (AuditFilter(), {}),
        (AuditFilter(user_id=USER), {}),
        (AuditFilter(operator="casey"), {"of_operator": "casey"}),
        (AuditFilter(reference="6f2a-1"), {"of_reference": "6f2a-1"}),
        (AuditFilter(session_id=SESSION), {"of_session": str(SESSION)}),
        (AuditFilter(client_id=ClientId(USER)), {"of_client": str(USER)}),
        (
            AuditFilter(types=frozenset({AuditEventType.PURGED, AuditEventType.LOGIN})),
            {"types": "login purged"},
        ),
        (
            AuditFilter(since=NOW, until=NOW + timedelta(days=1)),
            {"since": "2026-01-20T17:30:00+00:00", "until": "2026-01-21T17:30:00+00:00"},
        ),
    ],
)
async def test_what_was_asked_for_is_on_record(
    wanted: AuditFilter, recorded: dict[str, str]
) -> None:
    reader = Reader()
    reader.desk.clock.advance(timedelta(hours=1))
    await reader.reads(wanted)

    (event,) = reader.store.committed.audit
    assert (event.type, event.user_id) == (AuditEventType.AUDIT_SHOWN, wanted.user_id)
    assert event.occurred_at == NOW + timedelta(hours=1)
    assert event.visitor == Visitor()
    assert event.data == {"rows": 0} | recorded


async def test_nothing_is_shown_if_it_cannot_be_recorded(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: MemoryUnitOfWork) -> None:
        raise UnavailableError

    monkeypatch.setattr(MemoryUnitOfWork, "commit", fail)
    with pytest.raises(UnavailableError):
        await reader.reads(AuditFilter(user_id=USER))
