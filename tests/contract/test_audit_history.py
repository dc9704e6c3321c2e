"""What every AuditHistory promises, run against each adapter."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.memory.store import MemoryStore
from adapters.postgres.pool import Pool, build_pool, opened
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.identifiers import UserId
from domain.service_client import ClientId
from domain.visitor import Visitor
from tests.support.builders import NOW, a_front_end, a_session_id, a_user_id
from tests.support.databases import change
from tests.support.service_clients import a_client
from tests.support.storage import (
    Storage,
    a_stored_session,
    a_stored_user,
    memory_storage,
    postgres_storage,
)

A_SECOND = timedelta(seconds=1)
WHO = Visitor(
    address_hash="a", user_agent_hash="b", key_id="c", request_id="0123456789ab-1", user_agent=None
)


def an_event(
    user_id: UserId | None,
    type_: AuditEventType = AuditEventType.LOGOUT,
    *,
    now: datetime = NOW,
    **data: str | int,
) -> AuditEvent:
    return AuditEvent(type=type_, occurred_at=now, user_id=user_id, visitor=WHO, data=data)


async def append(storage: Storage, *events: AuditEvent) -> None:
    async with storage.unit_of_work() as work:
        for event in events:
            await work.audit.append(event)
        await work.commit()


async def read(
    storage: Storage,
    user_id: UserId | None = None,
    *,
    after: AuditMark | None = None,
    limit: int = 100,
    **wanted: Any,
) -> Sequence[AuditRecord]:
    asked = AuditFilter(user_id=user_id, **wanted)
    return await storage.audit_history.list(asked, after=after, limit=limit)


def events(records: Sequence[AuditRecord]) -> list[AuditEvent]:
    return [
        AuditEvent(
            type=AuditEventType(record.type),
            occurred_at=record.mark.occurred_at,
            user_id=record.user_id,
            visitor=record.visitor,
            data=record.data,
        )
        for record in records
    ]


async def test_an_event_comes_back_as_it_was_recorded(storage: Storage) -> None:
    event = an_event(a_user_id(), AuditEventType.LOGOUT_ALL, sessions=3)
    await append(storage, event)

    (record,) = await read(storage, event.user_id)

    assert events([record]) == [event]
    assert record.mark.occurred_at == NOW
    assert (record.user_agent, record.client_name) == (None, None)


async def test_a_user_is_shown_nothing_of_anybody_else(storage: Storage) -> None:
    mine, other = a_user_id(), a_user_id()
    await append(storage, an_event(mine), an_event(other), an_event(None, AuditEventType.PURGED))

    assert events(await read(storage, mine)) == [an_event(mine)]


async def test_the_device_is_that_of_the_session_while_it_is_kept(storage: Storage) -> None:
    session = await a_stored_session(storage.unit_of_work)
    login = AuditEventType.LOGIN
    await append(
        storage,
        an_event(session.user_id, login, session_id=str(session.id)),
        an_event(session.user_id, login, session_id=str(a_session_id()), now=NOW + A_SECOND),
    )

    gone, kept = await read(storage, session.user_id)

    assert kept.user_agent == session.user_agent
    assert gone.user_agent is None


async def test_the_device_of_somebody_elses_session_is_not_shown(storage: Storage) -> None:
    theirs = await a_stored_session(storage.unit_of_work)
    mine = (await a_stored_user(storage.unit_of_work)).id
    refused = AuditEventType.SESSION_REVOKE_REFUSED
    await append(storage, an_event(mine, refused, session_id=str(theirs.id)))

    (record,) = await read(storage, mine)

    assert record.user_agent is None


async def test_a_front_end_is_told_by_its_name(storage: Storage) -> None:
    front_end, user_id = a_front_end(name="Claims"), a_user_id()
    async with storage.unit_of_work() as work:
        await work.front_ends.add(front_end)
        await work.commit()
    await append(
        storage,
        an_event(user_id, AuditEventType.LOGIN, front_end=str(front_end.id)),
        an_event(user_id, AuditEventType.LOGIN, front_end="elsewhere", now=NOW + A_SECOND),
    )

    unknown, known = await read(storage, user_id)

    assert (known.front_end_name, unknown.front_end_name) == ("Claims", None)


async def test_a_client_is_told_by_its_name(storage: Storage) -> None:
    client, user_id = a_client(name="Benefits assistant"), a_user_id()
    async with storage.unit_of_work() as work:
        await work.service_clients.add(client)
        await work.commit()
    used = AuditEventType.VA_TOKEN_USED
    await append(
        storage,
        an_event(user_id, used, client=str(client.id)),
        an_event(user_id, used, client="somebody", now=NOW + A_SECOND),
    )

    unknown, known = await read(storage, user_id)

    assert known.client_name == "Benefits assistant"
    assert unknown.client_name is None


async def test_events_are_found_by_type_and_by_time(storage: Storage) -> None:
    user_id = a_user_id()
    login, logout = AuditEventType.LOGIN, AuditEventType.LOGOUT
    early = an_event(user_id, login, now=NOW)
    late = an_event(user_id, logout, now=NOW + A_SECOND)
    await append(storage, early, late)

    assert events(await read(storage, user_id, types=frozenset({login}))) == [early]
    assert events(await read(storage, user_id, types=frozenset({login, logout}))) == [late, early]
    assert events(await read(storage, user_id, types=frozenset())) == []
    assert events(await read(storage, user_id, since=NOW)) == [late, early]
    assert events(await read(storage, user_id, since=NOW + A_SECOND)) == [late]
    assert events(await read(storage, user_id, until=NOW + A_SECOND)) == [early]
    assert events(await read(storage, user_id, until=NOW)) == []


async def test_without_a_user_everybodys_events_are_found(storage: Storage) -> None:
    # Long before any other test takes place, so that nobody else's events are among them.
    then = NOW.replace(year=1970)
    mine, theirs = an_event(a_user_id(), now=then), an_event(a_user_id(), now=then + A_SECOND)
    nobodys = an_event(None, AuditEventType.PURGED, now=then + 2 * A_SECOND)
    await append(storage, mine, theirs, nobodys)

    found = await read(storage, since=then, until=then + 3 * A_SECOND)

    assert events(found)[:3] == [nobodys, theirs, mine]


async def test_the_newest_comes_first_and_pages_join_without_gap_or_repetition(
    storage: Storage,
) -> None:
    user_id = a_user_id()
    # Some at the same instant, so that the time alone does not tell them apart.
    instants = [NOW + (position // 3) * A_SECOND for position in range(12)]
    await append(storage, *[an_event(user_id, now=instant) for instant in instants])

    whole = await read(storage, user_id)
    pages: list[AuditRecord] = []
    while page := await read(storage, user_id, after=pages[-1].mark if pages else None, limit=5):
        assert len(page) <= 5
        pages += page

    assert pages == list(whole)
    assert [each.mark.occurred_at for each in whole] == sorted(instants, reverse=True)


async def test_what_was_not_committed_is_not_told(storage: Storage) -> None:
    user_id = a_user_id()
    async with storage.unit_of_work() as work:
        await work.audit.append(an_event(user_id))

    assert await read(storage, user_id) == []


async def test_events_are_found_by_the_request_the_session_and_the_client(
    storage: Storage,
) -> None:
    user_id, session_id, client_id = a_user_id(), a_session_id(), ClientId(uuid4())
    reference = f"{a_user_id().hex[:12]}-7f"
    used = AuditEventType.VA_TOKEN_USED
    of_session = an_event(user_id, session_id=str(session_id))
    of_client = an_event(user_id, used, now=NOW + A_SECOND, client=str(client_id))
    visitor = replace(WHO, request_id=reference)
    of_request = replace(an_event(None, now=NOW + 2 * A_SECOND), visitor=visitor)
    others = [an_event(user_id, session_id=str(a_session_id()), client=str(uuid4()))]
    await append(storage, of_session, of_client, of_request, *others)

    assert events(await read(storage, session_id=session_id)) == [of_session]
    assert events(await read(storage, client_id=client_id)) == [of_client]
    assert events(await read(storage, reference=reference)) == [of_request]
    assert events(await read(storage, user_id, session_id=session_id)) == [of_session]
    assert events(await read(storage, a_user_id(), session_id=session_id)) == []
    assert events(await read(storage, reference=reference, client_id=client_id)) == []
    assert await read(storage, session_id=a_session_id()) == []
    assert await read(storage, reference=f"{reference}0") == []


@pytest.mark.parametrize("kind", ["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_events_are_found_by_the_operator(kind: str, request: pytest.FixtureRequest) -> None:
    pat, kim, store = f"pat-{a_user_id()}", f"kim-{a_user_id()}", MemoryStore()
    pool: Pool | None = None if kind == "memory" else request.getfixturevalue("pool")
    for operator in (pat, kim):
        storage = (
            memory_storage(store, operator) if pool is None else postgres_storage(pool, operator)
        )
        await append(storage, an_event(a_user_id()))

    found = await read(storage, operator=pat)
    assert [record.visitor.operator for record in found] == [pat]


async def test_events_of_other_users_who_are_named_are_included(storage: Storage) -> None:
    mine, merged, theirs = a_user_id(), a_user_id(), a_user_id()
    told = [
        an_event(user_id, now=NOW + seconds * A_SECOND)
        for seconds, user_id in enumerate((mine, merged, theirs, mine))
    ]
    await append(storage, *told)

    both = frozenset({merged})
    page = await read(storage, mine, limit=2, also_of=both)
    assert events(page) == [told[3], told[1]]
    assert events(await read(storage, mine, after=page[-1].mark, also_of=both)) == [told[0]]


@pytest.mark.postgres
@pytest.mark.parametrize("at", ["infinity", "-infinity"])
async def test_pages_of_rows_beyond_all_time_join_and_end(own_database: str, at: str) -> None:
    user_id = a_user_id()
    pages: list[AuditRecord] = []
    change(
        own_database,
        f"""
        INSERT INTO vetassist_auth_audit (user_id, event_type, created_at)
        SELECT '{user_id}'::uuid, 'logout', '{at}'::timestamptz FROM generate_series(1, 7)
        UNION ALL SELECT '{user_id}', 'login', '2026-01-20' FROM generate_series(1, 4)
        """,
    )
    async with opened(build_pool(own_database, max_size=1)) as pool:
        storage = postgres_storage(pool)
        while page := await read(
            storage, user_id, after=pages[-1].mark if pages else None, limit=3
        ):
            pages += page
            assert len(pages) <= 11
    assert len({each.mark.key for each in pages}) == 11
