"""No use case asks the store for more rows than it needs, however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import pytest

from adapters.memory.audit_history import MemoryAuditHistory
from adapters.memory.disclosures import MemoryDisclosures
from adapters.memory.sealed_trail import MemorySealedTrail
from adapters.memory.store import MemoryStore
from adapters.memory.user_records import MemoryUserRecords
from adapters.memory.va_revocations import MemoryVARevocations
from application import sealed_batches
from application.use_cases.evidence import verify_audit
from application.use_cases.evidence.show_audit import ShowAudit, ShowAuditCommand
from application.use_cases.history.list_disclosures import PAGE_SIZE
from application.use_cases.operations.find_users import FindUsersCommand
from application.use_cases.operations.show_user import EVENTS
from domain.audit_record import AuditFilter
from domain.user_search import parse_user_search
from tests.support.audit_desk import AuditDesk
from tests.support.builders import an_identity
from tests.support.service import MemoryService, a_memory_service
from tests.support.storage import memory_storage


@contextmanager
def limits(adapter: type, method: str) -> Iterator[set[int | None]]:
    """How many rows that method is asked for."""
    asked: set[int | None] = set()
    with patch.object(adapter, method, autospec=True, side_effect=getattr(adapter, method)) as mock:
        yield asked
    asked.update(call.kwargs["limit"] for call in mock.call_args_list)


@pytest.fixture
def service() -> MemoryService:
    return a_memory_service(MemoryStore())


# One more than is shown tells whether there are more.


async def test_a_reader_of_the_trail(service: MemoryService) -> None:
    use_case = ShowAudit(
        history=service.storage.audit_history,
        unit_of_work=service.storage.unit_of_work,
        clock=service.clock,
    )
    with limits(MemoryAuditHistory, "list") as asked:
        await use_case.execute(ShowAuditCommand(wanted=AuditFilter(), limit=3))
    assert asked == {4}


async def test_a_look_at_a_user_and_a_list_of_uses(service: MemoryService) -> None:
    user = await service.link(an_identity())
    with limits(MemoryAuditHistory, "list") as asked:
        await service.container.show_user().execute(user.id)
    assert asked == {EVENTS + 1}
    with limits(MemoryDisclosures, "list_for") as asked:
        await service.container.list_disclosures().execute(user.id, after=None)
    assert asked == {PAGE_SIZE + 1}


async def test_a_search_for_users(service: MemoryService) -> None:
    command = FindUsersCommand(wanted=parse_user_search("ellis"), limit=3)
    with limits(MemoryUserRecords, "search") as asked:
        await service.container.find_users().execute(command)
    assert asked == {4}


async def test_a_verification_and_an_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_batches, "_PAGE", 2)
    monkeypatch.setattr(verify_audit, "_ROWS_OF_A_PAGE", 3)
    monkeypatch.setattr(verify_audit, "_SURPLUS", 5)
    store = MemoryStore()
    desk = AuditDesk(storage=memory_storage(store))
    await desk.append(4)
    await desk.seal()
    with (
        limits(MemorySealedTrail, "batches") as batches,
        limits(MemorySealedTrail, "leaves") as leaves,
        limits(MemorySealedTrail, "orphans") as orphans,
        limits(MemorySealedTrail, "loose") as loose,
    ):
        await desk.verify()
    assert (batches, leaves, orphans, loose) == ({2}, {4 + 5}, {3}, {3})
    with limits(MemorySealedTrail, "leaves") as leaves:
        await desk.export()
    assert leaves == {4 + 1}
    (batch,) = store.committed.audit_batches.values()
    altered = replace(batch, header=replace(batch.header, count=-7))
    store.committed.audit_batches[1] = altered
    with limits(MemorySealedTrail, "leaves") as leaves:
        await desk.verify()
    assert leaves == {5}


async def test_a_worker_of_the_outbox(service: MemoryService) -> None:
    with limits(MemoryVARevocations, "claim") as asked:
        await service.container.revoke_at_va().execute()
    # As many as are done before another worker may take them.
    assert asked == {20}
