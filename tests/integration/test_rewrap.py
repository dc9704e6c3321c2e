"""Letting go of a master key: killed again and again, and beside sign-ins.

The short form runs with every test. The long one::

    TEST_REWRAP_USERS=100000 TEST_REWRAP_KILLS=20 pytest -s tests/integration/test_rewrap.py
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import anyio
import psycopg
import pytest

from adapters.postgres.pool import Pool
from application.use_cases.va_access.rewrap_data_keys import RewrapDataKeysCommand
from domain.identifiers import ICN
from domain.va_identity import VAIdentity
from domain.va_tokens import VATokens
from tests.support.builders import a_provider_sign_in, an_identity, some_tokens
from tests.support.databases import rows_of
from tests.support.environment import plain_environment, required_settings, token_keys
from tests.support.many_users import EARLY_EVERY, OUTBOX_EVERY, count_readable, store_many_users
from tests.support.processes import COMMAND, REPOSITORY, run
from tests.support.service import Service, a_service_with
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

USERS: Final = int(os.environ.get("TEST_REWRAP_USERS", "1000"))
KILLS: Final = int(os.environ.get("TEST_REWRAP_KILLS", "3"))
_LOOK_SECONDS: Final = 0.005
_PATIENCE_SECONDS: Final = 600

MASTER_KEYS: Final = {key_id: random.randbytes(32) for key_id in ("k1", "k2")}
OLD: Final = {"k1": MASTER_KEYS["k1"]}
NEW: Final = {"k2": MASTER_KEYS["k2"]}
ROTATING: Final = NEW | OLD


def environment(database_url: str, master_keys: Mapping[str, bytes]) -> dict[str, str]:
    return (
        plain_environment()
        | required_settings(database_url)
        | {"VETASSIST_TOKEN_KEYS": token_keys(master_keys)}
    )


def entries(users: int) -> int:
    """All that there is to be read: users and entries of the outbox."""
    return users + -(-users // OUTBOX_EVERY)


def done_so_far(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute(
        """
        SELECT (SELECT count(*) FROM vetassist_users WHERE data_key_master_id = 'k2')
            + (SELECT count(*) FROM vetassist_va_revocations WHERE data_key_master_id = 'k2')
        """
    ).fetchone()
    assert row is not None
    return row[0]


def rewrap_until(
    connection: psycopg.Connection[tuple[int]], environment: Mapping[str, str], until: int
) -> bool:
    """Run the command, and kill it as soon as so much is done; whether it was killed."""
    process = subprocess.Popen(
        [*COMMAND, "keys", "rewrap"],
        env=dict(environment),
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if done_so_far(connection) >= until:
            process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


@pytest.mark.case(99)
def test_a_rewrap_killed_at_random_points_leaves_every_token_readable_and_no_old_key_needed(
    own_database: str,
) -> None:
    store_many_users(own_database, USERS, OLD)
    values = environment(own_database, ROTATING)
    everything = entries(USERS)
    assert count_readable(own_database, OLD) == everything
    killed = 0
    began = time.monotonic()
    with psycopg.connect(own_database, autocommit=True) as connection:
        for kill in range(KILLS):
            done = done_so_far(connection)
            share = 2 * (everything - done) // (KILLS - kill + 1)
            killed += rewrap_until(connection, values, done + random.randint(0, max(share, 1)))
            # A half-done change is whole for whoever has both keys.
            if KILLS <= 5:
                assert count_readable(own_database, ROTATING) == everything
        finished = subprocess.run(
            [*COMMAND, "keys", "rewrap"],
            env=values,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    seconds = time.monotonic() - began
    figure = f"{USERS} users, {killed} kills: {seconds:.1f} s, {USERS / seconds:.0f} users/s"
    print("\n" + figure)  # noqa: T201 - for whoever runs the long form

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.endswith("Still under older master keys: 0.\n")
    assert killed >= KILLS // 2
    assert count_readable(own_database, NEW) == everything
    assert count_readable(own_database, OLD) == 0
    # Killed or not, whatever was done was told in the same moment.
    assert rows_of(
        own_database,
        """
        SELECT sum((event_data->>'rewrapped')::integer) AS rewrapped,
            sum((event_data->>'upgraded')::integer) AS upgraded,
            sum((event_data->>'unreadable')::integer) AS unreadable
        FROM vetassist_auth_audit
        WHERE event_type = 'keys_rewrapped' AND event_data->>'master_key' = 'k2'
        """,
    ) == [
        {
            "rewrapped": everything - USERS // EARLY_EVERY,
            "upgraded": USERS // EARLY_EVERY,
            "unreadable": None,
        }
    ]


def test_a_dry_run_says_what_there_is_to_do_and_changes_nothing(own_database: str) -> None:
    store_many_users(own_database, 300, OLD)
    before = rows_of(own_database, "SELECT * FROM vetassist_users ORDER BY id")
    said = run("keys", "rewrap", "--dry-run", environment=environment(own_database, ROTATING))

    assert said.returncode == 0, said.stderr
    behind = 300 - 300 // EARLY_EVERY + 300 // OUTBOX_EVERY
    assert f"Would rewrap {behind} data keys" in said.stdout
    assert f"would upgrade the early tokens of {300 // EARLY_EVERY} users" in said.stdout
    assert f"Still under older master keys: {behind + 300 // EARLY_EVERY}." in said.stdout
    assert rows_of(own_database, "SELECT * FROM vetassist_users ORDER BY id") == before
    assert count_readable(own_database, OLD) == entries(300)


def test_a_rewrap_without_the_old_key_says_so_and_leaves_what_it_cannot_read(
    own_database: str,
) -> None:
    store_many_users(own_database, 100, OLD)
    said = run("keys", "rewrap", environment=environment(own_database, NEW))

    assert said.returncode == 7
    assert "cannot read 102." in said.stdout
    assert "keep them" in said.stderr
    assert count_readable(own_database, OLD) == entries(100)


@pytest.mark.case(99)
async def test_a_rewrap_beside_sign_ins_loses_none(own_database: str, own_pool: Pool) -> None:
    # In a thread, as it has an event loop of its own.
    await anyio.to_thread.run_sync(store_many_users, own_database, 400, OLD)
    icns = [row["va_icn"] for row in rows_of(own_database, "SELECT va_icn FROM vetassist_users")]
    known: list[VAIdentity] = [an_identity(ICN(icn)) for icn in icns]
    # Some processes have changed keys, and some have both in the other order still.
    storage = postgres_storage(own_pool)
    services = [a_service_with(storage, ROTATING), a_service_with(storage, OLD | NEW)]
    signed_in: dict[VAIdentity, VATokens] = {}

    async def sign_ins(service: Service, identities: list[VAIdentity]) -> None:
        for identity in identities:
            tokens = some_tokens()
            await service.sign_in(a_provider_sign_in(identity, tokens))
            signed_in[identity] = tokens

    command = RewrapDataKeysCommand(is_dry_run=False, on_progress=lambda _: None)
    strangers = [an_identity() for _ in range(100)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(services[0].container.rewrap_data_keys().execute, command)
        tasks.start_soon(sign_ins, services[0], [*known[:100], *strangers[:50]])
        tasks.start_soon(sign_ins, services[1], [*known[100:200], *strangers[50:]])
    # What a process of the old order has wrapped meanwhile is for the next run.
    done = await services[0].container.rewrap_data_keys().execute(command)
    assert done.unreadable == 0

    after = a_service_with(storage, NEW)
    assert await after.container.rewrap_data_keys().count() == 0
    assert len(signed_in) == 300
    for identity, tokens in signed_in.items():
        async with after.storage.unit_of_work() as work:
            linked = await work.users.link_alias(identity, now=after.clock.now())
        assert linked is not None
        assert await after.stored_tokens(linked.user.id) == tokens
