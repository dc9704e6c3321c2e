"""An operator looks at a page that shows no user."""

import pytest

from adapters.memory.store import MemoryStore
from application.use_cases.console.record_look import ConsolePage, RecordLook
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor
from tests.support.builders import NOW
from tests.support.frozen_clock import frozen_clock
from tests.support.storage import memory_storage


@pytest.mark.parametrize("page", ConsolePage)
async def test_a_look_is_on_record_with_its_page(page: ConsolePage) -> None:
    store = MemoryStore()
    use_case = RecordLook(unit_of_work=memory_storage(store).unit_of_work, clock=frozen_clock())
    await use_case.execute(page)

    assert store.committed.audit == [
        AuditEvent(
            type=AuditEventType.CONSOLE_SHOWN,
            occurred_at=NOW,
            user_id=None,
            visitor=Visitor(),
            data={"page": page.value},
        )
    ]
