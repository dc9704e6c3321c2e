"""What every ServiceFigures promises, run against each adapter."""

from datetime import timedelta
from typing import Final

from application.ports.service_figures import SignInCount
from domain.audit_event import AuditEvent
from domain.sign_in_failure import SignInFailure
from tests.support.builders import NOW, a_session, a_visitor
from tests.support.storage import (
    Storage,
    a_stored_session,
    a_stored_user,
    revoke,
    store_sessions,
)

HOUR: Final = timedelta(hours=1)
THIS_HOUR: Final = NOW.replace(minute=0, second=0, microsecond=0)


async def _append(storage: Storage, *events: AuditEvent) -> None:
    async with storage.unit_of_work() as work:
        for event in events:
            await work.audit.append(event)
        await work.commit()


async def test_sign_ins_are_counted_by_hour_and_outcome(own_storage: Storage) -> None:
    session = a_session((await a_stored_user(own_storage.unit_of_work)).id)

    def success(hours_ago: int) -> AuditEvent:
        return AuditEvent.login(session, visitor=a_visitor(), now=THIS_HOUR - hours_ago * HOUR)

    def failure(kind: SignInFailure) -> AuditEvent:
        return AuditEvent.login_failed(kind, reason="a", visitor=a_visitor(), now=THIS_HOUR)

    await _append(
        own_storage,
        success(2),
        success(1),
        success(0),
        success(0),
        failure(SignInFailure.ACCESS_DENIED),
        failure(SignInFailure.LOGIN_EXPIRED),
        AuditEvent.login_started(visitor=a_visitor(), now=NOW),
    )

    assert list(await own_storage.service_figures.sign_ins(since=THIS_HOUR - HOUR)) == [
        SignInCount(hour=THIS_HOUR - HOUR, outcome="success", number=1),
        SignInCount(hour=THIS_HOUR, outcome="access_denied", number=1),
        SignInCount(hour=THIS_HOUR, outcome="login_expired", number=1),
        SignInCount(hour=THIS_HOUR, outcome="success", number=2),
    ]


async def test_a_live_session_is_neither_revoked_nor_past_its_end(own_storage: Storage) -> None:
    user_id = (await a_stored_user(own_storage.unit_of_work)).id
    live, old = a_session(user_id), a_session(user_id, now=NOW - timedelta(days=1))
    await store_sessions(own_storage.unit_of_work, live, old)
    ended = await a_stored_session(own_storage.unit_of_work, user_id)
    async with own_storage.unit_of_work() as work:
        await revoke(work, user_id, ended.id)
        await work.commit()

    figures = own_storage.service_figures
    assert await figures.live_sessions(now=NOW) == 1
    assert await figures.live_sessions(now=live.expires_at) == 0
