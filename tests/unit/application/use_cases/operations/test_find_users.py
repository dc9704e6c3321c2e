"""An operator looks for users, and the trail says whom they were shown."""

import pytest

from adapters.memory.store import MemoryStore
from application.errors import UnavailableError
from application.sign_in_errors import SignInFailedError
from application.use_cases.operations.find_users import FindUsersCommand, UsersFound
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.user_search import parse_user_search
from tests.support.builders import (
    NOW,
    a_session_id,
    a_subject,
    a_user_id,
    a_visitor,
    an_icn,
    an_identity,
)
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service


async def find(service: MemoryService, text: str, *, limit: int = 20) -> UsersFound:
    command = FindUsersCommand(wanted=parse_user_search(text), limit=limit)
    return await service.container.find_users().execute(command)


def ids(found: UsersFound) -> list[UserId]:
    return [each.user.id for each in found.users]


def looks(service: MemoryService) -> list[AuditEvent]:
    return [event for event in service.audit if event.type is AuditEventType.USER_FOUND]


async def test_each_user_who_is_shown_has_an_event(service: MemoryService) -> None:
    users = [await service.link(an_identity(family_name="Ellis")) for _ in range(2)]
    await service.link(an_identity(family_name="Moore"))

    assert set(ids(await find(service, "ell"))) == {user.id for user in users}
    assert {event.user_id for event in looks(service)} == {user.id for user in users}
    assert [event.data for event in looks(service)] == [{"by": "name", "users": 2}] * 2


async def test_a_search_that_finds_nobody_has_an_event_too(service: MemoryService) -> None:
    found = await find(service, "nobody")
    assert (found.users, found.has_more, found.events) == ((), False, ())
    (event,) = looks(service)
    assert (event.user_id, event.data) == (None, {"by": "name", "users": 0})


async def test_users_beyond_the_limit_are_neither_shown_nor_in_the_trail(
    service: MemoryService,
) -> None:
    for number in range(4):
        await service.link(an_identity(family_name=f"Ellis{number}"))
    found = await find(service, "ellis", limit=3)
    assert [each.user.family_name for each in found.users] == ["Ellis0", "Ellis1", "Ellis2"]
    assert found.has_more
    assert len(looks(service)) == 3
    assert not (await find(service, "ellis", limit=4)).has_more


async def test_the_trail_says_how_it_was_looked_for_and_never_the_words(
    service: MemoryService,
) -> None:
    grant = (await service.sign_in(an_identity(icn := an_icn(), email="t@x.example"))).grant
    user_id, session_id = str(grant.session.user_id), str(grant.session.id)
    for text, recorded in (
        (icn.value, {"by": "icn"}),
        ("T@X.example", {"by": "email"}),
        ("tamara ellis", {"by": "name"}),
        (user_id, {"by": "id", "id": user_id}),
        (session_id, {"by": "id", "id": session_id}),
    ):
        assert ids(await find(service, text)) == [grant.session.user_id]
        assert looks(service)[-1].data == {**recorded, "users": 1}
    trail = str(service.audit).lower()
    for word in (icn.value.lower(), "x.example", "tamara", "ellis"):
        assert word not in trail


async def test_a_purged_session_leads_to_its_user_through_the_trail(
    service: MemoryService,
) -> None:
    session = (await service.sign_in()).grant.session
    del service.store.committed.sessions[session.id]
    assert ids(await find(service, str(session.id))) == [session.user_id]
    assert ids(await find(service, str(a_session_id()))) == []


async def test_a_reference_leads_to_the_request_and_to_its_user(service: MemoryService) -> None:
    visitor = a_visitor()
    session = (await service.sign_in(visitor=visitor)).grant.session
    assert visitor.request_id is not None

    found = await find(service, visitor.request_id.upper())

    assert ids(found) == [session.user_id]
    assert [record.type for record in found.events] == ["login", "va_linked"]
    assert looks(service)[-1].data == {
        "by": "reference",
        "reference": visitor.request_id,
        "users": 1,
    }


async def test_the_reference_of_a_conflict_leads_to_both_users(service: MemoryService) -> None:
    subject = a_subject()
    one = await service.link(an_identity(subject=subject))
    other = await service.link(an_identity())
    visitor = a_visitor()
    begun = await service.begin(an_identity(other.icn, subject=subject))
    with pytest.raises(SignInFailedError):
        await service.complete(begun.callback(visitor=visitor))
    assert visitor.request_id is not None

    found = await find(service, visitor.request_id)

    assert set(ids(found)) == {one.id, other.id}
    (record,) = found.events
    assert (record.type, record.data["error"]) == ("login_failed", "identity_conflict")


@pytest.mark.parametrize("name", ["icn_user", "other", "into", "merged"])
async def test_a_user_whom_an_event_only_names_is_shown_too(
    service: MemoryService, name: str
) -> None:
    one, other = [await service.link(an_identity()) for _ in range(2)]
    visitor = a_visitor()
    event = AuditEvent.of_user(
        AuditEventType.USER_MERGED, one.id, visitor=visitor, now=NOW, **{name: str(other.id)}
    )
    async with service.storage.unit_of_work() as work:
        await work.audit.append(event)
        await work.commit()
    assert visitor.request_id is not None

    assert set(ids(await find(service, visitor.request_id))) == {one.id, other.id}


async def test_a_reference_of_nobody_shows_the_event_all_the_same(service: MemoryService) -> None:
    visitor = a_visitor()
    begun = await service.begin()
    with pytest.raises(SignInFailedError):
        await service.complete(
            begun.callback(visitor=visitor, parameters={"error": "access_denied"})
        )
    assert visitor.request_id is not None

    found = await find(service, visitor.request_id)
    assert (found.users, len(found.events)) == ((), 1)
    assert (await find(service, "0123456789ab-ffff")).events == ()


async def test_of_the_events_of_a_reference_the_newest_hundred_are_shown(
    service: MemoryService,
) -> None:
    visitor = a_visitor()
    event = AuditEvent.of_service(AuditEventType.CLIENT_REFUSED, visitor=visitor, now=NOW)
    service.store.committed.audit += [event] * 101
    assert visitor.request_id is not None

    assert len((await find(service, visitor.request_id)).events) == 100


async def test_without_a_trail_nobody_is_shown() -> None:
    service = a_memory_service(MemoryStore(), down_storage())
    with pytest.raises(UnavailableError):
        await find(service, str(a_user_id()))
