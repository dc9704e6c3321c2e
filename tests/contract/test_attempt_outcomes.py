"""What every AttemptOutcomes promises, run against each adapter."""

from dataclasses import replace
from datetime import datetime, timedelta

import anyio
import pytest

from application.errors import AttemptSupersededError
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import SessionId, UserId
from domain.login_attempt import LoginSecrets
from domain.session import Session
from tests.support.builders import (
    NOW,
    a_login_attempt,
    a_login_start,
    a_session,
    some_login_secrets,
)
from tests.support.storage import Storage, a_stored_user

Opened = tuple[UserId, SessionId]

USED = NOW + timedelta(minutes=1)
LATER = NOW + timedelta(minutes=2)
A_MOMENT = timedelta(microseconds=1)


async def a_session_of_somebody(storage: Storage) -> Session:
    return a_session((await a_stored_user(storage.unit_of_work)).id)


def ids(session: Session) -> Opened:
    return session.user_id, session.id


async def begun(storage: Storage, *, is_used: bool = True) -> LoginSecrets:
    """An attempt of a browser, used unless said otherwise."""
    secrets = some_login_secrets()
    await storage.login_attempts.add(a_login_attempt(secrets), a_login_start())
    if is_used:
        await storage.login_attempts.consume(
            state_hash=secrets.state_hash, browser_hash=secrets.browser_hash, now=USED
        )
    return secrets


async def record(unit_of_work: UnitOfWorkFactory, secrets: LoginSecrets, opened: Session) -> None:
    async with unit_of_work() as work:
        await work.sessions.add(opened, opened_by=secrets.state_hash)
        await work.commit()


async def supersede(
    unit_of_work: UnitOfWorkFactory,
    *several: LoginSecrets,
    began_at: datetime = LATER,
    replaces: LoginSecrets | None = None,
    commit: bool = True,
) -> set[Opened]:
    later = replace(
        a_login_attempt(now=began_at), replaces=None if replaces is None else replaces.state_hash
    )
    async with unit_of_work() as work:
        lost = await work.attempt_outcomes.supersede(
            [secrets.browser_hash for secrets in several], by=later, now=LATER
        )
        if commit:
            await work.commit()
    assert len(set(lost)) == len(lost)
    return set(lost)


async def test_what_an_attempt_opened_is_taken_away_once(storage: Storage) -> None:
    secrets, opened = await begun(storage), await a_session_of_somebody(storage)
    await record(storage.unit_of_work, secrets, opened)

    assert await supersede(storage.unit_of_work, secrets) == {ids(opened)}
    assert await supersede(storage.unit_of_work, secrets) == set()


async def test_several_attempts_are_superseded_together_and_no_others(storage: Storage) -> None:
    one, other, strangers = [await begun(storage) for _ in range(3)]
    opened = [await a_session_of_somebody(storage) for _ in range(3)]
    for secrets, session in zip((one, other, strangers), opened, strict=True):
        await record(storage.unit_of_work, secrets, session)

    assert await supersede(storage.unit_of_work, one, other) == set(map(ids, opened[:2]))
    assert await supersede(storage.unit_of_work, strangers) == {ids(opened[2])}


async def test_an_attempt_that_was_superseded_opens_nothing(storage: Storage) -> None:
    secrets = await begun(storage)

    assert await supersede(storage.unit_of_work, secrets) == set()
    session = await a_session_of_somebody(storage)
    with pytest.raises(AttemptSupersededError):
        await record(storage.unit_of_work, secrets, session)
    assert await supersede(storage.unit_of_work, secrets) == set()
    async with storage.unit_of_work() as work:
        assert await work.sessions.list_active(session.user_id, now=NOW) == []


async def test_an_attempt_that_is_used_no_earlier_is_left_alone(storage: Storage) -> None:
    secrets, unused = await begun(storage), await begun(storage, is_used=False)
    opened = await a_session_of_somebody(storage)
    await record(storage.unit_of_work, secrets, opened)

    assert await supersede(storage.unit_of_work, secrets, unused, began_at=USED) == set()
    await record(storage.unit_of_work, unused, await a_session_of_somebody(storage))
    just_after = USED + A_MOMENT
    assert await supersede(storage.unit_of_work, secrets, began_at=just_after) == {ids(opened)}


async def test_an_attempt_that_is_replaced_is_superseded_whatever_the_clocks_say(
    storage: Storage,
) -> None:
    replaced, other = await begun(storage), await begun(storage)
    opened = [await a_session_of_somebody(storage) for _ in range(2)]
    for secrets, session in zip((replaced, other), opened, strict=True):
        await record(storage.unit_of_work, secrets, session)

    lost = await supersede(storage.unit_of_work, replaced, other, began_at=USED, replaces=replaced)
    assert lost == {ids(opened[0])}
    # Only by a browser that still has its secret.
    assert await supersede(storage.unit_of_work, began_at=USED, replaces=other) == set()


async def test_what_is_not_committed_is_undone(storage: Storage) -> None:
    secrets = await begun(storage)
    undone, opened = [await a_session_of_somebody(storage) for _ in range(2)]
    async with storage.unit_of_work() as work:
        await work.sessions.add(undone, opened_by=secrets.state_hash)
    await record(storage.unit_of_work, secrets, opened)

    assert await supersede(storage.unit_of_work, secrets, commit=False) == {ids(opened)}
    assert await supersede(storage.unit_of_work, secrets) == {ids(opened)}


async def test_the_outcome_of_an_attempt_that_is_gone_is_nobodys(storage: Storage) -> None:
    secrets = some_login_secrets()
    await record(storage.unit_of_work, secrets, await a_session_of_somebody(storage))

    assert await supersede(storage.unit_of_work, secrets) == set()
    assert await supersede(storage.unit_of_work) == set()


async def test_of_an_outcome_and_its_end_at_the_same_time_neither_is_missed(
    storage: Storage,
) -> None:
    """Either the session is taken away, or it isn't opened. It never stays unnoticed."""
    for _ in range(10):
        secrets, opened = await begun(storage), await a_session_of_somebody(storage)
        refused: list[AttemptSupersededError] = []
        lost: set[Opened] = set()

        async def open_session(
            secrets: LoginSecrets = secrets,
            opened: Session = opened,
            refused: list[AttemptSupersededError] = refused,
        ) -> None:
            try:
                await record(storage.unit_of_work, secrets, opened)
            except AttemptSupersededError as error:
                refused.append(error)

        async def end_it(secrets: LoginSecrets = secrets, lost: set[Opened] = lost) -> None:
            lost |= await supersede(storage.unit_of_work, secrets)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(open_session)
            tasks.start_soon(end_it)

        assert lost == (set() if refused else {ids(opened)})
