"""What happens at the same moment, on a real PostgreSQL: revocations, renewals and sign-ins.

The race between revocation and validation runs against two service processes. For how many
rounds is VETASSIST_TEST_ROUNDS's to say::

    VETASSIST_TEST_ROUNDS=10000 .venv/bin/python -m pytest tests/integration --case 82
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint

from adapters.postgres.pool import Pool
from application.errors import (
    NotFoundError,
    SessionEndedError,
    UnauthenticatedError,
)
from application.sign_in_errors import SignInFailedError
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import (
    RevokeSessionsCommand,
    SessionsRevoked,
    Which,
)
from application.use_cases.sessions.validate_session import ValidateSessionCommand
from application.use_cases.sign_in.issue_session import IssueSessionCommand
from domain.identifiers import SessionId, UserId
from domain.secret import Secret
from domain.session_grant import SessionGrant
from entrypoints.container import Container
from entrypoints.settings_reader import read_settings
from tests.support.builders import LIMITS, NOW, a_visitor, an_identity
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import Running, running
from tests.support.service import Service, a_service, open_storage
from tests.support.storage import a_stored_user, postgres_storage
from tests.support.wire import Wire, wire

pytestmark = pytest.mark.postgres

ROUNDS: Final = int(os.environ.get("VETASSIST_TEST_ROUNDS", "60"))
#: Rounds that are under way at a time, each on a session of its own.
LANES: Final = 6
#: On which each session is validated: two routes of two processes.
CONNECTIONS: Final = 4
#: Validations that begin after the acknowledgement, on each connection.
AFTERWARDS: Final = 2
A_MOMENT: Final = timedelta(microseconds=1)
_PATIENCE_SECONDS: Final = 60

_log = logging.getLogger("tests.races")


@pytest.fixture(scope="module")
def values(database_url: str) -> dict[str, str]:
    """The environment that all services of this module share."""
    va = {
        "VETASSIST_VA_DISCOVERY_URL": "http://127.0.0.1:1/.well-known/openid-configuration",
        "VETASSIST_VA_ISSUER": "http://127.0.0.1:1",
        "VETASSIST_LOG_LEVEL": "WARNING",
    }
    return plain_environment() | required_settings(database_url) | va


@pytest.fixture(scope="module")
def services(
    values: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Running]]:
    """Two processes that serve."""
    folder = tmp_path_factory.mktemp("races")
    one = running("serve", environment=values, log=folder / "one", ready="/readyz")
    other = running("serve", environment=values, log=folder / "other", ready="/readyz")
    with one as first, other as second:
        yield [first, second]


@asynccontextmanager
async def a_container(values: dict[str, str], **settings: str) -> AsyncIterator[Container]:
    """The product's own objects in this process, beside the two."""
    with patch.dict(os.environ, values | settings, clear=True):
        container = Container(settings=read_settings(os.environ))
    async with open_storage(container):
        yield container


@pytest.fixture
async def container(values: dict[str, str]) -> AsyncIterator[Container]:
    async with a_container(values) as container:
        yield container


async def a_user(container: Container) -> UserId:
    return (await a_stored_user(container.unit_of_work)).id


async def a_grant(container: Container, user_id: UserId | None = None) -> SessionGrant:
    """A session of a user, a new one unless somebody is named."""
    command = IssueSessionCommand(user_id=user_id or await a_user(container), visitor=a_visitor())
    return await container.issue_session().execute(command)


async def renew(container: Container, token: Secret) -> SessionGrant:
    command = RenewSessionCommand(refresh_token=token, visitor=a_visitor())
    return await container.renew_session().execute(command)


async def revoke(
    container: Container, grant: SessionGrant, which: SessionId | Which | None = None
) -> SessionsRevoked:
    """End the grant's session, or those that ``which`` says."""
    command = RevokeSessionsCommand(
        user_id=grant.session.user_id,
        current=grant.session.id,
        which=which or grant.session.id,
        visitor=a_visitor(),
    )
    return await container.revoke_sessions().execute(command)


async def is_valid(container: Container, token: Secret) -> bool:
    try:
        await container.validate_session().execute(ValidateSessionCommand(token=token))
    except UnauthenticatedError:
        return False
    return True


async def audit_of(pool: Pool, user_id: UserId) -> list[tuple[int, str, str | None]]:
    """The user's trail in the order in which it was written: number, type, session."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, event_type, event_data ->> 'session_id' FROM vetassist_auth_audit"
            " WHERE user_id = %s ORDER BY id",
            (user_id,),
        )
        return await cursor.fetchall()


async def at_once(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """What each call gives, or the refusal it meets."""
    outcomes: list[Any] = [None] * len(calls)

    async def run(index: int, call: Callable[[], Awaitable[Any]]) -> None:
        try:
            outcomes[index] = await call()
        except (UnauthenticatedError, NotFoundError, SignInFailedError) as refusal:
            outcomes[index] = refusal

    async with anyio.create_task_group() as tasks:
        for index, call in enumerate(calls):
            tasks.start_soon(run, index, call)
    return outcomes


@asynccontextmanager
async def held(
    pool: Pool, table: str, row_id: UUID
) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Hold a row until the block ends; gives what waits until so many others wait for locks."""
    async with pool.connection() as holder, holder.transaction():
        await holder.execute(f"SELECT FROM {table} WHERE id = %s FOR UPDATE".encode(), (row_id,))

        async def until_waiting(others: int) -> None:
            with anyio.fail_after(_PATIENCE_SECONDS):
                while await _waiting(pool) < others:
                    await checkpoint()

        yield until_waiting


async def _waiting(pool: Pool) -> int:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        row = await cursor.fetchone()
    assert row is not None
    waiting: int = row[0]
    return waiting


async def in_order(
    pool: Pool, table: str, row_id: UUID, *calls: Callable[[], Coroutine[Any, Any, Any]]
) -> list[Any]:
    """Let each call come to wait for the row before the next begins, then let them all go."""
    tasks: list[asyncio.Task[list[Any]]] = []
    async with held(pool, table, row_id) as until_waiting:
        for call in calls:
            tasks.append(asyncio.create_task(at_once(call)))
            await until_waiting(len(tasks))
    return [(await task)[0] for task in tasks]


# Case 82: a validation that began after a revocation was acknowledged is refused.


@dataclass
class Round:
    """One session, from its opening to its end."""

    token: str
    is_acknowledged: bool = False
    #: Set once each connection has had an answer.
    is_warm: anyio.Event = field(default_factory=anyio.Event)
    seen: Counter[tuple[bool, int]] = field(default_factory=Counter)
    #: Validations that were under way when the revocation was acknowledged.
    overtaken: int = 0


async def validate(this: Round, service: Wire, path: str) -> None:
    """Validate again and again, until it was done often enough after the acknowledgement."""
    afterwards = 0
    while afterwards < AFTERWARDS:
        began_after = this.is_acknowledged
        status = await service.ask("GET", path, this.token)
        this.seen[began_after, status] += 1
        if this.seen.total() >= CONNECTIONS:
            this.is_warm.set()
        afterwards += began_after
        this.overtaken += this.is_acknowledged and not began_after


async def revoke_over(this: Round, url: str, path: str) -> None:
    """Revoke while the session is being validated."""
    async with wire(url) as service:
        await this.is_warm.wait()
        assert await service.ask("DELETE", path, this.token) == 204
    this.is_acknowledged = True


async def lane(
    container: Container, services: list[Running], numbers: Iterator[int], rounds: list[Round]
) -> None:
    urls = [service.url for service in services]
    async with AsyncExitStack() as stack:
        asking = [
            (await stack.enter_async_context(wire(url)), path)
            for url in urls
            for path in ("/api/v1/verify", "/api/v1/session")
        ]
        user_id = await a_user(container)
        for number in numbers:
            this = Round((await a_grant(container, user_id)).token.reveal())
            rounds.append(this)
            path = ("/api/v1/session", "/api/v1/sessions")[number // 2 % 2]
            async with anyio.create_task_group() as tasks:
                for service, asked in asking:
                    tasks.start_soon(validate, this, service, asked)
                tasks.start_soon(revoke_over, this, urls[number % 2], path)


@pytest.mark.case(82)
async def test_no_validation_that_began_after_the_acknowledgement_succeeds(
    container: Container, services: list[Running]
) -> None:
    numbers, rounds = iter(range(ROUNDS)), list[Round]()
    async with anyio.create_task_group() as tasks:
        for _ in range(LANES):
            tasks.start_soon(lane, container, services, numbers, rounds)

    seen: Counter[tuple[bool, int]] = sum((each.seen for each in rounds), Counter())
    overtaken = sum(each.overtaken for each in rounds)
    _log.info("%d rounds: %s, overtaken: %d", len(rounds), dict(seen), overtaken)
    assert len(rounds) == ROUNDS
    assert seen[True, 200] == 0
    assert seen[True, 401] == ROUNDS * CONNECTIONS * AFTERWARDS
    assert set(seen) <= {(False, 200), (False, 401), (True, 401)}
    # They did race: there were some that the acknowledgement overtook.
    assert seen[False, 200] >= ROUNDS
    assert overtaken > 0


@pytest.mark.case(82)
async def test_a_disabled_user_is_out_in_every_process_at_once(
    container: Container, services: list[Running]
) -> None:
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wire(service.url)) for service in services]
        for _ in range(10):
            grant = await a_grant(container)
            for each in wires:
                assert await each.ask("GET", "/api/v1/verify", grant.token.reveal()) == 200
            command = DisableUserCommand(user_id=grant.session.user_id, reason="test")
            await container.disable_user().execute(command)
            for each in wires:
                assert await each.ask("GET", "/api/v1/verify", grant.token.reveal()) == 401


# Case 83: a session that is opened while all are revoked is dead, or began after it.


async def standing(service: Service, user_id: UserId) -> set[str]:
    """The ids of the user's sessions that stand."""
    async with service.storage.unit_of_work() as work:
        active = await work.sessions.list_active(user_id, now=service.clock.now())
    return {str(session.id) for session in active}


async def assert_only_later_sign_ins_stand(pool: Pool, service: Service, user_id: UserId) -> None:
    trail = await audit_of(pool, user_id)
    (revoked_at,) = (number for number, kind, _ in trail if kind == "logout_all")
    logins = {session: number for number, kind, session in trail if kind == "login" and session}

    later = {session for session, number in logins.items() if number > revoked_at}
    assert await standing(service, user_id) == later


@pytest.mark.case(83)
async def test_a_sign_in_before_revoke_all_is_ended_and_one_after_it_stands(
    pool: Pool,
) -> None:
    service = a_service(postgres_storage(pool))
    for login_first in (True, False):
        identity = an_identity()
        old = (await service.sign_in(identity)).grant
        user_id = old.session.user_id
        callback = (await service.begin(identity)).callback()

        sign_in = partial(service.complete, callback)
        revoke_all = partial(revoke, service.container, old, Which.ALL)
        calls = (sign_in, revoke_all) if login_first else (revoke_all, sign_in)
        outcomes = await in_order(pool, "vetassist_users", user_id, *calls)
        new = outcomes[0 if login_first else 1].grant

        assert not await is_valid(service.container, old.token)
        assert await is_valid(service.container, new.token) is not login_first
        await assert_only_later_sign_ins_stand(pool, service, user_id)


async def race_with_revoke_all(
    service: Service, run: Callable[..., Awaitable[list[Any]]], *, place: int
) -> tuple[UserId, list[Any]]:
    """Four sign-ins of one Veteran, and a revoke-all that begins in the given place."""
    identity = an_identity()
    old = (await service.sign_in(identity)).grant
    user_id = old.session.user_id
    sign_ins: list[Callable[[], Coroutine[Any, Any, Any]]] = [
        partial(service.complete, (await service.begin(identity)).callback()) for _ in range(4)
    ]
    sign_ins.insert(place, partial(revoke, service.container, old, Which.ALL))
    return user_id, await run(user_id, *sign_ins)


@pytest.mark.case(83)
async def test_of_sign_ins_that_race_revoke_all_only_later_ones_stand(pool: Pool) -> None:
    service = a_service(postgres_storage(pool))

    async def run(_user_id: UserId, *calls: Callable[[], Awaitable[Any]]) -> list[Any]:
        return await at_once(*calls)

    for number in range(40):
        user_id, outcomes = await race_with_revoke_all(service, run, place=number % 5)
        assert not any(isinstance(each, Exception) for each in outcomes)
        await assert_only_later_sign_ins_stand(pool, service, user_id)


@pytest.mark.case(83)
async def test_of_sign_ins_in_line_with_revoke_all_only_later_ones_stand(
    pool: Pool,
) -> None:
    service = a_service(postgres_storage(pool))
    survivors = []
    for place in range(5):
        run = partial(in_order, pool, "vetassist_users")
        user_id, outcomes = await race_with_revoke_all(service, run, place=place)
        assert not any(isinstance(each, Exception) for each in outcomes)
        await assert_only_later_sign_ins_stand(pool, service, user_id)
        survivors.append(len(await standing(service, user_id)))

    # Whoever waits first comes first; among the others PostgreSQL promises no order.
    assert survivors[0] == 4
    assert max(survivors[1:]) < 4


@pytest.mark.case(83)
async def test_a_sign_in_that_waits_while_its_user_is_disabled_opens_nothing(
    pool: Pool,
) -> None:
    service = a_service(postgres_storage(pool))
    identity = an_identity()
    old = (await service.sign_in(identity)).grant
    user_id = old.session.user_id
    callback = (await service.begin(identity)).callback()
    command = DisableUserCommand(user_id=user_id, reason="test")
    _, refused = await in_order(
        pool,
        "vetassist_users",
        user_id,
        partial(service.container.disable_user().execute, command),
        partial(service.complete, callback),
    )

    assert isinstance(refused, SignInFailedError)
    assert refused.failure.value == "account_disabled"
    assert await standing(service, user_id) == set()


# Case 84: a log-out that races renewals wins.


async def assert_is_over(container: Container, *grants: SessionGrant) -> None:
    """Neither the JWTs nor the refresh tokens of a session are of any use."""
    for grant in grants:
        assert not await is_valid(container, grant.token)
        with pytest.raises(SessionEndedError):
            await renew(container, grant.refresh_token)


@pytest.mark.case(84)
async def test_32_renewals_beside_a_log_out_bring_nothing_back(
    container: Container,
) -> None:
    renewed_before = 0
    for turn in range(16):
        first = await a_grant(container)
        renewals = [partial(renew, container, first.refresh_token)] * 32
        log_out = partial(revoke, container, first)
        outcomes = await at_once(*renewals[: turn * 2], log_out, *renewals[turn * 2 :])

        granted = [each for each in outcomes if isinstance(each, SessionGrant)]
        refused = [each for each in outcomes if isinstance(each, Exception)]
        assert len(granted) + len(refused) == 32
        assert {type(each) for each in refused} <= {SessionEndedError}
        assert len({each.refresh_token for each in granted}) <= 1
        await assert_is_over(container, first, *granted[:1])
        trail = await audit_of(container.connection_pool(), first.session.user_id)
        kinds = [kind for _, kind, _ in trail]
        assert kinds.count("logout") == 1
        # What came after it is on record as refused, and nothing else came after it.
        after = kinds[kinds.index("logout") + 1 :]
        assert set(after) == {"session_renew_refused"}
        assert len(after) >= len(refused)
        assert kinds.count("session_renewed") == bool(granted)
        assert "session_theft" not in kinds
        renewed_before += bool(granted)
    assert renewed_before > 0


@pytest.mark.case(84)
@pytest.mark.parametrize("renewal_first", [True, False])
async def test_whichever_comes_first_the_session_is_over(
    container: Container,
    pool: Pool,
    renewal_first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    first = await a_grant(container)
    renewal = partial(renew, container, first.refresh_token)
    log_out = partial(revoke, container, first)
    calls = (renewal, log_out) if renewal_first else (log_out, renewal)
    outcomes = await in_order(pool, "vetassist_sessions", first.session.id, *calls)

    outcome = outcomes[0 if renewal_first else 1]
    if renewal_first:
        assert isinstance(outcome, SessionGrant)
        await assert_is_over(container, outcome)
    else:
        assert isinstance(outcome, SessionEndedError)
    await assert_is_over(container, first)


#: The ways in which a session is ended for somebody, beside its own log-out.
Ending = Callable[[Service, SessionGrant, SessionGrant], Coroutine[Any, Any, object]]


async def end_all(service: Service, _session: SessionGrant, other: SessionGrant) -> object:
    return await revoke(service.container, other, Which.ALL)


async def end_others(service: Service, _session: SessionGrant, other: SessionGrant) -> object:
    return await revoke(service.container, other, Which.ALL_BUT_CURRENT)


async def end_that_one(service: Service, session: SessionGrant, other: SessionGrant) -> object:
    return await revoke(service.container, other, session.session.id)


async def disable_its_user(service: Service, session: SessionGrant, _other: SessionGrant) -> object:
    command = DisableUserCommand(user_id=session.session.user_id, reason="test")
    return await service.container.disable_user().execute(command)


ENDINGS: Final[list[Ending]] = [end_all, end_others, end_that_one, disable_its_user]


@pytest.mark.case(84)
@pytest.mark.parametrize("end", ENDINGS)
async def test_a_renewal_that_waits_past_the_end_of_its_session_brings_nothing_back(
    pool: Pool, end: Ending
) -> None:
    """The renewal began in time; whoever revokes finds the session's end to have come."""
    renewing, revoking = (a_service(postgres_storage(pool)) for _ in range(2))
    identity = an_identity()
    first = (await renewing.sign_in(identity)).grant
    renewing.clock.set(NOW + LIMITS.idle - A_MOMENT)
    revoking.clock.set(NOW + LIMITS.idle)
    other = (await revoking.sign_in(identity)).grant
    renewed, ended = await in_order(
        pool,
        "vetassist_sessions",
        first.session.id,
        partial(renew, renewing.container, first.refresh_token),
        partial(end, revoking, first, other),
    )

    assert isinstance(renewed, SessionGrant)
    assert not isinstance(ended, Exception)
    assert not await is_valid(revoking.container, renewed.token)
    await assert_is_over(revoking.container, first, renewed)


@pytest.mark.case(84)
@pytest.mark.parametrize("end", ENDINGS)
async def test_a_process_whose_clock_is_behind_brings_nothing_back(pool: Pool, end: Ending) -> None:
    behind, ahead = (a_service(postgres_storage(pool)) for _ in range(2))
    identity = an_identity()
    first = (await behind.sign_in(identity)).grant
    behind.clock.set(NOW + LIMITS.idle - A_MOMENT)
    ahead.clock.set(NOW + LIMITS.idle)
    other = (await ahead.sign_in(identity)).grant
    await end(ahead, first, other)

    await assert_is_over(behind.container, first)


# Renewals that race each other.


async def assert_one_successor(
    container: Container, first: SessionGrant, outcomes: list[Any]
) -> None:
    assert not [each for each in outcomes if isinstance(each, Exception)]
    assert len(outcomes) == 32
    assert len({(each.refresh_token, each.token) for each in outcomes}) == 1
    trail = await audit_of(container.connection_pool(), first.session.user_id)
    assert [kind for _, kind, _ in trail].count("session_renewed") == 1
    assert await is_valid(container, outcomes[0].token)
    await renew(container, outcomes[0].refresh_token)


@pytest.mark.case(81)
async def test_32_renewals_of_one_token_all_get_its_one_successor(
    container: Container,
) -> None:
    for _ in range(8):
        first = await a_grant(container)
        calls = [partial(renew, container, first.refresh_token)] * 32
        await assert_one_successor(container, first, await at_once(*calls))


async def test_32_renewals_share_a_single_connection(values: dict[str, str]) -> None:
    async with a_container(values, VETASSIST_POOL_SIZE="1") as container:
        assert container.connection_pool().get_stats()["pool_max"] == 1
        for _ in range(4):
            first = await a_grant(container)
            calls = [partial(renew, container, first.refresh_token)] * 32
            await assert_one_successor(container, first, await at_once(*calls))


async def test_32_renewals_of_32_sessions_share_a_single_connection(
    values: dict[str, str],
) -> None:
    async with a_container(values, VETASSIST_POOL_SIZE="1") as container:
        grants = [await a_grant(container) for _ in range(32)]
        outcomes = await at_once(
            *(partial(renew, container, grant.refresh_token) for grant in grants)
        )

    assert [type(each) for each in outcomes] == [SessionGrant] * 32
    assert len({each.refresh_token for each in outcomes}) == 32


@pytest.mark.case(81)
async def test_32_renewals_over_two_processes_all_get_the_one_successor(
    container: Container, services: list[Running]
) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=each.url, trust_env=False))
            for each in services
        ]
        for _ in range(4):
            first = await a_grant(container)
            body = {"refresh_token": first.refresh_token.reveal()}
            answers: list[httpx.Response] = await at_once(
                *(
                    partial(client.post, "/api/v1/session/renew", json=body)
                    for client in clients * 16
                )
            )

            assert [answer.status_code for answer in answers] == [200] * 32
            said = [answer.json() for answer in answers]
            assert said == [said[0]] * 32
            assert said[0]["session_id"] == str(first.session.id)
            trail = await audit_of(container.connection_pool(), first.session.user_id)
            kinds = [kind for _, kind, _ in trail]
            assert kinds == ["login", "session_renewed", *["session_renew_repeated"] * 31]
            for client in clients:
                shown = await client.get(
                    "/api/v1/session", headers={"Authorization": f"Bearer {said[0]['token']}"}
                )
                assert shown.status_code == 200


async def test_a_theft_that_two_processes_see_at_once_is_told_once(container: Container) -> None:
    for _ in range(4):
        first = await a_grant(container)
        second = await renew(container, first.refresh_token)
        await renew(container, second.refresh_token)
        outcomes = await at_once(*[partial(renew, container, first.refresh_token)] * 16)

        kinds = Counter(type(each).__name__ for each in outcomes)
        assert kinds == {"TokenReusedError": 1, "SessionEndedError": 15}
        trail = await audit_of(container.connection_pool(), first.session.user_id)
        assert [kind for _, kind, _ in trail].count("session_theft") == 1
