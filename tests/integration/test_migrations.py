"""Bringing a schema up to date: from nothing, again, side by side, and refusing what is odd."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import psycopg
import pytest

from adapters.postgres.migrations import (
    _ADVISORY_LOCK,
    SchemaError,
    migrate,
    migrations,
    pending_migrations,
)
from adapters.postgres.pool import build_pool, opened
from adapters.postgres.readiness import PostgresReadiness
from adapters.system.clock import SystemClock
from application.ports.readiness import ReadinessCheck
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor
from entrypoints import storage
from tests.support.builders import NOW
from tests.support.databases import change, rows_of, until_waiting
from tests.support.processes import REPOSITORY
from tests.support.service import a_service
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

LEDGER = "SELECT * FROM vetassist_schema_migrations ORDER BY version"
EVERYTHING = """
SELECT table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public'
ORDER BY table_name, column_name
"""
MIGRATE = """
import json, sys
from adapters.postgres.migrations import migrate
print(json.dumps([step.version for step in migrate(sys.argv[1])]))
"""
VERSIONS = [migration.version for migration in migrations()]


def test_each_step_has_a_number_of_its_own() -> None:
    assert sorted(set(VERSIONS)) == VERSIONS


async def test_an_empty_database_becomes_one_that_a_veteran_can_sign_in_to(
    empty_database: str,
) -> None:
    assert [step.version for step in pending_migrations(empty_database)] == VERSIONS
    assert [step.version for step in migrate(empty_database)] == VERSIONS

    assert pending_migrations(empty_database) == []
    async with opened(build_pool(empty_database, max_size=2)) as pool:
        service = a_service(postgres_storage(pool))
        assert await service.storage.readiness.failing() == frozenset()
        grant = (await service.sign_in()).grant
        valid = await service.validate(grant.token)
    assert valid.session.session_id == grant.session.id


@pytest.mark.case(102)
def test_migrating_twice_has_one_effect(own_database: str) -> None:
    before = rows_of(own_database, LEDGER), rows_of(own_database, EVERYTHING)

    assert migrate(own_database) == []
    assert (rows_of(own_database, LEDGER), rows_of(own_database, EVERYTHING)) == before


def test_a_migration_is_on_record_and_one_that_finds_nothing_to_do_is_not(
    empty_database: str,
) -> None:
    began = datetime.now(UTC)
    applied = storage.migrate(empty_database, operator="pat")
    assert [step.version for step in applied] == VERSIONS
    assert storage.migrate(empty_database, operator="pat") == []

    (event,) = rows_of(empty_database, "SELECT * FROM vetassist_auth_audit")
    assert (event["event_type"], event["user_id"]) == ("schema_migrated", None)
    assert event["operator"] == "pat"
    assert event["event_data"] == {"steps": " ".join(map(str, VERSIONS))}
    assert began <= event["created_at"] <= datetime.now(UTC)


@pytest.mark.case(91)
def test_a_migration_that_cannot_be_told_leaves_nothing(empty_database: str) -> None:
    def note(*_changes: object) -> AuditEvent:
        # A text that no column takes.
        return AuditEvent.of_service(
            AuditEventType.SCHEMA_MIGRATED, visitor=Visitor(request_id="\0"), now=NOW
        )

    with pytest.raises(psycopg.DataError):
        migrate(empty_database, note=note)
    assert rows_of(empty_database, EVERYTHING) == []


@pytest.mark.case(102)
def test_of_two_processes_at_once_one_migrates_and_the_other_finds_it_done(
    empty_database: str,
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", MIGRATE, empty_database],
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        until_waiting(gate, len(processes))
        gate.execute("SELECT pg_advisory_unlock(%s)", (_ADVISORY_LOCK,))
        applied = sorted(json.loads(process.communicate(timeout=60)[0]) for process in processes)

    assert applied == [[], VERSIONS]
    assert [row["version"] for row in rows_of(empty_database, LEDGER)] == VERSIONS


@pytest.mark.parametrize("look", [migrate, pending_migrations])
@pytest.mark.parametrize(
    ("tampering", "complaint"),
    [
        (
            "UPDATE vetassist_schema_migrations SET checksum = 'x' WHERE version = 1",
            "step 1 .*chan",
        ),
        (
            "INSERT INTO vetassist_schema_migrations VALUES (9999, '9999_later.sql', 'x')",
            "step 9999.*newer",
        ),
    ],
    ids=["changed", "newer"],
)
def test_a_schema_that_is_not_as_this_service_made_it_is_refused_and_left_alone(
    own_database: str, look: Callable[[str], Sequence[object]], tampering: str, complaint: str
) -> None:
    change(own_database, tampering)
    before = rows_of(own_database, LEDGER), rows_of(own_database, EVERYTHING)

    with pytest.raises(SchemaError, match=complaint):
        look(own_database)
    assert (rows_of(own_database, LEDGER), rows_of(own_database, EVERYTHING)) == before


def test_looking_for_what_is_missing_changes_nothing(empty_database: str) -> None:
    assert [step.version for step in pending_migrations(empty_database)] == VERSIONS

    assert rows_of(empty_database, EVERYTHING) == []


def test_a_step_that_does_not_apply_is_told_in_one_line_and_leaves_nothing(
    empty_database: str,
) -> None:
    change(empty_database, "CREATE TABLE vetassist_users (id uuid PRIMARY KEY, email text[])")
    change(empty_database, "CREATE VIEW everybody AS SELECT id, email FROM vetassist_users")
    before = rows_of(empty_database, EVERYTHING)

    with pytest.raises(SchemaError, match="0001") as fault:
        migrate(empty_database)
    assert "\n" not in str(fault.value)
    assert rows_of(empty_database, EVERYTHING) == before


@pytest.mark.parametrize(
    "prepare",
    [
        "DROP TABLE vetassist_schema_migrations",
        "DELETE FROM vetassist_schema_migrations WHERE version = 1",
    ],
)
async def test_a_store_whose_schema_is_behind_is_not_ready(own_database: str, prepare: str) -> None:
    change(own_database, prepare)

    async with opened(build_pool(own_database, max_size=1)) as pool:
        readiness = PostgresReadiness(pool, machine_clock=SystemClock())
        assert await readiness.failing() == {ReadinessCheck.SCHEMA}


def test_tokens_from_before_refreshes_are_those_of_the_users_newest_account(
    empty_database: str,
) -> None:
    for step in migrations()[:4]:
        change(empty_database, step.sql)
    change(
        empty_database,
        """
        INSERT INTO vetassist_users (id) SELECT format('%s-0000-4000-8000-000000000000', name)::uuid
        FROM unnest(ARRAY['aaaaaaaa', 'bbbbbbbb']) AS name;
        INSERT INTO vetassist_va_tokens (user_id, access_token_encrypted, expires_at)
        SELECT id, 'sealed', now() FROM vetassist_users;
        INSERT INTO vetassist_va_identities (issuer, subject, user_id, created_at, last_seen_at)
        SELECT 'https://va.example', subject, 'aaaaaaaa-0000-4000-8000-000000000000', now(), seen
        FROM (VALUES
            ('an old account', now() - interval '1 day'),
            ('the newest account', now()),
            ('the oldest account', now() - interval '9 days')
        ) AS known (subject, seen);
        """,
    )
    change(empty_database, migrations()[4].sql)

    columns = "issuer, subject, generation, lease_fence, lease_until, needs_sign_in_at, retry_at"
    with_account, without = rows_of(
        empty_database, f"SELECT {columns} FROM vetassist_va_tokens ORDER BY user_id"
    )
    blank = dict.fromkeys(columns.split(", "))
    assert without == blank | {"generation": 1, "lease_fence": 0}
    assert with_account == without | {
        "issuer": "https://va.example",
        "subject": "the newest account",
    }
    ids = rows_of(empty_database, "SELECT DISTINCT sign_in_id FROM vetassist_va_tokens")
    assert len(ids) == 2
