"""The service runs as a role that can do its work, and rewrite no evidence."""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from adapters.postgres.application_roles import LEFT_TO_DEFAULTS, PRIVILEGES
from adapters.postgres.migrations import SchemaError, migrate
from adapters.postgres.pool import Pool, build_pool, opened
from adapters.postgres.vital_signs import PostgresVitalSigns
from application.ports.vital_signs import Rights
from entrypoints import storage
from tests.support.audit_desk import AuditDesk
from tests.support.databases import (
    APPLICATION_ROLE,
    as_application,
    as_owner,
    change,
    rows_of,
)
from tests.support.environment import plain_environment
from tests.support.processes import run
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

EVIDENCE = ("vetassist_auth_audit", "vetassist_audit_batches", "vetassist_audit_leaves")
GRANTED = """
SELECT table_name COLLATE "C" AS table_name, privilege_type COLLATE "C" AS privilege_type
FROM information_schema.role_table_grants WHERE grantee = %s
UNION ALL
SELECT granted.table_name, privilege_type || ' ' || column_name
FROM information_schema.role_column_grants AS granted
WHERE grantee = %s AND NOT EXISTS (
    SELECT FROM information_schema.role_table_grants AS whole
    WHERE (whole.grantee, whole.table_schema, whole.table_name, whole.privilege_type)
        = (granted.grantee, granted.table_schema, granted.table_name, granted.privilege_type)
)
ORDER BY 1, 2
"""


def refused(database_url: str, statement: str) -> bool:
    """Whether the application may not do that."""
    with psycopg.connect(as_application(database_url)) as connection:
        try:
            connection.execute(statement.encode())
        except InsufficientPrivilege:
            return True
        finally:
            connection.rollback()
    return False


def granted(database_url: str, role: str = APPLICATION_ROLE) -> list[tuple[str, str]]:
    """Privileges on tables, and those on some columns of one; in order."""
    rows = rows_of(database_url, GRANTED, role, role)
    return [(row["table_name"], row["privilege_type"]) for row in rows]


def columns_of(database_url: str, table: str) -> set[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
    return {row["column_name"] for row in rows_of(database_url, query, table)}


def expected(database_url: str) -> list[tuple[str, str]]:
    """What ``PRIVILEGES`` says, with columns where some are left to their defaults."""
    grants = [
        (table, privilege)
        for table, privileges in PRIVILEGES.items()
        for privilege in privileges
        if privilege != "INSERT" or table not in LEFT_TO_DEFAULTS
    ]
    grants += [
        (table, f"INSERT {column}")
        for table, left in LEFT_TO_DEFAULTS.items()
        for column in columns_of(database_url, table) - set(left)
    ]
    return sorted(grants)


@pytest.fixture
def another_role(own_database: str) -> Iterator[str]:
    """The name of a role that is not there yet."""
    name = f"vetassist_another_{secrets.token_hex(4)}"
    yield name
    with psycopg.connect(own_database, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
            role = sql.Identifier(name)
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize("table", EVIDENCE)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET hash_key_id = NULL",
        "UPDATE {} SET hash = hash",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} ADD COLUMN more text",
        "SELECT FROM {} FOR UPDATE",
    ],
)
async def test_the_service_can_add_and_read_evidence_and_do_nothing_else_with_it(
    own_database: str, own_pool: Pool, table: str, statement: str
) -> None:
    desk = AuditDesk(storage=postgres_storage(own_pool))
    await desk.append(2)
    assert (await desk.seal()).rows == 2
    # Not each has each column; another case has it.
    with suppress(psycopg.errors.UndefinedColumn):
        assert refused(own_database, statement.format(table))
    assert await desk.findings(desk.checkpoints) == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE vetassist_more (id int)",
        "INSERT INTO vetassist_schema_migrations (version, name, checksum) VALUES (99, '', '')",
        "DELETE FROM vetassist_schema_migrations",
        "INSERT INTO vetassist_application_roles VALUES ('everybody')",
        "DELETE FROM vetassist_users",
        "TRUNCATE vetassist_sessions",
        "SELECT setval('vetassist_auth_audit_row_number', 1)",
        "ALTER TABLE vetassist_sessions DISABLE TRIGGER ALL",
    ],
)
def test_the_service_cannot_reach_beyond_its_work(own_database: str, statement: str) -> None:
    assert refused(own_database, statement)


@pytest.mark.parametrize("column", LEFT_TO_DEFAULTS["vetassist_auth_audit"])
def test_the_service_cannot_choose_where_its_events_stand(own_database: str, column: str) -> None:
    insert = (
        "INSERT INTO vetassist_auth_audit (event_type, created_at{}) VALUES ('logout', now(){})"
    )
    assert not refused(own_database, insert.format("", ""))
    assert refused(own_database, insert.format(f", {column}", ", '3'"))
    assert refused(own_database, insert.format(f", {column}", ", DEFAULT"))


def test_room_for_the_months_to_come_is_made_for_the_service(own_database: str) -> None:
    change(own_database, "DROP TABLE vetassist_auth_audit_" + f"{a_month_ahead():%Y_%m}")
    (made,) = rows_of(
        as_application(own_database), "SELECT vetassist_make_audit_partitions() AS made"
    )
    assert made["made"] == 1
    insert = "INSERT INTO vetassist_auth_audit (event_type, created_at) VALUES ('logout', '{}')"
    assert not refused(own_database, insert.format(f"{a_month_ahead():%Y-%m-%d}"))


def test_a_column_that_was_adopted_or_comes_later_can_be_written(own_database: str) -> None:
    change(own_database, 'ALTER TABLE vetassist_auth_audit ADD COLUMN "added ""later""" text')
    migrate(own_database)
    statement = """
    INSERT INTO vetassist_auth_audit (event_type, created_at, "added ""later""\")
    VALUES ('logout', now(), 'more')
    """
    assert not refused(own_database, statement)


def a_month_ahead() -> datetime:
    """The first day of the next month."""
    return (datetime.now(UTC).replace(day=1) + timedelta(days=32)).replace(day=1)


def test_of_each_table_it_is_said_what_the_service_may_do_with_it(own_database: str) -> None:
    query = """
    SELECT relname FROM pg_class
    WHERE starts_with(relname, 'vetassist_') AND relkind IN ('r', 'p') AND NOT relispartition
    """
    assert {row["relname"] for row in rows_of(own_database, query)} == set(PRIVILEGES)


def test_to_grant_again_changes_nothing_and_takes_away_what_is_too_much(
    own_database: str,
) -> None:
    before = granted(own_database)
    assert before == expected(own_database)
    change(own_database, f"GRANT ALL ON vetassist_auth_audit TO {APPLICATION_ROLE}")
    assert granted(own_database) != before
    for _ in range(2):
        migrate(own_database, application_role=APPLICATION_ROLE)
        assert granted(own_database) == before


def test_a_role_that_was_named_once_gets_what_later_steps_bring(own_database: str) -> None:
    before = granted(own_database)
    change(own_database, f"REVOKE ALL ON vetassist_sessions FROM {APPLICATION_ROLE}")
    migrate(own_database)
    assert granted(own_database) == before


def test_a_role_is_made_where_there_is_none(own_database: str, another_role: str) -> None:
    migrate(own_database, application_role=another_role)
    assert granted(own_database, another_role) == granted(own_database)
    (role,) = rows_of(own_database, "SELECT * FROM pg_roles WHERE rolname = %s", another_role)
    assert role["rolcanlogin"]
    assert not any(role[power] for power in ("rolsuper", "rolcreaterole", "rolcreatedb"))


def test_a_role_that_was_dropped_since_is_passed_over(own_database: str, another_role: str) -> None:
    migrate(own_database, application_role=another_role)
    change(own_database, f"DROP OWNED BY {another_role}; DROP ROLE {another_role}")
    assert migrate(own_database) == []


def test_a_role_that_may_create_tables_through_public_is_refused_with_what_to_do(
    own_database: str, another_role: str
) -> None:
    change(own_database, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    for role in (None, another_role):
        with pytest.raises(SchemaError, match="REVOKE CREATE ON SCHEMA public FROM PUBLIC"):
            migrate(own_database, application_role=role)
    change(own_database, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    migrate(own_database, application_role=another_role)


def test_the_owner_cannot_be_the_application(own_database: str) -> None:
    (owner,) = rows_of(own_database, "SELECT current_user AS name")
    with pytest.raises(SchemaError, match="needs another role"):
        migrate(own_database, application_role=owner["name"])


def test_a_name_is_taken_as_a_name(own_database: str) -> None:
    name = f'odd"; DROP TABLE vetassist_users; -- {secrets.token_hex(4)}'
    migrate(own_database, application_role=name)
    assert granted(own_database, name) == granted(own_database)
    with psycopg.connect(own_database, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_a_role_that_is_new_is_on_record_and_without_a_record_there_is_none(
    own_database: str, another_role: str
) -> None:
    change(own_database, "ALTER TABLE vetassist_auth_audit RENAME request_id TO gone")
    with pytest.raises(storage.DatabaseFaultError):
        storage.migrate(own_database, application_role=another_role)
    assert rows_of(own_database, "SELECT FROM pg_roles WHERE rolname = %s", another_role) == []
    change(own_database, "ALTER TABLE vetassist_auth_audit RENAME gone TO request_id")

    for _ in range(2):
        storage.migrate(own_database, application_role=another_role)
    (event,) = rows_of(own_database, "SELECT * FROM vetassist_auth_audit")
    assert event["event_type"] == "schema_migrated"
    assert event["event_data"] == {"steps": "", "application_role": another_role}


def test_the_command_names_the_role_and_whoever_may_not_is_told(
    own_database: str, another_role: str
) -> None:
    migrating = ("migrate", "--application-role", another_role)
    environment = plain_environment()
    ours = {"VETASSIST_DATABASE_URL": as_application(own_database)}
    assert run(*migrating, environment=environment | ours).returncode in {3, 4}
    owners = {"VETASSIST_DATABASE_URL": as_owner(own_database)}
    assert run(*migrating, environment=environment | owners).returncode == 0
    assert granted(own_database, another_role) == granted(own_database)


async def test_the_doctor_can_tell_the_two_roles_apart(own_database: str, own_pool: Pool) -> None:
    assert await PostgresVitalSigns(own_pool).rights() == Rights(is_owner=False)
    async with opened(build_pool(own_database, max_size=1)) as owners:
        assert await PostgresVitalSigns(owners).rights() == Rights(is_owner=True)


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        (
            "GRANT UPDATE (hash_key_id), DELETE ON vetassist_auth_audit TO {role}",
            {
                "too_much_on_evidence": (
                    "DELETE on vetassist_auth_audit",
                    "UPDATE on vetassist_auth_audit",
                )
            },
        ),
        (
            "GRANT SELECT ON vetassist_auth_audit_default TO {role}",
            {"too_much_on_evidence": ("SELECT on vetassist_auth_audit_default",)},
        ),
        (
            "GRANT TRUNCATE ON vetassist_audit_leaves TO {role}",
            {"too_much_on_evidence": ("TRUNCATE on vetassist_audit_leaves",)},
        ),
        (
            "GRANT UPDATE ON SEQUENCE vetassist_auth_audit_row_number TO {role}",
            {"too_much_on_evidence": ("UPDATE on vetassist_auth_audit_row_number",)},
        ),
        (
            "GRANT DELETE ON vetassist_users TO PUBLIC",
            {"too_much": ("DELETE on vetassist_users",)},
        ),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", {"may_create_tables": True}),
        (
            """
            REVOKE INSERT ON vetassist_auth_audit, vetassist_sessions FROM {role};
            REVOKE EXECUTE ON FUNCTION vetassist_make_audit_partitions() FROM {role}
            """,
            {
                "missing": (
                    "INSERT on vetassist_auth_audit",
                    "INSERT on vetassist_sessions",
                    "EXECUTE on vetassist_make_audit_partitions",
                )
            },
        ),
        # A grant on columns is one, too.
        (
            """
            REVOKE INSERT ON vetassist_auth_audit FROM {role};
            GRANT INSERT (event_type, event_data) ON vetassist_auth_audit TO {role}
            """,
            {},
        ),
    ],
)
async def test_the_doctor_sees_what_a_role_may_do_too_much_or_too_little(
    own_database: str, own_pool: Pool, changed: str, seen: dict[str, Any]
) -> None:
    change(own_database, changed.format(role=APPLICATION_ROLE))
    well = Rights(is_owner=False)
    assert await PostgresVitalSigns(own_pool).rights() == replace(well, **seen)
