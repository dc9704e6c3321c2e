"""Keeping a session alive, and telling a lost answer from a stolen token."""

from datetime import timedelta

import anyio
import pytest

from adapters.memory.store import MemoryStore
from application.errors import (
    OtherFrontEndError,
    SessionEndedError,
    TokenReusedError,
    UnauthenticatedError,
    UnavailableError,
)
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand, Which
from domain.audit_event import AuditEventType
from domain.outage import Outage
from domain.revocation import Revocation, RevokedBy
from domain.secret import Secret
from domain.session import Session
from domain.session_grant import SessionGrant
from domain.visitor import Visitor
from entrypoints.web.token_endpoint import REFUSALS_A_MINUTE
from tests.support.builders import LIMITS, NOW, a_front_end, a_session, a_visitor, an_identity
from tests.support.outages import down_storage
from tests.support.service import MemoryService, Service, a_memory_service, a_service
from tests.support.storage import memory_storage

SECOND = timedelta(seconds=1)
MINUTES_29 = timedelta(minutes=29)


async def renew(
    service: Service, token: Secret | str, *, visitor: Visitor | None = None
) -> SessionGrant:
    shown = Secret(token) if isinstance(token, str) else token
    command = RenewSessionCommand(refresh_token=shown, visitor=visitor or a_visitor())
    return await service.container.renew_session().execute(command)


async def refused(
    service: MemoryService, token: Secret | str, error: type[UnauthenticatedError]
) -> None:
    with pytest.raises(UnauthenticatedError) as raised:
        await renew(service, token)
    assert type(raised.value) is error


async def refused_as_a_stranger(service: MemoryService, token: Secret | str) -> None:
    """The audit trail records it, of no user, and nothing else changes."""
    before, visitor = service.store.committed.copy(), a_visitor()
    with pytest.raises(UnauthenticatedError) as raised:
        await renew(service, token, visitor=visitor)
    assert type(raised.value) is UnauthenticatedError
    event = service.store.committed.audit[-1]
    assert event.type is AuditEventType.SESSION_RENEW_REFUSED
    assert (event.user_id, event.visitor) == (None, visitor.as_recorded())
    assert event.data == {"reason": "no_such_session"}
    before.audit.append(event)
    assert service.store.committed == before


async def refused_on_record(service: MemoryService, grant: SessionGrant) -> None:
    """As a token of a session that has ended is, of which nothing else changes."""
    before, visitor = service.store.committed.copy(), a_visitor()
    with pytest.raises(UnauthenticatedError) as raised:
        await renew(service, grant.refresh_token, visitor=visitor)
    assert type(raised.value) is SessionEndedError
    event = service.store.committed.audit[-1]
    assert event.type is AuditEventType.SESSION_RENEW_REFUSED
    assert (event.user_id, event.visitor) == (grant.session.user_id, visitor.as_recorded())
    assert event.data == {"session_id": str(grant.session.id), "reason": "session_ended"}
    before.audit.append(event)
    assert service.store.committed == before


async def sign_in(service: MemoryService) -> SessionGrant:
    return (await service.sign_in()).grant


async def log_out(service: MemoryService, session: Session) -> None:
    command = RevokeSessionsCommand(
        user_id=session.user_id, current=session.id, which=session.id, visitor=a_visitor()
    )
    await service.container.revoke_sessions().execute(command)


async def assert_admits(service: MemoryService, grant: SessionGrant) -> None:
    valid = await service.validate(grant.token)
    assert valid.claims.session_id == grant.session.id


async def assert_is_out(service: MemoryService, grant: SessionGrant) -> None:
    with pytest.raises(UnauthenticatedError):
        await service.validate(grant.token)


def types_told(service: MemoryService) -> list[AuditEventType]:
    return [event.type for event in service.audit]


async def test_a_renewal_gives_a_new_token_for_the_same_session(service: MemoryService) -> None:
    first = await sign_in(service)
    service.clock.advance(MINUTES_29)
    second = await renew(service, first.refresh_token)

    before, after = (await service.validate(first.token)), (await service.validate(second.token))
    assert before.claims.session_id == after.claims.session_id == first.session.id
    assert before.claims.user_id == after.claims.user_id
    old, new = service.claims_in(first.token), service.claims_in(second.token)
    assert old.icn == new.icn is not None
    assert old.token_id != new.token_id == second.session.token_id
    assert after.claims.valid_from == service.clock.now()
    assert second.refresh_token != first.refresh_token


async def test_a_renewal_moves_the_idle_limit_and_a_validation_does_not(
    service: MemoryService,
) -> None:
    first = await sign_in(service)
    service.clock.advance(MINUTES_29)
    assert (await service.validate(first.token)).session.expires_at == NOW + LIMITS.idle
    second = await renew(service, first.refresh_token)

    valid = await service.validate(second.token)
    assert valid.session.renewed_at == NOW + MINUTES_29
    assert valid.session.expires_at == NOW + MINUTES_29 + LIMITS.idle
    assert valid.session.absolute_expires_at == NOW + LIMITS.absolute
    assert valid.session.issued_at == NOW


async def test_each_renewal_is_audited_with_who_asked(service: MemoryService) -> None:
    grant = await sign_in(service)
    visitor = a_visitor()
    await renew(service, grant.refresh_token, visitor=visitor)

    event = service.audit[-1]
    assert event.type is AuditEventType.SESSION_RENEWED
    assert (event.user_id, event.visitor) == (grant.session.user_id, visitor.as_recorded())
    assert event.data == {"session_id": str(grant.session.id)}


async def test_a_lost_answer_is_given_again_any_number_of_times(service: MemoryService) -> None:
    first = await sign_in(service)
    service.clock.advance(MINUTES_29)
    second = await renew(service, first.refresh_token)
    stored = service.store.committed.copy()
    visitor = a_visitor()

    for _ in range(29):
        service.clock.advance(SECOND)
        again = await renew(service, first.refresh_token, visitor=visitor)
        assert again.refresh_token == second.refresh_token
        assert again.token == second.token
        assert again.token_expires_at == second.token_expires_at
    # But for the trail nothing was written, so no answer moved the window.
    repeats = service.store.committed.audit[len(stored.audit) :]
    assert [each.type for each in repeats] == [AuditEventType.SESSION_RENEW_REPEATED] * 29
    assert {(each.user_id, each.visitor) for each in repeats} == {
        (first.session.user_id, visitor.as_recorded())
    }
    stored.audit.extend(repeats)
    assert service.store.committed == stored
    service.clock.advance(SECOND)
    await refused(service, first.refresh_token, TokenReusedError)


@pytest.mark.parametrize("after", [timedelta(), SECOND, timedelta(seconds=29)])
async def test_the_previous_token_gets_its_successor_for_thirty_seconds(
    service: MemoryService, after: timedelta
) -> None:
    first = await sign_in(service)
    second = await renew(service, first.refresh_token)
    service.clock.advance(after)

    assert (await renew(service, first.refresh_token)).refresh_token == second.refresh_token
    await assert_admits(service, second)


@pytest.mark.parametrize("after", [30 * SECOND, 31 * SECOND, MINUTES_29])
async def test_the_previous_token_is_stolen_after_thirty_seconds(
    service: MemoryService, after: timedelta
) -> None:
    first = await sign_in(service)
    second = await renew(service, first.refresh_token)
    service.clock.advance(after)
    visitor = a_visitor()
    with pytest.raises(TokenReusedError):
        await renew(service, first.refresh_token, visitor=visitor)

    assert service.store.committed.sessions[first.session.id].revocation == Revocation(
        at=service.clock.now(), by=RevokedBy.THEFT, reason="refresh_token_reused"
    )
    event = service.audit[-1]
    assert event.type is AuditEventType.SESSION_THEFT
    assert (event.user_id, event.visitor) == (first.session.user_id, visitor.as_recorded())
    assert event.data == {
        "session_id": str(first.session.id),
        "reason": "refresh_token_reused",
    }
    for grant in (first, second):
        await assert_is_out(service, grant)
        await refused_on_record(service, grant)


async def test_a_token_from_before_the_last_one_is_stolen_at_once(service: MemoryService) -> None:
    first = await sign_in(service)
    second = await renew(service, first.refresh_token)
    third = await renew(service, second.refresh_token)
    await refused(service, first.refresh_token, TokenReusedError)

    assert types_told(service)[-1] is AuditEventType.SESSION_THEFT
    await assert_is_out(service, third)


async def test_a_theft_ends_no_other_session(service: MemoryService) -> None:
    other = await sign_in(service)
    first = await sign_in(service)
    await renew(service, first.refresh_token)
    service.clock.advance(30 * SECOND)
    await refused(service, first.refresh_token, TokenReusedError)

    await assert_admits(service, other)
    await assert_admits(service, await renew(service, other.refresh_token))


async def test_a_token_that_was_logged_out_is_told_apart_from_a_stolen_one(
    service: MemoryService,
) -> None:
    first = await sign_in(service)
    second = await renew(service, first.refresh_token)
    await log_out(service, first.session)

    service.clock.advance(MINUTES_29)
    for grant in (first, second):
        await refused_on_record(service, grant)
    assert AuditEventType.SESSION_THEFT not in types_told(service)


@pytest.mark.case(79)
async def test_a_disabled_users_session_is_not_renewed(service: MemoryService) -> None:
    grant = await sign_in(service)
    command = DisableUserCommand(user_id=grant.session.user_id, reason="asked")
    await service.container.disable_user().execute(command)

    await refused_on_record(service, grant)


async def test_an_idle_session_is_renewed_until_the_last_second(service: MemoryService) -> None:
    grant = await sign_in(service)
    service.clock.advance(LIMITS.idle - SECOND)

    await assert_admits(service, await renew(service, grant.refresh_token))


@pytest.mark.parametrize("late", [timedelta(), SECOND, timedelta(days=1)])
async def test_an_idle_session_ends_after_thirty_minutes_and_that_is_told_once(
    service: MemoryService, late: timedelta
) -> None:
    grant = await sign_in(service)
    service.clock.advance(LIMITS.idle + late)
    await refused(service, grant.refresh_token, SessionEndedError)

    event = service.audit[-1]
    assert event.type is AuditEventType.SESSION_ENDED
    assert event.data == {"session_id": str(grant.session.id), "reason": "idle"}
    revocation = service.store.committed.sessions[grant.session.id].revocation
    assert revocation == Revocation(at=service.clock.now(), by=RevokedBy.LIMIT, reason="idle")
    await refused_on_record(service, grant)


async def test_a_session_that_is_always_renewed_ends_after_twelve_hours(
    service: MemoryService,
) -> None:
    grant = await sign_in(service)
    end = NOW + LIMITS.absolute
    while service.clock.now() + MINUTES_29 < end:
        service.clock.advance(MINUTES_29)
        grant = await renew(service, grant.refresh_token)
        # A JWT that outlived its session would be of no use, but say that it were.
        assert grant.token_expires_at <= grant.session.expires_at <= end

    service.clock.set(end - SECOND)
    grant = await renew(service, grant.refresh_token)
    assert grant.token_expires_at == grant.session.expires_at == end
    await assert_admits(service, grant)
    service.clock.advance(SECOND)
    await assert_is_out(service, grant)
    await refused(service, grant.refresh_token, SessionEndedError)
    assert service.audit[-1].data["reason"] == "absolute"


async def test_a_lost_answer_is_not_given_again_to_a_session_that_has_ended(
    service: MemoryService,
) -> None:
    grant = await sign_in(service)
    end = NOW + LIMITS.absolute
    while service.clock.now() + MINUTES_29 < end:
        service.clock.advance(MINUTES_29)
        grant = await renew(service, grant.refresh_token)
    service.clock.set(end - SECOND)
    last = await renew(service, grant.refresh_token)
    service.clock.advance(SECOND)

    await refused(service, grant.refresh_token, SessionEndedError)
    assert AuditEventType.SESSION_THEFT not in types_told(service)
    await refused_on_record(service, last)


@pytest.mark.parametrize("forged", ["", "x", "A" * 43, "A" * 43 + "." + "B" * 43 + "." + "C" * 43])
async def test_a_forged_token_is_refused_on_record(service: MemoryService, forged: str) -> None:
    grant = await sign_in(service)

    await refused_as_a_stranger(service, forged)
    await assert_admits(service, grant)


async def test_a_token_of_a_session_that_is_gone_is_refused_like_a_forged_one(
    service: MemoryService,
) -> None:
    grant = await sign_in(service)
    del service.store.committed.sessions[grant.session.id]

    await refused_as_a_stranger(service, grant.refresh_token)


async def test_a_token_of_a_user_who_is_gone_is_refused_like_a_forged_one(
    service: MemoryService,
) -> None:
    grant = await sign_in(service)
    del service.store.committed.users[grant.session.user_id]

    await refused_as_a_stranger(service, grant.refresh_token)


async def test_the_audit_trail_records_only_so_many_forged_tokens_of_one_visitor(
    service: MemoryService,
) -> None:
    grant, visitor = await sign_in(service), a_visitor()
    told = len(service.audit)
    for _ in range(REFUSALS_A_MINUTE + 5):
        with pytest.raises(UnauthenticatedError):
            await renew(service, "forged", visitor=visitor)

    assert len(service.audit) - told == REFUSALS_A_MINUTE
    with pytest.raises(UnauthenticatedError):
        await renew(service, "forged", visitor=a_visitor())
    assert len(service.audit) - told == REFUSALS_A_MINUTE + 1
    await renew(service, grant.refresh_token, visitor=visitor)


async def test_a_session_that_never_handed_out_a_token_is_not_renewed_by_one(
    service: MemoryService,
) -> None:
    """As those of an earlier phase."""
    grant = await sign_in(service)
    service.store.committed.sessions[grant.session.id] = a_session(grant.session.user_id)

    await refused(service, grant.refresh_token, TokenReusedError)


async def test_of_32_renewals_at_once_there_is_one_and_all_get_its_successor(
    service: MemoryService,
) -> None:
    grant = await sign_in(service)
    answers: list[SessionGrant] = []

    async def race() -> None:
        answers.append(await renew(service, grant.refresh_token))

    async with anyio.create_task_group() as tasks:
        for _ in range(32):
            tasks.start_soon(race)

    assert len(answers) == 32
    assert len({(each.refresh_token, each.token) for each in answers}) == 1
    assert types_told(service).count(AuditEventType.SESSION_RENEWED) == 1
    assert types_told(service).count(AuditEventType.SESSION_RENEW_REPEATED) == 31
    await assert_admits(service, await renew(service, answers[0].refresh_token))


async def test_an_outage_ends_nothing_and_the_same_token_can_be_tried_again(
    service: MemoryService,
) -> None:
    grant = await sign_in(service)
    broken = a_memory_service(MemoryStore(), down_storage())
    known = service.container.refresh_tokens().read(grant.refresh_token.reveal())
    text = broken.container.refresh_tokens().write(known)
    with pytest.raises(UnavailableError):
        await renew(broken, text)

    await assert_admits(service, await renew(service, grant.refresh_token))


@pytest.mark.case(84)
@pytest.mark.parametrize("which", [Which.ALL, Which.ALL_BUT_CURRENT, "that one", "disabled"])
async def test_what_was_ended_as_it_expired_is_not_renewed_by_a_clock_that_is_behind(
    which: Which | str,
) -> None:
    """Nor, which is the same, by a renewal that began in time and had to wait."""
    storage = memory_storage()
    behind, ahead = a_service(storage), a_service(storage)
    identity = an_identity()
    grant = (await behind.sign_in(identity)).grant
    behind.clock.set(NOW + LIMITS.idle - timedelta(microseconds=1))
    ahead.clock.set(NOW + LIMITS.idle)
    current = (await ahead.sign_in(identity)).grant.session
    if which == "disabled":
        disable = DisableUserCommand(user_id=current.user_id, reason="asked")
        await ahead.container.disable_user().execute(disable)
    else:
        command = RevokeSessionsCommand(
            user_id=current.user_id,
            current=current.id,
            which=which if isinstance(which, Which) else grant.session.id,
            visitor=a_visitor(),
        )
        await ahead.container.revoke_sessions().execute(command)

    with pytest.raises(SessionEndedError):
        await renew(behind, grant.refresh_token)


async def test_a_command_does_not_show_its_token() -> None:
    command = RenewSessionCommand(refresh_token=Secret("canary"), visitor=a_visitor())

    assert "canary" not in repr(command)


async def a_renewal_that_was_lost(service: MemoryService) -> tuple[Secret, SessionGrant]:
    """A refresh token, and the answer to its renewal that its holder never got."""
    grant = await sign_in(service)
    return grant.refresh_token, await renew(service, grant.refresh_token)


def an_outage(service: MemoryService, *, begins: timedelta, lasts: timedelta) -> None:
    """Note an outage that begins so long from now, and let it pass."""
    began_at = service.clock.now() + begins
    service.clock.set(began_at + lasts)
    outage = Outage(began_at=began_at, ended_at=service.clock.now())
    service.store.committed.outages.append(outage)


async def test_an_answer_that_was_lost_in_an_outage_can_be_had_again_after_it(
    service: MemoryService,
) -> None:
    shown, lost = await a_renewal_that_was_lost(service)
    an_outage(service, begins=-SECOND, lasts=timedelta(minutes=5))
    service.clock.advance(LIMITS.renew_grace - SECOND)

    assert (await renew(service, shown)).refresh_token == lost.refresh_token


async def test_the_grace_after_an_outage_ends_too(service: MemoryService) -> None:
    shown, _ = await a_renewal_that_was_lost(service)
    an_outage(service, begins=-SECOND, lasts=timedelta(minutes=5))
    service.clock.advance(LIMITS.renew_grace)

    await refused(service, shown, TokenReusedError)


async def test_an_outage_long_after_a_renewal_or_before_it_excuses_nothing(
    service: MemoryService,
) -> None:
    an_outage(service, begins=timedelta(), lasts=SECOND)
    service.clock.advance(SECOND)
    shown, _ = await a_renewal_that_was_lost(service)
    service.clock.advance(LIMITS.renew_grace)
    await refused(service, shown, TokenReusedError)

    shown, _ = await a_renewal_that_was_lost(service)
    an_outage(service, begins=LIMITS.renew_grace + SECOND, lasts=SECOND)
    await refused(service, shown, TokenReusedError)


async def test_a_session_of_a_front_end_that_was_disabled_ends(service: MemoryService) -> None:
    front_end = a_front_end()
    service.store.committed.front_ends[front_end.id] = front_end
    grant = (await service.sign_in(front_end=front_end.id)).grant
    service.store.committed.front_ends[front_end.id] = front_end.disabled(service.clock.now())

    with pytest.raises(SessionEndedError):
        await renew(service, grant.refresh_token)
    assert service.store.committed.sessions[grant.session.id].revocation == Revocation(
        at=service.clock.now(), by=RevokedBy.OPERATOR, reason="front_end_disabled"
    )
    event = service.audit[-1]
    assert (event.type, event.user_id) == (AuditEventType.SESSION_ENDED, grant.session.user_id)
    assert event.data == {"session_id": str(grant.session.id), "reason": "front_end_disabled"}


async def test_the_page_of_another_front_end_renews_nothing(service: MemoryService) -> None:
    grant, visitor = await sign_in(service), a_visitor()
    command = RenewSessionCommand(
        refresh_token=grant.refresh_token, visitor=visitor, front_end=a_front_end().id
    )

    with pytest.raises(OtherFrontEndError):
        await service.container.renew_session().execute(command)
    event = service.audit[-1]
    assert (event.type, event.user_id, event.visitor) == (
        AuditEventType.SESSION_RENEW_REFUSED,
        grant.session.user_id,
        visitor.as_recorded(),
    )
    assert event.data == {"session_id": str(grant.session.id), "reason": "other_front_end"}
    await renew(service, grant.refresh_token)


async def test_a_front_end_has_limits_of_its_own(service: MemoryService) -> None:
    front_end = a_front_end(idle=timedelta(minutes=7))
    service.store.committed.front_ends[front_end.id] = front_end
    grant = (await service.sign_in(front_end=front_end.id)).grant
    service.clock.advance(timedelta(minutes=5))
    renewed = (await renew(service, grant.refresh_token)).session

    assert renewed.expires_at == service.clock.now() + timedelta(minutes=7)
    assert len(renewed.token_id) == 43
    assert renewed.token_id != grant.session.token_id
