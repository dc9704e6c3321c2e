"""Working through the outbox."""

from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from adapters.memory.store import MemoryStore
from adapters.memory.va_revocations import MemoryVARevocations
from application.errors import UnavailableError, UpstreamRejectedError
from application.use_cases.va_access.revoke_at_va import RevokedAtVA
from domain.audit_event import AuditEvent, AuditEventType
from domain.va_revocation import GIVE_UP_AFTER, VARevocation
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service

DONE = RevokedAtVA(done=1, put_off=0)
PUT_OFF = RevokedAtVA(done=0, put_off=1)
NOTHING = RevokedAtVA(done=0, put_off=0)
MOMENT = timedelta(microseconds=1)


async def an_entry(service: MemoryService) -> VARevocation:
    """What an unlink leaves in the outbox."""
    grant = (await service.sign_in()).grant
    user_id = grant.session.user_id
    async with service.storage.unit_of_work() as work:
        entries = service.container.outbox_entries()
        await entries.revoke_and_destroy(work, user_id, now=service.clock.now())
        await work.commit()
    entries_of_all = service.store.committed.va_revocations.values()
    (entry,) = [entry for entry in entries_of_all if entry.user_id == user_id]
    return entry


async def revoke(service: MemoryService) -> RevokedAtVA:
    return await service.container.revoke_at_va().execute()


def outcomes(service: MemoryService) -> list[AuditEvent]:
    return [event for event in service.audit if event.type is AuditEventType.VA_TOKENS_REVOKED]


def assert_settled(
    service: MemoryService, entry: VARevocation, outcome: str, attempts: int
) -> None:
    assert service.store.committed.va_revocations == {}
    (event,) = outcomes(service)
    assert event.user_id == entry.user_id
    assert dict(event.data) == {"outcome": outcome, "attempts": attempts}


async def test_an_empty_outbox_asks_nothing(service: MemoryService) -> None:
    assert await revoke(service) == NOTHING


async def test_what_va_has_revoked_goes_and_is_audited(service: MemoryService) -> None:
    entry = await an_entry(service)

    assert await revoke(service) == DONE
    assert list(service.provider.revoked.values()) == [True]
    assert_settled(service, entry, "revoked", 1)
    assert await revoke(service) == NOTHING


async def test_what_va_refuses_for_good_goes_and_is_audited(service: MemoryService) -> None:
    entry = await an_entry(service)
    service.provider.refuse(UpstreamRejectedError("unsupported_token_type"))

    assert await revoke(service) == DONE
    assert_settled(service, entry, "refused", 1)


async def test_while_va_is_down_the_pause_doubles_up_to_six_hours(service: MemoryService) -> None:
    entry = await an_entry(service)
    service.provider.go_down()
    pauses = []
    for _ in range(12):
        assert await revoke(service) == PUT_OFF
        stored = service.store.committed.va_revocations[entry.id]
        pauses.append(stored.due_at - service.clock.now())
        service.clock.advance(pauses[-1] - MOMENT)
        assert await revoke(service) == NOTHING
        service.clock.advance(MOMENT)

    seconds = [pause.total_seconds() for pause in pauses]
    assert seconds[:10] == [30.0 * 2**n for n in range(10)]
    assert seconds[10:] == [21_600.0] * 2
    assert outcomes(service) == []

    service.provider.come_back()
    assert await revoke(service) == DONE
    assert_settled(service, entry, "revoked", 13)


async def test_when_the_token_has_died_by_itself_nobody_tries_any_more(
    service: MemoryService,
) -> None:
    entry = await an_entry(service)
    service.provider.go_down()
    service.clock.set(entry.created_at + GIVE_UP_AFTER - MOMENT)
    assert await revoke(service) == PUT_OFF
    service.clock.advance(timedelta(minutes=1))

    assert await revoke(service) == DONE
    assert_settled(service, entry, "given_up", 2)


async def test_an_entry_that_cannot_be_read_goes_and_is_audited(service: MemoryService) -> None:
    entry = await an_entry(service)
    outbox = service.store.committed.va_revocations
    outbox[entry.id] = replace(entry, token=b"altered")

    assert await revoke(service) == DONE
    assert service.provider.revoked == {}
    assert_settled(service, entry, "unreadable", 1)


async def test_an_entry_whose_key_does_not_open_is_unreadable(service: MemoryService) -> None:
    entry = await an_entry(service)
    outbox = service.store.committed.va_revocations
    outbox[entry.id] = replace(entry, key=replace(entry.key, master_key_id="gone"))

    assert await revoke(service) == DONE
    assert_settled(service, entry, "unreadable", 1)


async def test_where_va_cannot_be_asked_nothing_is_said_to_be_revoked(
    service: MemoryService,
) -> None:
    entry = await an_entry(service)
    service.provider.revokes = False

    assert await revoke(service) == DONE
    assert_settled(service, entry, "not_offered", 1)


async def test_when_the_worker_dies_after_vas_answer_va_is_asked_again(
    service: MemoryService,
) -> None:
    entry = await an_entry(service)
    with (
        patch.object(MemoryVARevocations, "remove", side_effect=UnavailableError),
        pytest.raises(UnavailableError),
    ):
        await revoke(service)
    assert len(service.provider.revoked) == 1
    assert outcomes(service) == []

    # Nobody else takes it while the one that died might still be at it.
    assert await revoke(service) == NOTHING
    service.provider.revoked.clear()
    service.clock.advance(timedelta(minutes=5))
    assert await revoke(service) == DONE
    assert len(service.provider.revoked) == 1
    assert_settled(service, entry, "revoked", 2)


async def test_one_that_cannot_be_read_does_not_hold_up_the_next(service: MemoryService) -> None:
    first, second = [await an_entry(service) for _ in range(2)]
    outbox = service.store.committed.va_revocations
    outbox[first.id] = replace(first, token=b"altered")

    assert await revoke(service) == RevokedAtVA(done=2, put_off=0)
    assert [event.user_id for event in outcomes(service)] == [first.user_id, second.user_id]


async def test_without_a_storage_nothing_is_asked() -> None:
    service = a_memory_service(MemoryStore(), down_storage())

    with pytest.raises(UnavailableError):
        await revoke(service)
    assert service.provider.revoked == {}
