"""A pooler between the service and PostgreSQL: it works, or one line says what to set."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import anyio
import httpx
import psycopg
import pytest
from anyio.lowlevel import checkpoint
from typer.testing import CliRunner

from adapters.postgres.command_connection import PoolerError, connection_faults
from adapters.postgres.connection_string import connection_string
from adapters.postgres.migrations import migrate, pending_migrations
from adapters.postgres.pool import build_pool, opened
from adapters.postgres.primary_watch import PrimaryWatch
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from entrypoints.cli import app
from tests.support.databases import as_application, change
from tests.support.environment import plain_environment, read, required_settings
from tests.support.pgbouncer import needs_pgbouncer, pgbouncer
from tests.support.processes import run
from tests.support.product import Browser, Sandbox
from tests.support.whole_life import live_a_whole_life
from tests.support.whole_product import whole_product

pytestmark = [pytest.mark.postgres, needs_pgbouncer]

IGNORED: Final = {"ignore_startup_parameters": "options"}
#: Fewer than there are clients, so that they have to share.
FEW: Final = {"default_pool_size": 3}
#: Each client gets another server connection in turn, as under load.
IN_TURN: Final = {"min_pool_size": 3, "server_round_robin": 1}
SIGN_INS: Final = 12
PATIENCE: Final = timedelta(seconds=60)
TRACES: Final = """
SELECT current_setting('lock_timeout'), current_setting('statement_timeout'),
    current_setting('client_connection_check_interval'),
    (SELECT count(*) FROM pg_prepared_statements)
"""


def settings_of(url: str, *, prepared: bool) -> dict[str, str]:
    return required_settings(url) | {
        "VETASSIST_DATABASE_PREPARED_STATEMENTS": str(prepared).lower()
    }


@pytest.fixture
def database(own_database: str) -> str:
    return as_application(own_database)


@pytest.mark.parametrize(
    "more", [FEW, FEW | IN_TURN, FEW | IGNORED], ids=["few", "turn", "ignored"]
)
async def test_without_prepared_statements_a_pooler_of_transactions_changes_nothing(
    database: str, more: dict[str, Any]
) -> None:
    with pgbouncer(database, mode="transaction", **more) as url:
        assert pending_migrations(url, prepared_statements=False) == []
        assert connection_faults(url, prepared_statements=False) == []
        await live_a_whole_life(read(settings_of(url, prepared=False)))
        # Nor is anything left behind on the connections that all share.
        with psycopg.connect(url) as connection:
            assert connection.execute(TRACES).fetchone() == ("0", "0", "0", 0)


@pytest.mark.parametrize("prepared", [True, False])
async def test_a_pooler_of_sessions_changes_nothing(database: str, *, prepared: bool) -> None:
    with pgbouncer(database, mode="session", **IGNORED) as url:
        assert connection_faults(url, prepared_statements=prepared) == []
        await live_a_whole_life(read(settings_of(url, prepared=prepared)))


async def test_what_bounds_a_unit_of_work_ends_with_it(database: str) -> None:
    with pgbouncer(database, mode="transaction", default_pool_size=1) as url:
        async with opened(build_pool(url, max_size=1, prepared_statements=False)) as pool:
            async with PostgresUnitOfWork(pool) as work:
                cursor = await work._connection.execute(TRACES)
                assert await cursor.fetchone() == ("1s", "5s", "0", 0)
            async with pool.connection() as connection:
                cursor = await connection.execute(TRACES, prepare=True)
                assert await cursor.fetchone() == ("0", "0", "0", 0)


async def test_another_timeline_behind_the_same_connection_is_not_taken_for_the_one_before(
    database: str,
) -> None:
    with pgbouncer(database, mode="transaction") as url:
        conninfo = connection_string(url, prepared_statements=False)
        async with PrimaryWatch(conninfo, prepared_statements=False) as watch:
            await watch.certain(PATIENCE)
            timeline, connection = watch.timeline, watch._connection
            assert connection is not None
            # As if the pooler had moved on to a server that was promoted.
            connection.timeline = 99
            with anyio.fail_after(PATIENCE.total_seconds()):
                while watch._connection is connection:
                    # On a busy machine the proof may be late.
                    assert watch.timeline in {timeline, None}
                    await checkpoint()
            await watch.certain(PATIENCE)
            assert watch.timeline == timeline


def test_migrations_run_through_a_pooler(empty_database: str) -> None:
    with pgbouncer(empty_database, mode="transaction") as url:
        assert migrate(url, prepared_statements=False)
        assert migrate(url, prepared_statements=False) == []


async def test_many_veterans_sign_in_through_a_pooler_of_transactions(
    database: str, tmp_path: Path
) -> None:
    with (
        pgbouncer(database, mode="transaction", **FEW) as url,
        whole_product(tmp_path, url, database_prepared_statements="false") as product,
    ):

        async def come_and_go() -> list[int]:
            async with httpx.AsyncClient(
                base_url=product.url, trust_env=False, timeout=30
            ) as client:
                signed_in = await Browser(client, Sandbox()).sign_in()
                headers = signed_in.headers | {"Origin": product.url}
                requests = [
                    ("GET", "/api/v1/session"),
                    ("POST", "/api/v1/session/renew"),
                    ("GET", "/api/v1/sessions"),
                    ("DELETE", "/api/v1/session"),
                    ("GET", "/api/v1/session"),
                ]
                return [
                    (await client.request(method, path, headers=headers)).status_code
                    for method, path in requests
                ]

        for answers in await asyncio.gather(*(come_and_go() for _ in range(SIGN_INS))):
            assert answers == [200, 200, 200, 204, 401]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "refuses the service's session settings"),
        (IGNORED, "loses prepared statements"),
        (IGNORED | IN_TURN, "loses prepared statements"),
        (IGNORED | {"default_pool_size": 1}, "loses prepared statements"),
    ],
    ids=["refused", "ignored", "in turn", "one"],
)
def test_with_prepared_statements_a_pooler_of_transactions_is_found_out(
    database: str, more: dict[str, Any], said: str
) -> None:
    with pgbouncer(database, mode="transaction", **more) as url:
        have_server_connections(url, more.get("min_pool_size", 1))
        with pytest.raises(PoolerError, match=said):
            connection_faults(url, prepared_statements=True)


def have_server_connections(url: str, number: int) -> None:
    """Let the pooler open so many, by having as many transactions at once."""
    with ExitStack() as stack:
        for _ in range(number):
            connection = stack.enter_context(psycopg.connect(url))
            connection.execute("SELECT")


@pytest.mark.parametrize("more", [{}, IGNORED], ids=["refused", "ignored"])
def test_serve_and_doctor_name_the_setting_in_one_line(database: str, more: dict[str, Any]) -> None:
    with pgbouncer(database, mode="transaction", **more) as url:
        environment = plain_environment() | settings_of(url, prepared=True)
        served = run("serve", environment=environment)
        with patch.dict(os.environ, environment, clear=True):
            examined = CliRunner().invoke(app, ["doctor", "--json"])

    assert served.returncode == 4
    (line,) = served.stderr.splitlines()
    assert line.startswith("vetassist: VETASSIST_DATABASE_PREPARED_STATEMENTS: a pooler")
    assert line.endswith("set it to false (docs/scaling.md)")
    (said,) = [
        each["said"]
        for each in json.loads(examined.stdout)["checks"]
        if (each["check"], each["verdict"]) == ("connections", "fail")
    ]
    assert line == f"vetassist: {said}"


ODD: Final = {
    "IntervalStyle": "iso_8601",
    "default_transaction_isolation": "serializable",
    "lock_timeout": "1ms",
    "standard_conforming_strings": "off",
    "statement_timeout": "999ms",
    "synchronous_commit": "off",
}


@pytest.fixture
def odd_database(own_database: str) -> Iterator[str]:
    for name, value in ODD.items():
        change(
            own_database,
            f"""
            DO $$ BEGIN
                EXECUTE format('ALTER DATABASE %I SET {name} = ''{value}''', current_database());
            END $$
            """,
        )
    yield as_application(own_database)
    # Roles are there for other tests, too.
    for name in ODD:
        change(own_database, f'ALTER ROLE "{role_of(own_database)}" RESET {name}')


def role_of(own_database: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(as_application(own_database))["user"])


@pytest.mark.parametrize(
    ("value", "exit_code", "said"),
    [
        ("true", 4, "VETASSIST_DATABASE_PREPARED_STATEMENTS: a pooler"),
        ("false", 0, ""),
        ("perhaps", 2, "VETASSIST_DATABASE_PREPARED_STATEMENTS: must be true or false"),
    ],
)
def test_migrate_needs_no_other_setting_than_the_url_and_this_one(
    own_database: str, value: str, exit_code: int, said: str
) -> None:
    with pgbouncer(own_database, mode="transaction") as url:
        environment = {
            "VETASSIST_DATABASE_URL": url,
            "VETASSIST_DATABASE_PREPARED_STATEMENTS": value,
        }
        with patch.dict(os.environ, environment, clear=True):
            ended = CliRunner().invoke(app, ["migrate"])
    assert ended.exit_code == exit_code
    assert [line[: len("vetassist: " + said)] for line in ended.stderr.splitlines()] == (
        [f"vetassist: {said}"] if said else []
    )


def test_what_cannot_be_set_through_a_pooler_is_named_and_the_line_says_how_to_set_it(
    odd_database: str, own_database: str
) -> None:
    assert connection_faults(odd_database, prepared_statements=True) == []
    with pgbouncer(odd_database, mode="transaction") as url:
        faults = connection_faults(url, prepared_statements=False)
        assert [fault.split(" is '")[0] for fault in faults] == sorted(ODD)
        served = run("serve", environment=plain_environment() | settings_of(url, prepared=False))
    assert served.returncode == 4
    assert served.stderr.splitlines() == [
        f"vetassist: VETASSIST_DATABASE_URL: {fault}" for fault in faults
    ]

    for fault in faults:
        change(own_database, fault.partition(": ")[2])
    with pgbouncer(odd_database, mode="transaction") as url:
        assert connection_faults(url, prepared_statements=False) == []
