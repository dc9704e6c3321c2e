"""Indexes of a step of the schema are built beside live traffic where a table is large."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import psycopg
import pytest

from adapters.postgres import index_builds
from adapters.postgres.index_builds import indexes_in, missing
from adapters.postgres.migrations import migrate, migrations, pending_migrations
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor
from tests.support.builders import NOW
from tests.support.databases import change, count_of, new_database, rows_of
from tests.support.waiting import onlookers

pytestmark = pytest.mark.postgres

(STEP,) = [step for step in migrations() if step.version == 18]
_BEFORE: Final = """
DELETE FROM vetassist_schema_migrations WHERE version = 18;
DROP INDEX vetassist_users_email_idx, vetassist_auth_audit_request_id_idx
"""
_VALID: Final = """
SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid
WHERE relname LIKE 'vetassist%%'
"""


@pytest.fixture(scope="module")
def migrated(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        migrate(url)
        yield url


@pytest.fixture
def url(database_url: str, migrated: str) -> Iterator[str]:
    """A database that lacks two of the indexes: of a plain table, and of a partitioned one."""
    with new_database(database_url, like=migrated) as url:
        change(url, _BEFORE)
        yield url


@contextmanager
def every_table_is_large() -> Iterator[None]:
    with patch.object(index_builds, "SMALL_BYTES", -1):
        yield


def note(steps: Any, _role: object) -> AuditEvent:
    names = " ".join(str(step.version) for step in steps)
    type_ = AuditEventType.SCHEMA_MIGRATED
    return AuditEvent.of_service(type_, visitor=Visitor(), now=NOW, steps=names)


def invalid(url: str) -> list[str]:
    return [row["relname"] for row in rows_of(url, _VALID) if not row["indisvalid"]]


def is_complete(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return not missing(connection, STEP.indexes)


@pytest.mark.parametrize("is_large", [True, False])
def test_what_is_missing_is_built_once_and_noted_once(url: str, *, is_large: bool) -> None:
    notes = count_of(url, "vetassist_auth_audit")
    assert [step.version for step in pending_migrations(url)] == [18]
    with patch.object(index_builds, "SMALL_BYTES", -1 if is_large else 2**40):
        for expected in ([18], []):
            assert [step.version for step in migrate(url, note=note)] == expected
    assert is_complete(url)
    assert invalid(url) == []
    assert pending_migrations(url) == []
    assert count_of(url, "vetassist_auth_audit") == notes + 1


def test_rows_are_written_while_a_large_tables_index_is_built(url: str) -> None:
    during: list[int] = []
    build = index_builds._build

    def build_and_write(connection: Any, index: Any) -> None:
        # Before each build has its turn, and so while the step is under way.
        change(url, "INSERT INTO vetassist_users (email) VALUES ('x')")
        during.append(1)
        build(connection, index)

    with every_table_is_large(), patch.object(index_builds, "_build", build_and_write):
        migrate(url)
    assert len(during) > 1
    assert count_of(url, "vetassist_users") == len(during)


async def test_a_build_that_waits_for_a_busy_writer_keeps_nobody_from_writing(url: str) -> None:
    write = "INSERT INTO vetassist_users (email) VALUES ('x')"
    with every_table_is_large():
        async with onlookers() as others:
            with psycopg.connect(url) as busy:
                busy.execute(write)
                await others.must_wait(lambda: asyncio.to_thread(migrate, url))
                change(url, f"SET LOCAL lock_timeout = '100ms'; {write}")
                busy.commit()
    assert is_complete(url)


def test_what_an_interrupted_build_left_behind_is_built_again(url: str) -> None:
    def interrupted(connection: Any, index: Any) -> None:
        connection.execute(f"CREATE INDEX {index.name} ON {index.table} {index.definition}")
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", (index.name,)
        )
        raise psycopg.OperationalError("killed")

    with (
        every_table_is_large(),
        patch.object(index_builds, "_build", interrupted),
        pytest.raises(psycopg.OperationalError),
    ):
        migrate(url)
    assert [step.version for step in pending_migrations(url)] == [18]
    assert not is_complete(url)

    migrate(url)
    assert is_complete(url)
    assert invalid(url) == []


def test_a_partition_that_is_made_meanwhile_has_the_index_too(url: str) -> None:
    build = index_builds._build
    made: list[bool] = []

    def build_and_make(connection: Any, index: Any) -> None:
        if not made and index.table.startswith("vetassist_auth_audit_"):
            change(url, "SELECT vetassist_make_audit_partition('2031-01-01')")
            made.append(True)
        build(connection, index)

    with every_table_is_large(), patch.object(index_builds, "_build", build_and_make):
        migrate(url)
    assert made
    assert is_complete(url)
    partition = "SELECT indexdef FROM pg_indexes WHERE tablename = 'vetassist_auth_audit_2031_01'"
    assert any("(request_id)" in row["indexdef"] for row in rows_of(url, partition))


async def test_a_second_process_waits_for_the_first_without_holding_it_up(url: str) -> None:
    with every_table_is_large():
        async with onlookers() as others:
            with psycopg.connect(url, autocommit=True) as first:
                first.execute("SELECT pg_advisory_lock(%s)", (index_builds._ADVISORY_LOCK,))
                await others.must_wait(lambda: asyncio.to_thread(migrate, url))
                # It has no transaction open for which a build would wait.
                first.execute("CREATE INDEX CONCURRENTLY x ON vetassist_users (email)")
    assert is_complete(url)


@pytest.mark.parametrize("is_large", [True, False])
def test_behind_a_pooler_it_is_built_too(url: str, *, is_large: bool) -> None:
    with patch.object(index_builds, "SMALL_BYTES", -1 if is_large else 2**40):
        migrate(url, prepared_statements=False)
    assert is_complete(url)


def test_a_file_of_indexes_has_nothing_else() -> None:
    with pytest.raises(ValueError, match="something else"):
        indexes_in("CREATE INDEX a ON b (c); DROP TABLE b;")
    (index,) = indexes_in("-- A comment;\nCREATE INDEX a ON b (\n    c\n) WHERE c > 1;\n")
    assert (index.name, index.table, index.definition) == ("a", "b", "( c ) WHERE c > 1")
