"""A browser that comes back with an attempt that can't be completed, and answers that get lost."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from adapters.memory.store import MemoryStore
from application.errors import UnavailableError
from application.second_chances import VALoginRepeated, VALoginRestarted
from application.sign_in_errors import (
    AnswerLostError,
    FrontEndGoneError,
    SignInFailedError,
)
from application.use_cases.sign_in.complete_va_login import CompleteVALoginCommand
from domain.audit_event import AuditEvent, AuditEventType
from domain.login_attempt import ATTEMPT_KEPT_FOR, BROWSER_REMEMBERS_FOR
from domain.return_path import ReturnPath
from domain.revocation import RevokedBy
from domain.secret import Secret
from domain.session import Session
from domain.sign_in_failure import SignInFailure
from tests.support.builders import (
    LOGIN_LIFETIME,
    a_front_end,
    a_provider_sign_in,
    a_visitor,
    an_identity,
    some_login_secrets,
)
from tests.support.environment import read, required_settings
from tests.support.outages import down_storage, failing_once
from tests.support.service import Begun, MemoryService, a_memory_service
from tests.support.storage import a_revocation, memory_storage

CLAIMS = ReturnPath("/claims?tab=open")
A_MOMENT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


async def restarted(service: MemoryService, command: CompleteVALoginCommand) -> VALoginRestarted:
    outcome = await service.come_back(command)
    assert isinstance(outcome, VALoginRestarted), outcome
    return outcome


def sent_on(service: MemoryService, outcome: VALoginRestarted) -> Begun:
    """The browser follows the restart, and the Veteran signs in at the provider again."""
    code = service.provider.consent(outcome.started.authorization_url, a_provider_sign_in())
    return Begun(started=outcome.started, code=code)


async def assert_refused(
    service: MemoryService, command: CompleteVALoginCommand, reason: str
) -> SignInFailedError:
    """The sign-in has expired, the trail says why in one row, and nothing else changes."""
    before, told = service.store.committed.copy(), len(service.store.committed.audit)
    with pytest.raises(SignInFailedError) as failed:
        await service.come_back(command)
    assert (failed.value.failure, failed.value.reason) == (SignInFailure.LOGIN_EXPIRED, reason)
    (event,) = service.store.committed.audit[told:]
    assert event.type is AuditEventType.LOGIN_FAILED
    assert event.data == {"error": "login_expired", "reason": reason}
    assert service.store.committed.login_attempts == before.login_attempts
    assert service.store.committed.sessions == before.sessions
    return failed.value


def types_since(service: MemoryService, told: int) -> list[AuditEventType]:
    """What the trail tells since then, the beginnings of sign-ins included."""
    return [event.type for event in service.store.committed.audit[told:]]


def standing(service: MemoryService) -> list[Session]:
    now = service.clock.now()
    return [each for each in service.store.committed.sessions.values() if each.is_active(now)]


async def used(service: MemoryService, begun: Begun) -> CompleteVALoginCommand:
    await service.complete(begun.callback())
    return begun.callback(note=begun.note)


async def too_old(service: MemoryService, begun: Begun) -> CompleteVALoginCommand:
    service.clock.advance(LOGIN_LIFETIME)
    return begun.callback(note=begun.note)


async def answered(service: MemoryService, begun: Begun) -> CompleteVALoginCommand:
    await service.complete(begun.callback())
    return begun.callback(note=begun.note, secrets=None)


async def pushed_out(_service: MemoryService, begun: Begun) -> CompleteVALoginCommand:
    return begun.callback(note=begun.note, secrets=None)


async def forgotten(service: MemoryService, begun: Begun) -> CompleteVALoginCommand:
    del service.store.committed.login_attempts[begun.started.secrets.state_hash]
    return begun.callback(note=begun.note)


async def used_without_a_note(service: MemoryService, begun: Begun) -> CompleteVALoginCommand:
    await service.complete(begun.callback())
    return begun.callback()


async def too_old_without_a_note(service: MemoryService, begun: Begun) -> CompleteVALoginCommand:
    service.clock.advance(LOGIN_LIFETIME + ATTEMPT_KEPT_FOR)
    return begun.callback()


Spoil = Callable[[MemoryService, Begun], Awaitable[CompleteVALoginCommand]]
SPOILED: dict[Spoil, str] = {
    used: "state_replayed",
    too_old: "state_expired",
    answered: "state_or_cookie_missing",
    pushed_out: "state_or_cookie_missing",
    forgotten: "state_unknown",
    used_without_a_note: "state_replayed",
    too_old_without_a_note: "state_expired",
}
spoiled = pytest.mark.parametrize(
    ("spoil", "reason"), SPOILED.items(), ids=lambda each: getattr(each, "__name__", "")
)


@spoiled
async def test_cases_11_and_12_the_browser_that_began_it_starts_again_with_its_destination(
    service: MemoryService, spoil: Spoil, reason: str
) -> None:
    begun = await service.begin(return_to=CLAIMS)
    command = await spoil(service, begun)
    exchanges, told = service.provider.exchanges, len(service.store.committed.audit)
    sessions = dict(service.store.committed.sessions)
    outcome = await restarted(service, command)

    attempt = service.store.committed.login_attempts[outcome.started.secrets.state_hash]
    assert attempt == outcome.started.attempt
    assert (attempt.is_restart, attempt.return_to) == (True, CLAIMS)
    assert outcome.started.secrets.browser != begun.started.secrets.browser
    # Nothing was exchanged, opened or ended.
    assert service.provider.exchanges == exchanges
    assert service.store.committed.sessions == sessions
    (event,) = service.store.committed.audit[told:]
    assert event.type is AuditEventType.LOGIN_RESTARTED
    assert event.data == {"reason": reason}
    assert (event.user_id, event.visitor) == (None, command.visitor.as_recorded())


async def test_a_start_and_a_restart_are_on_record_with_their_front_end(
    service: MemoryService,
) -> None:
    front_end = a_front_end()
    service.store.committed.front_ends[front_end.id] = front_end
    began = service.clock.now()
    begun = await service.begin(front_end=front_end.id)
    await restarted(service, await too_old(service, begun))

    told = {"front_end": str(front_end.id)}
    assert [
        (event.type, event.occurred_at, event.data) for event in service.store.committed.audit
    ] == [
        (AuditEventType.LOGIN_STARTED, began, told),
        (
            AuditEventType.LOGIN_RESTARTED,
            service.clock.now(),
            {"reason": "state_expired", **told},
        ),
    ]


@spoiled
async def test_a_restarted_sign_in_ends_signed_in_where_it_should(
    service: MemoryService, spoil: Spoil, reason: str
) -> None:
    begun = await service.begin(return_to=CLAIMS)
    again = sent_on(service, await restarted(service, await spoil(service, begun)))
    told = len(service.store.committed.audit)
    completed = await service.complete(again.callback(note=again.note))

    assert reason
    assert completed.return_to == CLAIMS
    await service.validate(completed.grant.token)
    assert types_since(service, told) == [AuditEventType.VA_LINKED, AuditEventType.LOGIN]


@spoiled
async def test_no_attempt_is_restarted_twice(
    service: MemoryService, spoil: Spoil, reason: str
) -> None:
    """A provider that always sends the browser back with an old `state` must not make a loop."""
    begun = await service.begin(return_to=CLAIMS)
    command = await spoil(service, begun)
    note = (await restarted(service, command)).note
    assert note.attempt_id == begun.note.attempt_id

    failed = await assert_refused(service, replace(command, note=note), reason)
    assert failed.return_to == CLAIMS


async def test_a_restart_whose_answer_got_lost_comes_again(service: MemoryService) -> None:
    begun = await service.begin()
    command = await used(service, begun)

    for _ in range(3):
        await restarted(service, command)


@spoiled
async def test_the_second_time_in_a_row_it_ends(
    service: MemoryService, spoil: Spoil, reason: str
) -> None:
    begun = await service.begin(return_to=CLAIMS)
    again = sent_on(service, await restarted(service, await spoil(service, begun)))
    command = await spoil(service, again)

    failed = await assert_refused(service, command, reason)
    assert failed.return_to == CLAIMS


@pytest.mark.case(13)
@pytest.mark.parametrize(
    "changes",
    [
        {"secrets": None},
        {"secrets": some_login_secrets()},
    ],
    ids=["without anything", "with secrets of nowhere"],
)
async def test_another_browser_gets_no_second_chance(
    service: MemoryService, changes: dict[str, Any]
) -> None:
    begun = await service.begin()
    await service.complete(begun.callback())
    reason = "state_unknown" if changes["secrets"] else "state_or_cookie_missing"

    await assert_refused(service, begun.callback(**changes), reason)


@pytest.mark.case(13)
async def test_a_secret_of_another_browser_is_refused_whatever_comes_with_it(
    service: MemoryService,
) -> None:
    begun = await service.begin()
    stolen = replace(begun.started.secrets, browser=some_login_secrets().browser)

    await assert_refused(service, begun.callback(secrets=stolen, note=begun.note), "other_browser")
    await service.complete(begun.callback())


async def test_a_note_means_something_for_a_day_and_no_longer(service: MemoryService) -> None:
    begun = await service.begin()
    command = begun.callback(secrets=None, note=begun.note)
    service.clock.advance(LOGIN_LIFETIME + BROWSER_REMEMBERS_FOR - SECOND)
    await restarted(service, command)
    service.clock.advance(SECOND)

    await assert_refused(service, command, "state_or_cookie_missing")


@pytest.mark.case(10)
async def test_a_malformed_callback_gets_no_second_chance(service: MemoryService) -> None:
    begun = await service.begin()
    await service.complete(begun.callback())
    malformed = begun.callback(note=begun.note, parameters={"code": ["a", "b"]})

    await assert_refused(service, malformed, "malformed_callback")


async def test_a_sign_in_that_va_refuses_is_not_restarted(service: MemoryService) -> None:
    begun = await service.begin()
    refused = begun.callback(note=begun.note, parameters={"error": "access_denied"})

    with pytest.raises(SignInFailedError) as failed:
        await service.come_back(refused)
    assert failed.value.failure is SignInFailure.ACCESS_DENIED


# The browser is signed in already.


@spoiled
async def test_who_is_signed_in_succeeds_again_and_nothing_changes(
    service: MemoryService, spoil: Spoil, reason: str
) -> None:
    begun = await service.begin(return_to=CLAIMS)
    command = await spoil(service, begun)
    grant = (await service.sign_in()).grant
    before, told = service.store.committed.copy(), len(service.audit)
    command = replace(
        command, held_token=lambda front_end: grant.token if front_end.is_of_settings else None
    )
    outcome = await service.come_back(command)

    assert outcome == VALoginRepeated(
        expires_at=grant.token_expires_at,
        return_to=CLAIMS,
        front_end=service.container.settings().front_end,
    )
    assert service.store.committed.sessions == before.sessions
    assert service.store.committed.login_attempts == before.login_attempts
    (event,) = service.audit[told:]
    assert (event.type, event.user_id) == (AuditEventType.LOGIN_REPEATED, grant.session.user_id)
    assert event.data == {"session_id": str(grant.session.id), "reason": reason}


async def test_who_is_signed_in_succeeds_again_even_after_a_restart(
    service: MemoryService,
) -> None:
    begun = await service.begin(return_to=CLAIMS)
    again = sent_on(service, await restarted(service, await too_old(service, begun)))
    token = (await service.complete(again.callback())).grant.token
    outcome = await service.come_back(again.callback(note=again.note, held_token=lambda _: token))

    assert isinstance(outcome, VALoginRepeated)


async def test_a_session_that_has_ended_is_none(service: MemoryService) -> None:
    begun = await service.begin()
    grant = (await service.complete(begun.callback())).grant
    service.clock.advance(grant.session.expires_at - service.clock.now())

    await restarted(service, begun.callback(note=begun.note, held_token=lambda _: grant.token))


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_session_that_was_signed_out_or_purged_is_none(
    service: MemoryService, *, is_stored: bool
) -> None:
    begun = await service.begin()
    grant = (await service.complete(begun.callback())).grant
    sessions = service.store.committed.sessions
    if is_stored:
        sessions[grant.session.id] = replace(grant.session, revocation=a_revocation())
    else:
        del sessions[grant.session.id]

    await restarted(service, begun.callback(note=begun.note, held_token=lambda _: grant.token))


@pytest.mark.parametrize("token", ["", "junk"])
async def test_a_token_that_is_none_keeps_nobody_from_starting_again(
    service: MemoryService, token: str
) -> None:
    begun = await service.begin()
    await service.complete(begun.callback())

    await restarted(service, begun.callback(note=begun.note, held_token=lambda _: Secret(token)))


async def test_another_browser_learns_nothing_of_a_session(service: MemoryService) -> None:
    begun = await service.begin()
    token = (await service.complete(begun.callback())).grant.token

    command = begun.callback(secrets=None, held_token=lambda _: token)
    await assert_refused(service, command, "state_or_cookie_missing")


# The restart itself can't start.


async def test_a_restart_that_va_does_not_answer_says_so_in_one_row(
    service: MemoryService,
) -> None:
    begun = await service.begin(return_to=CLAIMS)
    command, told = await used(service, begun), len(service.audit)
    service.provider.go_down()
    with pytest.raises(SignInFailedError) as failed:
        await service.come_back(command)

    assert failed.value.failure is SignInFailure.PROVIDER_UNAVAILABLE
    assert failed.value.return_to == CLAIMS
    assert [event.type for event in service.audit[told:]] == [AuditEventType.LOGIN_FAILED]
    assert len(service.store.committed.login_attempts) == 1


async def test_a_front_end_that_is_gone_gives_no_second_chance(service: MemoryService) -> None:
    front_end = a_front_end()
    service.store.committed.front_ends[front_end.id] = front_end
    command = await used(service, await service.begin(front_end=front_end.id))
    disabled = front_end.disabled(service.clock.now())
    service.store.committed.front_ends[front_end.id] = disabled
    with pytest.raises(FrontEndGoneError):
        await service.come_back(command)

    assert service.audit[-1].data == {
        "error": "service_unavailable",
        "reason": "front_end_gone",
        "front_end": str(front_end.id),
    }


async def test_restarts_count_against_the_limit_of_their_address() -> None:
    settings = read(required_settings() | {"VETASSIST_LOGIN_RATE": "1"})
    service = a_memory_service(MemoryStore(), settings=settings)
    begun = await service.begin(return_to=CLAIMS)
    command = await used(service, begun)
    await restarted(service, command)
    with pytest.raises(SignInFailedError) as failed:
        await service.come_back(command)

    assert failed.value.failure is SignInFailure.TOO_MANY_LOGINS
    assert failed.value.return_to == CLAIMS
    assert service.audit[-1].data == {"error": "too_many_logins", "reason": "restart_limited"}
    assert len(service.store.committed.login_attempts) == 2
    # Somebody else's address has a limit of its own.
    await restarted(service, replace(command, visitor=a_visitor()))


# Answers that get lost.


def lost_answers(service: MemoryService) -> list[AuditEvent]:
    return [
        event
        for event in service.audit
        if event.type is AuditEventType.SESSION_REVOKED
        if event.data["reason"] == "answer_lost"
    ]


async def test_the_session_of_an_answer_that_was_lost_ends_at_the_next_sign_in(
    service: MemoryService,
) -> None:
    begun = await service.begin()
    lost = (await service.complete(begun.callback())).grant.session
    again = sent_on(service, await restarted(service, begun.callback(note=begun.note)))
    # Until then, its answer may still be on its way.
    assert standing(service) == [lost]
    kept = await service.complete(
        again.callback(unanswered=frozenset({begun.started.secrets.browser_hash}))
    )

    assert standing(service) == [kept.grant.session]
    ended = service.store.committed.sessions[lost.id].revocation
    assert ended is not None
    assert (ended.by, ended.reason) == (RevokedBy.USER, "answer_lost")
    (event,) = lost_answers(service)
    assert (event.user_id, event.data["session_id"]) == (lost.user_id, str(lost.id))


async def test_a_session_whose_answer_arrived_stays(service: MemoryService) -> None:
    """The browser has given the secret of that attempt back, so it isn't unanswered."""
    identity = an_identity()
    one = await service.begin(identity)
    await service.complete(one.callback())
    service.clock.advance(SECOND)
    other = await service.begin(identity)
    await service.complete(other.callback(unanswered=frozenset()))

    assert len(standing(service)) == 2


@pytest.mark.case(6)
async def test_a_session_that_another_tab_is_just_getting_stays(
    service: MemoryService,
) -> None:
    one, other = await service.begin(), await service.begin()
    service.clock.advance(SECOND)
    await service.complete(one.callback())
    unanswered = frozenset({one.started.secrets.browser_hash})
    await service.complete(other.callback(unanswered=unanswered))

    assert len(standing(service)) == 2
    assert lost_answers(service) == []


async def test_an_attempt_that_was_superseded_while_it_was_exchanged_opens_nothing(
    service: MemoryService,
) -> None:
    """The browser gives up on a slow callback and signs in by another one meanwhile."""
    begun = await service.begin(return_to=CLAIMS)
    is_asked, may_answer = anyio.Event(), anyio.Event()
    outcomes: list[object] = []

    async def is_abandoned() -> bool:
        is_asked.set()
        await may_answer.wait()
        return False

    async def slow() -> None:
        command = begun.callback(note=begun.note, is_abandoned=is_abandoned)
        outcomes.append(await service.come_back(command))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow)
        await is_asked.wait()
        service.clock.advance(SECOND)
        again = sent_on(service, await restarted(service, begun.callback(note=begun.note)))
        unanswered = frozenset({begun.started.secrets.browser_hash})
        kept = await service.complete(again.callback(unanswered=unanswered))
        may_answer.set()

    assert standing(service) == [kept.grant.session]
    # A browser that still waits for it is not told of an error.
    (outcome,) = outcomes
    assert isinstance(outcome, VALoginRestarted)
    assert service.audit[-1].data == {"reason": "superseded"}
    logins = [event for event in service.audit if event.type is AuditEventType.LOGIN]
    assert len(logins) == len(service.store.committed.sessions) == 1


def leaves_after(looks: int) -> Callable[[], Awaitable[bool]]:
    """A browser that is seen to be gone from then on."""
    seen = 0

    async def is_abandoned() -> bool:
        nonlocal seen
        seen += 1
        return seen > looks

    return is_abandoned


@pytest.mark.case(23)
async def test_a_browser_that_leaves_while_its_session_is_opened_leaves_none(
    service: MemoryService,
) -> None:
    begun = await service.begin()
    with pytest.raises(AnswerLostError):
        await service.come_back(begun.callback(is_abandoned=leaves_after(1)))

    assert standing(service) == []
    assert [event.type for event in service.audit] == [
        AuditEventType.VA_LINKED,
        AuditEventType.LOGIN,
        AuditEventType.SESSION_REVOKED,
    ]
    assert service.audit[-1].data["reason"] == "answer_lost"


async def test_a_session_that_cannot_be_ended_now_is_ended_by_the_next_sign_in() -> None:
    store = MemoryStore()
    storage = failing_once(memory_storage(store), UnavailableError(), unit=2)
    service = a_memory_service(store, storage)
    begun = await service.begin()
    with pytest.raises(AnswerLostError):
        await service.come_back(begun.callback(is_abandoned=leaves_after(1)))
    assert len(standing(service)) == 1
    service.clock.advance(SECOND)
    again = await service.begin()
    unanswered = frozenset({begun.started.secrets.browser_hash})
    kept = await service.complete(again.callback(unanswered=unanswered))

    assert standing(service) == [kept.grant.session]


async def test_without_storage_there_is_no_second_chance_and_the_fault_is_ours() -> None:
    service = a_memory_service(MemoryStore())
    begun = await service.begin(return_to=CLAIMS)
    await service.complete(begun.callback())
    broken = a_memory_service(service.store, down_storage())
    with pytest.raises(SignInFailedError) as failed:
        await broken.come_back(begun.callback(secrets=None, note=begun.note))

    assert failed.value.failure is SignInFailure.SERVICE_UNAVAILABLE
    assert failed.value.return_to == CLAIMS
