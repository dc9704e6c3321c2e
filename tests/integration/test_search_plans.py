"""What operators look for is found through indexes, however many users and events there are."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from adapters.postgres.audit_history import PostgresAuditHistory
from adapters.postgres.migrations import migrate
from adapters.postgres.user_directory import PostgresUserDirectory
from adapters.postgres.user_records import PostgresUserRecords
from domain.audit_record import AuditFilter
from domain.identifiers import SessionId, UserId
from domain.service_client import ClientId
from domain.user_search import ByName, ByReference, parse_user_search
from tests.support.builders import NOW, a_user_id
from tests.support.databases import new_database

pytestmark = pytest.mark.postgres

SOME_ID: Final = "0b9d6f2e-4c1a-4e37-9b7d-5f6a7b8c9d0e"


class Statements:
    """Takes statements in the place of a pool that executes them."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []
        self.pool: Any = self

    async def rows(self, query: str, parameters: Any = None) -> list[dict[str, Any]]:
        self.taken.append((query, parameters))
        return []


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with new_database(database_url) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            # Small tables are read whole. What is read whole now has no index that fits.
            connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
            yield connection


def plan(connection: psycopg.Connection[Any], statement: tuple[str, Any]) -> dict[str, Any]:
    """The outermost node of a statement's plan."""
    query, parameters = statement
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {query}".encode(), parameters).fetchone()
    assert row is not None
    outermost: dict[str, Any] = row[0][0]["Plan"]
    return outermost


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from nodes(below)


def reads(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes that read users, sessions or events, of which there may be many."""
    large = ("vetassist_users", "vetassist_sessions", "vetassist_auth_audit")
    return [each for each in nodes(node) if each.get("Relation Name", "").startswith(large)]


@pytest.mark.parametrize(
    "text",
    [
        SOME_ID,
        "1012667145V762142",
        "Tamara@Veterans.example",
        "ellis",
        "Müller",
        "tamara ellis",
        "ellis, tamara",
        "ellis,",
        ", tamara",
        "maria anna de la cruz",
    ],
)
async def test_users_are_found_through_indexes(
    connection: psycopg.Connection[Any], text: str
) -> None:
    wanted, statements = parse_user_search(text), Statements()
    assert not isinstance(wanted, ByReference)
    await PostgresUserRecords(statements.pool).search(wanted, limit=20)
    (statement,) = statements.taken
    found = reads(plan(connection, statement))
    # The condition limits what is read of an index, and isn't tried on all of it.
    assert found
    assert all("Index Cond" in each for each in found), found


def below_limits(node: dict[str, Any]) -> list[str]:
    """The kind of node that each limit takes its rows from."""
    limits = [each for each in nodes(node) if each["Node Type"] == "Limit"]
    return [limit["Plans"][0]["Node Type"] for limit in limits]


@pytest.mark.parametrize("text", ["e", "tamara ellis", "ellis, t"])
async def test_names_are_read_in_order_and_so_no_more_of_them_than_are_shown(
    connection: psycopg.Connection[Any], text: str
) -> None:
    wanted, statements = parse_user_search(text), Statements()
    assert isinstance(wanted, ByName)
    await PostgresUserRecords(statements.pool).search(wanted, limit=20)
    (statement,) = statements.taken

    outermost, *branches = below_limits(plan(connection, statement))
    assert outermost == "Unique"
    assert branches == ["Index Scan"] * len(wanted.prefixes)


async def test_users_who_were_merged_are_found_through_an_index(
    connection: psycopg.Connection[Any],
) -> None:
    statements = Statements()
    await PostgresUserDirectory(statements.pool).merged_into(a_user_id())
    await PostgresUserRecords(statements.pool).find_all([a_user_id()])
    for statement in statements.taken:
        assert all("Index Cond" in each for each in reads(plan(connection, statement)))


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (AuditFilter(), "created_at"),
        (AuditFilter(since=NOW), "created_at"),
        (AuditFilter(user_id=UserId(UUID(SOME_ID))), "user_id"),
        (AuditFilter(reference="0123456789ab-7f"), "request_id"),
        (AuditFilter(operator="pat"), "operator"),
        (AuditFilter(session_id=SessionId(UUID(SOME_ID))), "left"),
        (AuditFilter(client_id=ClientId(UUID(SOME_ID))), "left"),
        (
            AuditFilter(user_id=UserId(UUID(SOME_ID)), also_of=frozenset({UserId(UUID(SOME_ID))})),
            "user_id",
        ),
    ],
)
async def test_events_are_found_through_indexes(
    connection: psycopg.Connection[Any], wanted: AuditFilter, index: str
) -> None:
    statements = Statements()
    await PostgresAuditHistory(statements.pool).list(wanted, after=None, limit=20)
    (statement,) = statements.taken
    found = [
        each for each in reads(plan(connection, statement)) if "audit" in each["Relation Name"]
    ]
    assert found
    assert all(index in each["Index Name"] for each in found), found
    if wanted != AuditFilter():
        assert all("Index Cond" in each for each in found), found
