"""An operator looks at everything that is stored about a user, on record."""

import pytest

from application.errors import NotFoundError
from application.use_cases.operations.show_user import EVENTS, UserShown
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.visitor import Visitor
from tests.support.builders import NOW, a_user_id, an_identity
from tests.support.service import MemoryService


async def show(service: MemoryService, user_id: UserId) -> UserShown:
    return await service.container.show_user().execute(user_id)


async def test_a_user_is_shown_with_accounts_sessions_and_newest_events(
    service: MemoryService,
) -> None:
    identity = an_identity()
    session = (await service.sign_in(identity)).grant.session
    await service.sign_in()

    shown = await show(service, session.user_id)

    record = shown.record
    assert record.summary.user.id == session.user_id
    assert [each.account for each in record.accounts] == [identity.account]
    assert record.link is not None
    assert [each.id for each in record.sessions] == [session.id]
    assert [event.type for event in shown.events] == ["login", "va_linked"]
    assert not shown.has_more_events
    # As the trail names the account where it conflicts.
    pseudonym = service.container.pseudonyms().of_account(identity.account)
    assert shown.pseudonyms == {identity.account: pseudonym}
    front_end = service.container.settings().front_end
    assert shown.front_ends == {front_end.id: front_end.name}


async def test_the_look_is_on_record_before_anything_is_shown(service: MemoryService) -> None:
    user = await service.link(an_identity())
    await show(service, user.id)
    event = service.audit[-1]
    assert (event.type, event.user_id, event.visitor, event.data) == (
        AuditEventType.USER_SHOWN,
        user.id,
        Visitor(),
        {},
    )
    # So the next one sees it.
    assert (await show(service, user.id)).events[0].type == "user_shown"


async def test_no_more_than_the_newest_events_are_shown(service: MemoryService) -> None:
    user = await service.link(an_identity())
    event = AuditEvent.of_user(AuditEventType.LOGOUT_ALL, user.id, visitor=Visitor(), now=NOW)
    # One is of the link.
    service.store.committed.audit += [event] * (EVENTS - 1)
    shown = await show(service, user.id)
    assert (len(shown.events), shown.has_more_events) == (EVENTS, False)
    # The one that was shown just now is on record itself.
    shown = await show(service, user.id)
    assert (len(shown.events), shown.has_more_events) == (EVENTS, True)


async def test_an_unknown_user_is_refused_and_the_attempt_is_on_record(
    service: MemoryService,
) -> None:
    nobody = a_user_id()
    with pytest.raises(NotFoundError):
        await show(service, nobody)
    (event,) = service.audit
    assert (event.type, event.user_id) == (AuditEventType.COMMAND_REFUSED, nobody)
    assert event.data == {"command": "user_show", "reason": "not_found"}
