"""VA's tokens used and refreshed on a real PostgreSQL: by several processes, and against races.

Two processes share one refresh, round after round. For how many rounds is VETASSIST_TEST_ROUNDS's
to say::

    VETASSIST_TEST_ROUNDS=1000 .venv/bin/python -m pytest --case 81 \\
        tests/integration/test_va_token_use.py
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import psycopg
import pytest
from anyio.lowlevel import checkpoint

from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Pool
from adapters.va_oauth.identity_provider import VAIdentityProvider
from application.errors import SessionEndedError
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand, Which
from application.use_cases.sign_in.complete_va_login import CompleteVALoginCommand, VALoginCompleted
from application.use_cases.sign_in.start_va_login import StartVALoginCommand
from application.use_cases.va_access.rewrap_data_keys import RewrapDataKeysCommand
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentityCommand
from domain.identifiers import UserId
from domain.session_grant import SessionGrant
from domain.va_identity import VAIdentity
from domain.va_tokens import TokenField
from domain.visitor import Visitor
from entrypoints.container import Container
from entrypoints.sandbox.settings import VA_SANDBOX_ISSUER
from tests.support.builders import (
    a_callback,
    a_provider_sign_in,
    a_visitor,
    an_identity,
    some_tokens,
)
from tests.support.databases import change, new_database, rows_of
from tests.support.early_tokens import sealed_early
from tests.support.environment import plain_environment, read, required_settings
from tests.support.processes import REPOSITORY, Running, free_port, running
from tests.support.service import Service, a_service, a_service_with, open_storage
from tests.support.storage import postgres_storage, standing_of
from tests.support.va_tokens import a_use, use

pytestmark = pytest.mark.postgres

ROUNDS: Final = int(os.environ.get("VETASSIST_TEST_ROUNDS", "10"))
PROCESSES: Final = 2
EACH: Final = 16
_MASTER_KEYS: Final = {"k2": os.urandom(32), "k1": os.urandom(32)}
_FORM: Final = "/oauth2/veteran-verification/v1/authorization"
_EVENTS: Final = [
    "va_token_used",
    "va_token_use_refused",
    "va_tokens_refreshed",
    "va_refresh_refused",
]
_HOUR: Final = timedelta(hours=1)
_PATIENCE_SECONDS: Final = 60

_log = logging.getLogger("tests.va_tokens")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """A database, a simulated VA beside it, and what a service is told of both."""

    database_url: str
    sandbox: Running
    environment: dict[str, str]

    def faults(self, plan: dict[str, Any]) -> None:
        httpx.put(f"{self.sandbox.url}/sandbox/faults", json=plan, trust_env=False)

    @property
    def counters(self) -> dict[str, Any]:
        answer = httpx.get(f"{self.sandbox.url}/sandbox/counters", trust_env=False)
        counters: dict[str, Any] = answer.json()
        return counters

    async def sign_in(self, veteran: str) -> SessionGrant:
        """A Veteran signs in at the simulated VA."""
        container = Container(settings=read(self.environment))
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(open_storage(container))
            provider = container.identity_provider()
            assert isinstance(provider, VAIdentityProvider)
            await stack.enter_async_context(provider)
            http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            started = await container.start_va_login().execute(
                StartVALoginCommand(visitor=Visitor())
            )
            page = await http.get(started.authorization_url)
            request_id = page.text.split('name="request" value="')[1].split('"')[0]
            form = {"request": request_id, "veteran": veteran}
            sent_back = await http.post(f"{self.sandbox.url}{_FORM}", data=form)
            code = parse_qs(urlsplit(sent_back.headers["location"]).query)["code"][0]
            completed = await container.complete_va_login().execute(
                CompleteVALoginCommand(
                    secrets=started.secrets,
                    callback=a_callback({"code": code}),
                    visitor=a_visitor(),
                    is_abandoned=_stays,
                )
            )
        assert isinstance(completed, VALoginCompleted)
        return completed.grant


async def _stays() -> bool:
    return False


@pytest.fixture(scope="module")
def surroundings(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Surroundings]:
    with new_database(database_url) as url:
        migrate(url)
        with simulated_va(url, tmp_path_factory.mktemp("va")) as surroundings:
            yield surroundings


@contextmanager
def simulated_va(database_url: str, folder: Path) -> Iterator[Surroundings]:
    port = free_port()
    va = f"http://127.0.0.1:{port}"
    environment = (
        plain_environment()
        | required_settings(database_url)
        | {
            "VETASSIST_VA_DISCOVERY_URL": (
                f"{va}/oauth2/veteran-verification/v1/.well-known/openid-configuration"
            ),
            "VETASSIST_VA_ISSUER": VA_SANDBOX_ISSUER,
            "VETASSIST_VA_STATUS_URL": f"{va}/services/veteran_verification/v2/status",
            "VETASSIST_SESSION_IDLE_MINUTES": "720",
            "PYTHONPATH": str(REPOSITORY),
        }
    )
    with running(
        "sandbox",
        environment=environment,
        log=folder / "sandbox",
        ready="/oauth2/veteran-verification/v1/keys",
        port=port,
    ) as sandbox:
        yield Surroundings(database_url=database_url, sandbox=sandbox, environment=environment)


Worker = subprocess.Popen[str]


@contextmanager
def worker(surroundings: Surroundings) -> Iterator[Worker]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.va_token_worker"],
        cwd=REPOSITORY,
        env=surroundings.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def workers(surroundings: Surroundings) -> Iterator[list[Worker]]:
    """The processes that the back ends live in."""
    with ExitStack() as stack:
        yield [stack.enter_context(worker(surroundings)) for _ in range(PROCESSES)]


def ask(process: Worker, grant: SessionGrant, count: int) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{grant.session.user_id} {grant.session.id} {count}\n")
    process.stdin.flush()


def answer_of(process: Worker) -> list[str]:
    assert process.stdout is not None
    got: list[str] = json.loads(process.stdout.readline())
    return got


def events_of(database_url: str, user_id: UserId) -> dict[str, int]:
    """How often each thing that has to do with a user's tokens stands in the trail."""
    query = (
        "SELECT event_type, count(*) FROM vetassist_auth_audit"
        " WHERE user_id = %s AND event_type = ANY (%s) GROUP BY event_type"
    )
    rows = rows_of(database_url, query, user_id, _EVENTS)
    return {row["event_type"]: row["count"] for row in rows}


@pytest.mark.case(87)
async def test_when_the_process_that_asks_va_is_killed_another_goes_on(
    surroundings: Surroundings, workers: list[Worker]
) -> None:
    grant = await surroundings.sign_in("janet-moore")
    url = surroundings.database_url
    for _ in range(5):
        # On a busy machine VA may have answered before the process is killed.
        if await is_killed_while_it_asks(surroundings, grant):
            break
    else:
        pytest.fail("nobody holds a lease while they ask VA")
    before = events_of(url, grant.session.user_id)
    # Nobody wants to wait for that long.
    change(url, "UPDATE vetassist_va_tokens SET lease_until = now()")

    ask(workers[0], grant, EACH)
    (token,) = Counter(answer_of(workers[0]))

    assert len(token) == 64
    assert Counter(events_of(url, grant.session.user_id)) - Counter(before) == {
        "va_tokens_refreshed": 1,
        "va_token_used": EACH,
    }


async def is_killed_while_it_asks(surroundings: Surroundings, grant: SessionGrant) -> bool:
    """Kill a process that refreshes; whether it still held the lease."""
    url = surroundings.database_url
    change(url, "UPDATE vetassist_va_tokens SET expires_at = now()")
    before = surroundings.counters["requests"]["token"]
    surroundings.faults({"token": {"delay_seconds": 3, "times": 1}})
    with worker(surroundings) as doomed:
        ask(doomed, grant, 1)
        with anyio.fail_after(_PATIENCE_SECONDS):
            while surroundings.counters["requests"]["token"] == before:
                await checkpoint()
        doomed.kill()
    (row,) = rows_of(url, "SELECT lease_until FROM vetassist_va_tokens")
    return row["lease_until"] is not None


@pytest.mark.case(81)
async def test_of_32_back_ends_in_two_processes_one_asks_va_and_all_get_the_token(
    surroundings: Surroundings, workers: list[Worker]
) -> None:
    grant = await surroundings.sign_in("tamara-ellis")
    # So that a second call for the same generation would be found out.
    surroundings.faults({"rotate_refresh_tokens": {}})
    before = surroundings.counters
    seen: list[str] = []
    with psycopg.connect(surroundings.database_url, autocommit=True) as database:
        began = time.monotonic()
        for _ in range(ROUNDS):
            database.execute(
                "UPDATE vetassist_va_tokens SET expires_at = now() WHERE user_id = %s",
                (grant.session.user_id,),
            )
            for process in workers:
                ask(process, grant, EACH)
            got = Counter(token for process in workers for token in answer_of(process))
            (token,) = got
            assert got[token] == PROCESSES * EACH
            seen.append(token)
        took = time.monotonic() - began

    after = surroundings.counters
    calls = after["requests"]["token"] - before["requests"]["token"]
    _log.info("%d rounds of %d: %d calls, %.0f s", ROUNDS, PROCESSES * EACH, calls, took)
    assert calls == ROUNDS
    assert after["refreshes"] - before["refreshes"] == ROUNDS
    assert len(set(seen)) == ROUNDS
    query = "SELECT generation FROM vetassist_va_tokens WHERE user_id = %s"
    (row,) = rows_of(surroundings.database_url, query, grant.session.user_id)
    assert row["generation"] == ROUNDS + 1
    assert events_of(surroundings.database_url, grant.session.user_id) == {
        "va_tokens_refreshed": ROUNDS,
        "va_token_used": ROUNDS * PROCESSES * EACH,
    }


# Races within one process, whose VA is in memory.


@pytest.fixture
def service(own_pool: Pool) -> Service:
    return a_service_with(postgres_storage(own_pool), _MASTER_KEYS)


async def an_expired_link(service: Service, identity: VAIdentity) -> SessionGrant:
    tokens = some_tokens(now=service.clock.now() - _HOUR)
    return (await service.sign_in(a_provider_sign_in(identity, tokens))).grant


async def unlink(service: Service, grant: SessionGrant, _identity: VAIdentity) -> None:
    command = UnlinkVAIdentityCommand(session=standing_of(grant.session), visitor=a_visitor())
    await service.container.unlink_va_identity().execute(command)


async def sign_in_again(service: Service, _grant: SessionGrant, identity: VAIdentity) -> None:
    await service.sign_in(a_provider_sign_in(identity, some_tokens(now=service.clock.now())))


async def log_out_everywhere(service: Service, grant: SessionGrant, _identity: VAIdentity) -> None:
    command = RevokeSessionsCommand(
        user_id=grant.session.user_id,
        current=grant.session.id,
        which=Which.ALL,
        visitor=a_visitor(),
    )
    await service.container.revoke_sessions().execute(command)


@pytest.mark.case(84)
@pytest.mark.parametrize("act", [unlink, sign_in_again, log_out_everywhere])
async def test_whatever_races_a_refresh_leaves_no_token_that_nobody_keeps(
    own_pool: Pool, act: Any
) -> None:
    service = a_service(
        # A service on the shared database would take its entries out of the outbox.
        postgres_storage(own_pool),
        read(required_settings() | {"VETASSIST_LOGOUT_ALL_REVOKES_AT_VA": "true"}),
    )
    for _ in range(ROUNDS):
        identity = an_identity()
        grant = await an_expired_link(service, identity)
        user_id = grant.session.user_id

        async def try_to_use(grant: SessionGrant = grant) -> None:
            with suppress(SessionEndedError):
                await use(service.container, a_use(grant))

        async with anyio.create_task_group() as tasks:
            for _each in range(4):
                tasks.start_soon(try_to_use)
            tasks.start_soon(act, service, grant, identity)

        while (await service.container.revoke_at_va().execute()).done:
            pass
        stored = await service.stored_tokens(user_id)
        kept = set() if stored is None else {stored.refresh_token}
        alive = set(service.provider.refreshable) - set(service.provider.revoked)
        if act is sign_in_again:
            # What a sign-in replaces is revoked only if nobody has ever seen it.
            assert kept <= alive
        else:
            assert stored is None
            waiting = await own_pool.rows("SELECT due_at, attempts FROM vetassist_va_revocations")
            assert not alive, (service.clock.now(), waiting)
        service.provider.refreshable.clear()
        service.provider.revoked.clear()


@pytest.mark.case(99)
async def test_a_rewrap_beside_refreshes_loses_neither(service: Service, own_database: str) -> None:
    identities = [an_identity() for _ in range(20)]
    grants = [await an_expired_link(service, identity) for identity in identities]
    for grant in grants:
        await seal_as_before_data_keys(service, own_database, grant.session.user_id)

    async def rewrap() -> None:
        command = RewrapDataKeysCommand(is_dry_run=False, on_progress=lambda _: None)
        for _ in range(3):
            assert (await service.container.rewrap_data_keys().execute(command)).unreadable == 0

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rewrap)
        for grant in grants:
            tasks.start_soon(use, service.container, a_use(grant))

    assert service.provider.refreshes == len(grants)
    assert not service.provider.revoked
    for grant in grants:
        tokens = await service.stored_tokens(grant.session.user_id)
        assert tokens is not None
        assert tokens.refresh_token in service.provider.refreshable
    rows = rows_of(
        own_database, "SELECT generation, access_token_encrypted FROM vetassist_va_tokens"
    )
    assert {row["generation"] for row in rows} == {2}
    assert all(bytes(row["access_token_encrypted"]).startswith(b"v2.") for row in rows)


async def seal_as_before_data_keys(service: Service, database_url: str, user_id: UserId) -> None:
    """Leave the user as an earlier phase did: no data key, tokens under a master key."""
    tokens = await service.stored_tokens(user_id)
    assert tokens is not None
    assert tokens.refresh_token is not None
    access, refresh = (
        sealed_early(
            token,
            master_key_id="k1",
            master_key=_MASTER_KEYS["k1"],
            user_id=user_id,
            field=field,
        ).decode()
        for token, field in (
            (tokens.access_token, TokenField.ACCESS),
            (tokens.refresh_token, TokenField.REFRESH),
        )
    )
    change(
        database_url,
        f"""
        UPDATE vetassist_va_tokens SET access_token_encrypted = '{access}',
            refresh_token_encrypted = '{refresh}', id_token_encrypted = NULL
        WHERE user_id = '{user_id}';
        UPDATE vetassist_users SET data_key = NULL, data_key_version = NULL,
            data_key_master_id = NULL WHERE id = '{user_id}'
        """,
    )
