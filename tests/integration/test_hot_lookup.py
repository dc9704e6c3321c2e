"""The look-up that every request of every service behind us pays for."""

import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID, uuid4

import anyio
import psycopg
import pytest

from adapters.postgres.pool import Pool
from adapters.postgres.session_lookup import _SELECT, PostgresSessionLookup
from domain.identifiers import SessionId, UserId
from tests.support.builders import a_session_id
from tests.support.databases import change, rows_of
from tests.support.storage import a_stored_session, postgres_storage, standing_of

pytestmark = pytest.mark.postgres

#: 1,000 users with 5 sessions each: enough that reading the whole table would show.
MANY_SESSIONS: Final = """
INSERT INTO vetassist_users (id, va_icn)
SELECT gen_random_uuid(), lpad(n::text, 10, '0') || 'V000000' FROM generate_series(1, 1000) AS n;
INSERT INTO vetassist_sessions (user_id, jwt_id, expires_at)
SELECT id, gen_random_uuid()::text, now() + interval '1 hour'
FROM vetassist_users CROSS JOIN generate_series(1, 5);
ANALYZE vetassist_users, vetassist_sessions;
"""


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes_of(child)


def plan_of(database_url: str, keys: list[tuple[UUID, UUID]]) -> list[dict[str, Any]]:
    """Every node of the plan that the statement is carried out by."""
    users, sessions = [key[0] for key in keys], [key[1] for key in keys]
    with psycopg.connect(database_url) as connection:
        cursor = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {_SELECT}".encode(), (users, sessions)
        )
        row = cursor.fetchone()
    assert row is not None
    document = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return list(nodes_of(document[0]["Plan"]))


@pytest.mark.parametrize("count", [1, 10, 100])
def test_a_look_up_is_one_probe_of_one_index(own_database: str, count: int) -> None:
    change(own_database, MANY_SESSIONS)
    some = f"SELECT user_id, id FROM vetassist_sessions ORDER BY jwt_id LIMIT {count}"
    keys = [(row["user_id"], row["id"]) for row in rows_of(own_database, some)]
    plan = plan_of(own_database, keys)

    touching = [node for node in plan if node.get("Relation Name")]
    assert [node["Relation Name"] for node in touching] == ["vetassist_sessions"]
    assert [node["Node Type"] for node in touching] == ["Index Scan"]
    (scan,) = touching
    assert scan["Actual Loops"] == count
    # Neither the user nor the session is looked at one by one afterwards.
    assert "user_id" in scan["Index Cond"]
    assert "id = " in scan["Index Cond"].replace("user_id = ", "")
    assert "Filter" not in scan


async def test_many_look_ups_at_once_each_hear_of_their_own_session(pool: Pool) -> None:
    storage = postgres_storage(pool)
    stored = [await a_stored_session(storage.unit_of_work) for _ in range(20)]
    heard: list[bool] = []

    async def find(user_id: UserId, session_id: SessionId, expected: object) -> None:
        heard.append(await storage.session_lookup.find(user_id, session_id) == expected)

    async with anyio.create_task_group() as tasks:
        for session in stored * 20:
            tasks.start_soon(find, session.user_id, session.id, standing_of(session))
            tasks.start_soon(find, session.user_id, a_session_id(), None)
            tasks.start_soon(find, UserId(uuid4()), session.id, None)

    assert heard == [True] * 20 * 20 * 3


async def test_a_look_up_that_is_given_up_leaves_the_others_alone(pool: Pool) -> None:
    storage = postgres_storage(pool)
    lookup = PostgresSessionLookup(pool)
    session = await a_stored_session(storage.unit_of_work)
    heard: list[object] = []

    async def find() -> None:
        heard.append(await lookup.find(session.user_id, session.id))

    async def give_up() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await lookup.find(session.user_id, session.id)

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(find)
            tasks.start_soon(give_up)
    await find()

    assert heard == [standing_of(session)] * 11
