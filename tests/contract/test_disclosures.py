"""What every Disclosures promises, run against each adapter."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from adapters.postgres.pool import Pool
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditMark
from domain.disclosure import Disclosure
from domain.identifiers import UserId
from domain.visitor import Visitor
from tests.support.builders import NOW, a_session_id, a_user_id
from tests.support.service_clients import PURPOSE, SCOPE, a_client
from tests.support.storage import Storage, postgres_storage


def a_use(
    user_id: UserId,
    client: str = "somebody",
    *,
    now: datetime = NOW,
    type_: AuditEventType = AuditEventType.VA_TOKEN_USED,
) -> AuditEvent:
    return AuditEvent.of_session(
        type_,
        user_id,
        a_session_id(),
        visitor=Visitor(),
        now=now,
        client=client,
        purpose=PURPOSE.value,
        scope=SCOPE,
    )


async def append(storage: Storage, *events: AuditEvent) -> None:
    async with storage.unit_of_work() as work:
        for event in events:
            await work.audit.append(event)
        await work.commit()


async def account(
    storage: Storage, user_id: UserId, *, after: AuditMark | None = None, limit: int = 100
) -> Sequence[Disclosure]:
    return await storage.disclosures.list_for(user_id, after=after, limit=limit)


def times(disclosures: Sequence[Disclosure]) -> list[datetime]:
    return [each.mark.occurred_at for each in disclosures]


async def test_a_use_is_told_by_the_clients_name(storage: Storage) -> None:
    client, user_id = a_client(name="Benefits assistant"), a_user_id()
    async with storage.unit_of_work() as work:
        await work.service_clients.add(client)
        await work.audit.append(a_use(user_id, str(client.id)))
        await work.commit()

    (told,) = await account(storage, user_id)

    assert told == Disclosure(
        mark=told.mark, client_name="Benefits assistant", purpose=PURPOSE, scope=SCOPE
    )
    assert told.mark.occurred_at == NOW


async def test_a_use_by_somebody_unknown_is_told_all_the_same(storage: Storage) -> None:
    user_id = a_user_id()
    await append(storage, a_use(user_id, "somebody"))

    (told,) = await account(storage, user_id)

    assert told.client_name is None


async def test_nothing_is_told_but_the_users_own_uses(storage: Storage) -> None:
    user_id = a_user_id()
    await append(
        storage,
        a_use(a_user_id()),
        a_use(user_id, type_=AuditEventType.VA_TOKEN_USE_REFUSED),
        AuditEvent.va_linked(user_id, visitor=Visitor(), now=NOW),
    )

    assert await account(storage, user_id) == []


async def test_the_newest_comes_first_and_pages_join_without_gap_or_repetition(
    storage: Storage,
) -> None:
    user_id = a_user_id()
    # Some at the same instant, so that the time alone does not tell them apart.
    instants = [NOW + timedelta(seconds=position // 3) for position in range(12)]
    await append(storage, *[a_use(user_id, now=instant) for instant in instants])

    whole = await account(storage, user_id)
    pages: list[Disclosure] = []
    while page := await account(storage, user_id, after=pages[-1].mark if pages else None, limit=5):
        assert len(page) <= 5
        pages += page

    assert pages == list(whole)
    assert times(whole) == sorted(instants, reverse=True)


async def test_what_was_not_committed_is_not_told(storage: Storage) -> None:
    user_id = a_user_id()
    async with storage.unit_of_work() as work:
        await work.audit.append(a_use(user_id))

    assert await account(storage, user_id) == []


@pytest.mark.postgres
@pytest.mark.parametrize("stored", ["[1]", '"text"', "{}", '{"purpose": [1], "scope": 5}', None])
async def test_a_use_of_which_odd_things_are_stored_is_told_all_the_same(
    pool: Pool, stored: str | None
) -> None:
    user_id = a_user_id()
    async with pool.connection() as connection:
        await connection.execute(
            """
            INSERT INTO vetassist_auth_audit (user_id, event_type, event_data, created_at)
            VALUES (%(user)s, 'va_token_used', %(data)s, %(now)s),
                (%(user)s, 'va_token_used', %(data)s, 'infinity')
            """,
            {"user": user_id, "data": stored, "now": NOW},
        )
    (use,) = await account(postgres_storage(pool), user_id)
    assert (use.mark.occurred_at, use.purpose) == (NOW, None)


async def test_uses_of_other_users_who_are_named_are_included(storage: Storage) -> None:
    mine, merged, theirs = a_user_id(), a_user_id(), a_user_id()
    for seconds, user_id in enumerate((mine, merged, theirs, mine)):
        await append(storage, a_use(user_id, now=NOW + timedelta(seconds=seconds)))

    found = await storage.disclosures.list_for(
        mine, also_of=frozenset({merged}), after=None, limit=2
    )
    assert times(found) == [NOW + timedelta(seconds=seconds) for seconds in (3, 1)]
    rest = await storage.disclosures.list_for(
        mine, also_of=frozenset({merged}), after=found[-1].mark, limit=2
    )
    assert times(rest) == [NOW]
