"""What every LoginAttempts promises, run against each adapter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from application.ports.login_attempts import LoginAttempts
from domain.app_challenge import AppChallenge
from domain.login_attempt import AttemptRefusal, LoginAttempt, LoginSecrets
from domain.return_path import ReturnPath
from tests.support.builders import NOW, a_login_attempt, a_login_start, some_login_secrets
from tests.support.storage import Storage, a_stored_user

SOON = NOW + timedelta(minutes=1)
TEN_MINUTES = timedelta(minutes=10)


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
async def test_an_attempt_is_given_to_the_browser_that_began_it(
    login_attempts: LoginAttempts,
    return_to: ReturnPath | None,
    app_challenge: AppChallenge | None,
) -> None:
    secrets = some_login_secrets()
    attempt = replace(a_login_attempt(secrets, return_to=return_to), app_challenge=app_challenge)
    await login_attempts.add(attempt, a_login_start())

    assert await consume(login_attempts, secrets) == replace(attempt, consumed_at=SOON)


async def test_case_9_a_state_that_was_never_given_out_is_unknown(
    login_attempts: LoginAttempts,
) -> None:
    assert await consume(login_attempts, some_login_secrets()) is AttemptRefusal.UNKNOWN


async def test_case_11_an_attempt_that_was_taken_is_told_apart_from_an_unknown_one(
    login_attempts: LoginAttempts,
) -> None:
    secrets = some_login_secrets()
    await login_attempts.add(a_login_attempt(secrets), a_login_start())
    await consume(login_attempts, secrets)

    assert await consume(login_attempts, secrets) is AttemptRefusal.REPLAYED
    late = NOW + 2 * TEN_MINUTES
    assert await consume(login_attempts, secrets, now=late) is AttemptRefusal.REPLAYED


@pytest.mark.parametrize(
    "age", [TEN_MINUTES - timedelta(seconds=1), TEN_MINUTES - timedelta(microseconds=1)]
)
async def test_case_12_an_attempt_stands_until_it_is_ten_minutes_old(
    login_attempts: LoginAttempts, age: timedelta
) -> None:
    secrets = some_login_secrets()
    await login_attempts.add(a_login_attempt(secrets), a_login_start())

    assert isinstance(await consume(login_attempts, secrets, now=NOW + age), LoginAttempt)


@pytest.mark.parametrize("age", [TEN_MINUTES, TEN_MINUTES + timedelta(seconds=1)])
async def test_case_12_an_attempt_ends_when_it_is_ten_minutes_old(
    login_attempts: LoginAttempts, age: timedelta
) -> None:
    secrets = some_login_secrets()
    await login_attempts.add(a_login_attempt(secrets), a_login_start())

    assert await consume(login_attempts, secrets, now=NOW + age) is AttemptRefusal.EXPIRED


async def test_case_13_another_browser_gets_nothing_and_spoils_nothing(
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


async def test_case_15_of_32_racing_calls_one_gets_the_attempt(
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


async def test_case_6_two_attempts_of_one_browser_do_not_touch_each_other(
    login_attempts: LoginAttempts,
) -> None:
    one, other = some_login_secrets(), some_login_secrets()
    same_browser = replace(other, browser=one.browser)
    attempts = [a_login_attempt(one), a_login_attempt(same_browser)]
    for attempt in attempts:
        await login_attempts.add(attempt, a_login_start())

    assert await consume(login_attempts, one) == replace(attempts[0], consumed_at=SOON)
    assert await consume(login_attempts, same_browser) == replace(attempts[1], consumed_at=SOON)


async def test_case_7_a_new_attempt_lets_go_of_one_that_ended_long_ago(
    login_attempts: LoginAttempts,
) -> None:
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    old, fresh = some_login_secrets(), some_login_secrets()
    await login_attempts.add(a_login_attempt(old, now=long_ago), a_login_start())
    await login_attempts.add(a_login_attempt(fresh), a_login_start())

    assert await consume(login_attempts, old, now=long_ago) is AttemptRefusal.UNKNOWN
    assert isinstance(await consume(login_attempts, fresh), LoginAttempt)


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
