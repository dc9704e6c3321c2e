"""What every LoginAttempts promises, run against each adapter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from application.ports.login_attempts import LoginAttempts
from domain.app_challenge import AppChallenge
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.login_attempt import ATTEMPT_KEPT_FOR, AttemptRefusal, LoginAttempt, LoginSecrets
from domain.return_path import MAX_CHARACTERS, ReturnPath
from tests.support.builders import (
    LOGIN_LIFETIME,
    NOW,
    a_front_end,
    a_login_attempt,
    a_login_start,
    some_login_secrets,
)
from tests.support.storage import Storage, a_stored_user

SOON = NOW + timedelta(minutes=1)


async def consume(
    attempts: LoginAttempts,
    secrets: LoginSecrets,
    *,
    browser: LoginSecrets | None = None,
    now: datetime = SOON,
) -> LoginAttempt | AttemptRefusal:
    return await attempts.consume(
        state_hash=secrets.state_hash, browser_hash=(browser or secrets).browser_hash, now=now
    )


@pytest.mark.parametrize("return_to", [None, ReturnPath("/claims?tab=open#newest")])
@pytest.mark.parametrize("app_challenge", [None, AppChallenge(bytes(range(32)))])
@pytest.mark.parametrize("front_end", [SETTINGS_FRONT_END, a_front_end().id])
async def test_an_attempt_is_given_to_the_browser_that_began_it(
    login_attempts: LoginAttempts,
    return_to: ReturnPath | None,
    app_challenge: AppChallenge | None,
    front_end: FrontEndId,
) -> None:
    secrets = some_login_secrets()
    attempt = replace(
        a_login_attempt(secrets, return_to=return_to),
        app_challenge=app_challenge,
        front_end=front_end,
    )
    await login_attempts.add(attempt, a_login_start())

    assert await consume(login_attempts, secrets) == replace(attempt, consumed_at=SOON)


@pytest.mark.case(9)
async def test_a_state_that_was_never_given_out_is_unknown(
    login_attempts: LoginAttempts,
) -> None:
    assert await consume(login_attempts, some_login_secrets()) is AttemptRefusal.UNKNOWN


@pytest.mark.case(11)
async def test_an_attempt_that_was_taken_is_told_apart_from_an_unknown_one(
    login_attempts: LoginAttempts,
) -> None:
    secrets = some_login_secrets()
    await login_attempts.add(a_login_attempt(secrets), a_login_start())
    await consume(login_attempts, secrets)

    assert await consume(login_attempts, secrets) is AttemptRefusal.REPLAYED
    late = NOW + LOGIN_LIFETIME + ATTEMPT_KEPT_FOR
    assert await consume(login_attempts, secrets, now=late) is AttemptRefusal.REPLAYED


@pytest.mark.case(12)
@pytest.mark.parametrize(
    "age", [LOGIN_LIFETIME - timedelta(seconds=1), LOGIN_LIFETIME - timedelta(microseconds=1)]
)
async def test_an_attempt_stands_until_its_time_is_up(
    login_attempts: LoginAttempts, age: timedelta
) -> None:
    secrets = some_login_secrets()
    await login_attempts.add(a_login_attempt(secrets), a_login_start())

    assert isinstance(await consume(login_attempts, secrets, now=NOW + age), LoginAttempt)


@pytest.mark.case(12)
@pytest.mark.parametrize("age", [LOGIN_LIFETIME, LOGIN_LIFETIME + timedelta(seconds=1)])
async def test_an_attempt_ends_when_its_time_is_up(
    login_attempts: LoginAttempts, age: timedelta
) -> None:
    secrets = some_login_secrets()
    await login_attempts.add(a_login_attempt(secrets), a_login_start())

    assert await consume(login_attempts, secrets, now=NOW + age) is AttemptRefusal.EXPIRED


@pytest.mark.case(13)
async def test_another_browser_gets_nothing_and_spoils_nothing(
    login_attempts: LoginAttempts,
) -> None:
    secrets, stranger = some_login_secrets(), some_login_secrets()
    attempt = a_login_attempt(secrets)
    await login_attempts.add(attempt, a_login_start())

    refused = await consume(login_attempts, secrets, browser=stranger)
    assert refused is AttemptRefusal.OTHER_BROWSER
    assert await consume(login_attempts, secrets) == replace(attempt, consumed_at=SOON)
    refused = await consume(login_attempts, secrets, browser=stranger)
    assert refused is AttemptRefusal.OTHER_BROWSER


@pytest.mark.case(15)
async def test_of_32_racing_calls_one_gets_the_attempt(
    login_attempts: LoginAttempts,
) -> None:
    secrets = some_login_secrets()
    await login_attempts.add(a_login_attempt(secrets), a_login_start())
    outcomes: list[LoginAttempt | AttemptRefusal] = []
    begin = anyio.Event()

    async def race() -> None:
        await begin.wait()
        outcomes.append(await consume(login_attempts, secrets))

    async with anyio.create_task_group() as tasks:
        for _ in range(32):
            tasks.start_soon(race)
        begin.set()

    assert sum(isinstance(outcome, LoginAttempt) for outcome in outcomes) == 1
    assert outcomes.count(AttemptRefusal.REPLAYED) == 31


@pytest.mark.case(6)
async def test_two_attempts_of_one_browser_do_not_touch_each_other(
    login_attempts: LoginAttempts,
) -> None:
    one, other = some_login_secrets(), some_login_secrets()
    same_browser = replace(other, browser=one.browser)
    attempts = [a_login_attempt(one), a_login_attempt(same_browser)]
    for attempt in attempts:
        await login_attempts.add(attempt, a_login_start())

    assert await consume(login_attempts, one) == replace(attempts[0], consumed_at=SOON)
    assert await consume(login_attempts, same_browser) == replace(attempts[1], consumed_at=SOON)


@pytest.mark.case(7)
async def test_a_new_attempt_lets_go_of_one_that_ended_long_ago(
    login_attempts: LoginAttempts,
) -> None:
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    old, fresh = some_login_secrets(), some_login_secrets()
    await login_attempts.add(a_login_attempt(old, now=long_ago), a_login_start())
    await login_attempts.add(a_login_attempt(fresh), a_login_start())

    assert await consume(login_attempts, old, now=long_ago) is AttemptRefusal.UNKNOWN
    assert isinstance(await consume(login_attempts, fresh), LoginAttempt)


async def test_an_attempt_is_kept_for_a_while_after_its_end(
    login_attempts: LoginAttempts,
) -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    secrets = some_login_secrets()
    attempt = a_login_attempt(secrets, now=long_ago)
    await login_attempts.add(attempt, a_login_start())
    forgotten_at = attempt.expires_at + ATTEMPT_KEPT_FOR

    async def is_kept_until(instant: datetime) -> bool:
        await login_attempts.add(a_login_attempt(now=instant), a_login_start())
        return await find(login_attempts, secrets) is not None

    assert await is_kept_until(forgotten_at)
    assert not await is_kept_until(forgotten_at + timedelta(microseconds=1))


async def find(
    attempts: LoginAttempts, secrets: LoginSecrets, *, browser: LoginSecrets | None = None
) -> LoginAttempt | None:
    return await attempts.find(
        state_hash=secrets.state_hash, browser_hash=(browser or secrets).browser_hash
    )


@pytest.mark.parametrize("is_restart", [False, True])
async def test_an_attempt_is_found_whatever_its_state_by_its_browser_alone(
    login_attempts: LoginAttempts,
    is_restart: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    secrets, stranger = some_login_secrets(), some_login_secrets()
    attempt = a_login_attempt(secrets, return_to=ReturnPath("/claims"), is_restart=is_restart)
    attempt = replace(attempt, replaces=stranger.state_hash if is_restart else None)
    assert await find(login_attempts, secrets) is None
    await login_attempts.add(attempt, a_login_start())

    assert await find(login_attempts, secrets) == attempt
    await consume(login_attempts, secrets)
    assert await find(login_attempts, secrets) == replace(attempt, consumed_at=SOON)
    assert await find(login_attempts, secrets, browser=stranger) is None


async def test_the_longest_return_path_is_kept_whole(login_attempts: LoginAttempts) -> None:
    secrets = some_login_secrets()
    longest = ReturnPath("/?" + "%F0%9F%98%80" * 170 + "a" * 6)
    assert len(longest.value) == MAX_CHARACTERS
    await login_attempts.add(a_login_attempt(secrets, return_to=longest), a_login_start())

    consumed = await consume(login_attempts, secrets)
    assert isinstance(consumed, LoginAttempt)
    assert consumed.return_to == longest


async def test_what_the_audit_says_of_an_attempt_is_kept_with_it(
    storage: Storage,
) -> None:
    user = await a_stored_user(storage.unit_of_work)
    start = replace(a_login_start(), user_id=user.id)
    await storage.login_attempts.add(a_login_attempt(), start)

    async with storage.unit_of_work() as work:
        assert await work.audit.list_for(user.id) == [
            replace(start, visitor=start.visitor.as_recorded())
        ]
