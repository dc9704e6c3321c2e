"""A database of an earlier phase is taken over with every row in it.

Each file of `earlier_phases` holds the four tables in one of the shapes that fit the code of
the phase before, and some rows.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import jwt
import pytest

from adapters.postgres.migrations import SchemaError, migrate, migrations
from adapters.postgres.pool import build_pool, opened
from application.errors import UnauthenticatedError
from application.sign_in_errors import SignInFailedError
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand, Which
from domain.audit_event import AuditEventType
from domain.identifiers import ICN, UserId
from domain.sign_in_failure import SignInFailure
from domain.user import User
from domain.va_tokens import TokenField
from domain.veteran_status import VeteranStatus
from tests.support.builders import (
    NOW,
    a_provider_sign_in,
    a_visitor,
    an_identity,
    some_tokens,
)
from tests.support.databases import change, count_of, rows_of
from tests.support.service import Service, a_service
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

EARLIER_PHASES: Final = Path(__file__).parent / "earlier_phases"
TABLES: Final = (
    "vetassist_users",
    "vetassist_va_tokens",
    "vetassist_sessions",
    "vetassist_auth_audit",
)
TAMARA: Final = UserId(UUID("11111111-1111-4111-8111-111111111111"))
TAMARAS_ICN: Final = ICN("1012667145V762142")
JANETS_ICN: Final = ICN("1012861229V078999")
#: Has the provider's `sub` where an ICN should be.
MISNAMED: Final = UserId(UUID("33333333-3333-4333-8333-333333333333"))


@pytest.fixture(params=["detailed", "minimal", "quirky"])
def earlier_phase(request: pytest.FixtureRequest, empty_database: str) -> str:
    """A database as an earlier phase left it."""
    change(empty_database, (EARLIER_PHASES / f"{request.param}.sql").read_text())
    return empty_database


@pytest.fixture
async def adopted(earlier_phase: str) -> AsyncIterator[Service]:
    """The service on such a database, migrated."""
    migrate(earlier_phase)
    async with opened(build_pool(earlier_phase, max_size=4)) as pool:
        yield a_service(postgres_storage(pool))


async def user_of(adopted: Service, user_id: UserId) -> User | None:
    """An adopted user as it is shown."""
    profile = await adopted.storage.user_directory.find(user_id)
    return None if profile is None else profile.user


def plain(value: object) -> object:
    """A value as any type that may hold it would tell it."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, str) and value.startswith(("{", '"')):
        return json.loads(value)
    if isinstance(value, UUID | int) and not isinstance(value, bool):
        return str(value)
    return value


def contents(database_url: str) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [
            {name: plain(value) for name, value in row.items()}
            for row in rows_of(database_url, f"SELECT * FROM {table}")
        ]
        for table in TABLES
    }


def test_every_row_is_still_there_with_all_its_values(earlier_phase: str) -> None:
    before = contents(earlier_phase)
    assert [migration.version for migration in migrate(earlier_phase)] == [
        migration.version for migration in migrations()
    ]
    after = contents(earlier_phase)

    for table in TABLES:
        assert len(after[table]) == len(before[table]) > 0
        for row in before[table]:
            if row.get("last_login_at", "") is None:
                # Filled in for those who have tokens.
                del row["last_login_at"]
            # A session's counted number makes room for the JWT's `sid`.
            number = row.pop("id", "") if table == "vetassist_sessions" else ""
            moved = {"earlier_id": number} if str(number).isdigit() else {"id": number}
            expected = row | (moved if number else {})
            assert any(expected.items() <= found.items() for found in after[table]), expected
    assert migrate(earlier_phase) == []
    assert contents(earlier_phase) == after


def test_whoever_has_tokens_is_known_to_have_signed_in_so_that_they_are_not_kept_for_ever(
    earlier_phase: str,
) -> None:
    change(earlier_phase, "UPDATE vetassist_users SET last_login_at = NULL")
    migrate(earlier_phase)

    query = """
        SELECT count(*) AS users, count(last_login_at) AS dated
        FROM vetassist_users WHERE id IN (SELECT user_id FROM vetassist_va_tokens)
    """
    (row,) = rows_of(earlier_phase, query)
    assert row["users"] == row["dated"] > 0


async def test_an_adopted_user_is_shown_with_what_was_known_of_it(adopted: Service) -> None:
    user = await user_of(adopted, TAMARA)

    assert user is not None
    assert user.icn == TAMARAS_ICN
    assert user.status in {VeteranStatus.CONFIRMED, VeteranStatus.UNKNOWN}
    assert (user.given_name, user.family_name) == ("Tamara", "Ellis")
    assert user.email == "tamara@veterans.example"
    assert user.last_login_at == datetime(2026, 1, 10, 12, tzinfo=UTC)
    assert user.is_active
    assert await adopted.storage.readiness.failing() == frozenset()


async def test_an_adopted_user_signs_in_as_the_same_user(
    adopted: Service, earlier_phase: str
) -> None:
    long_name = "Ellis-Moore-Lee-Gray-Anderson-" * 4
    users = count_of(earlier_phase, "vetassist_users")
    identity = an_identity(TAMARAS_ICN, family_name=long_name, status=VeteranStatus.NOT_CONFIRMED)
    signed_in = await adopted.sign_in(identity)
    valid = await adopted.validate(signed_in.grant.token)

    assert valid.claims.user_id == TAMARA
    said = jwt.decode(signed_in.grant.token.reveal(), options={"verify_signature": False})
    assert said["va_icn"] == TAMARAS_ICN.value
    user = await user_of(adopted, TAMARA)
    assert user is not None
    assert (user.family_name, user.status) == (long_name, VeteranStatus.NOT_CONFIRMED)
    assert (user.email, user.last_login_at) == (identity.email, NOW)
    assert count_of(earlier_phase, "vetassist_users") == users


async def test_an_adopted_user_logs_out_of_earlier_sessions_too(
    adopted: Service, earlier_phase: str
) -> None:
    grant = (await adopted.sign_in(an_identity(TAMARAS_ICN))).grant
    command = RevokeSessionsCommand(
        user_id=TAMARA, current=grant.session.id, which=Which.ALL, visitor=a_visitor()
    )
    revoked = await adopted.container.revoke_sessions().execute(command)

    # The new one, and the one of the earlier phase that was still running.
    assert len(revoked.session_ids) == 2
    with pytest.raises(UnauthenticatedError):
        await adopted.validate(grant.token)
    running = "SELECT 1 FROM vetassist_sessions WHERE user_id = %s AND revoked_at IS NULL"
    assert rows_of(earlier_phase, running, TAMARA) == []


async def test_sessions_of_an_earlier_phase_are_listed_while_they_run(adopted: Service) -> None:
    (session,) = await adopted.container.list_sessions().execute(TAMARA)

    assert session.token_id == "0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b001"
    assert session.user_agent == "Mozilla/5.0"
    standing = await adopted.storage.session_lookup.find(TAMARA, session.id)
    assert standing is not None
    assert standing.is_active(NOW)
    assert not standing.is_active(session.expires_at)


async def test_new_tokens_replace_those_of_the_earlier_phase(adopted: Service) -> None:
    async with adopted.storage.unit_of_work() as work:
        before = await work.va_tokens.find(TAMARA)
    without_refresh = some_tokens(refresh=False)
    await adopted.sign_in(a_provider_sign_in(an_identity(TAMARAS_ICN), without_refresh))
    async with adopted.storage.unit_of_work() as work:
        kept = await work.va_tokens.find(TAMARA)
        wrapped = await work.data_keys.find(TAMARA)
    with_refresh = some_tokens()
    await adopted.sign_in(a_provider_sign_in(an_identity(TAMARAS_ICN), with_refresh))
    async with adopted.storage.unit_of_work() as work:
        after = await work.va_tokens.find(TAMARA)

    assert before is not None
    assert kept is not None
    assert kept.refresh_token == before.refresh_token
    assert after is not None
    assert after.scope == with_refresh.scope
    assert wrapped is not None
    key = await adopted.container.key_wrapper().unwrap(wrapped)
    cipher = adopted.container.cipher()
    for sealed, field, token in (
        (kept.access_token, TokenField.ACCESS, without_refresh.access_token),
        (after.access_token, TokenField.ACCESS, with_refresh.access_token),
        (after.refresh_token, TokenField.REFRESH, with_refresh.refresh_token),
    ):
        assert sealed is not None
        assert cipher.open(sealed, user_id=TAMARA, key=key, field=field) == token


async def test_a_veteran_of_no_earlier_phase_signs_in_as_a_new_user(
    adopted: Service, earlier_phase: str
) -> None:
    users = count_of(earlier_phase, "vetassist_users")
    grant = (await adopted.sign_in()).grant

    assert (await adopted.validate(grant.token)).claims.session_id == grant.session.id
    assert count_of(earlier_phase, "vetassist_users") == users + 1


async def test_a_subject_in_the_place_of_an_icn_is_nobodys_name(
    adopted: Service, earlier_phase: str
) -> None:
    (row,) = rows_of(earlier_phase, "SELECT va_icn FROM vetassist_users WHERE id = %s", MISNAMED)
    user = await user_of(adopted, MISNAMED)
    assert user is not None
    assert user.icn is None
    # Nobody said that it is active, and nobody disabled it.
    assert user.is_active

    # Not even when VA cannot name the person for the moment.
    identity = an_identity(subject=row["va_icn"])
    half = replace(identity, icn=None, is_complete=False)
    with pytest.raises(SignInFailedError) as failed:
        await adopted.sign_in(half)
    assert failed.value.failure is SignInFailure.PROVIDER_UNAVAILABLE

    # Whoever owns that account is known by the ICN, and is a new user.
    grant = (await adopted.sign_in(identity)).grant
    assert grant.session.user_id != MISNAMED
    assert await user_of(adopted, MISNAMED) == user
    assert (await adopted.sign_in(half)).grant.session.user_id == grant.session.user_id


@pytest.mark.case(79)
@pytest.mark.parametrize("earlier_phase", ["detailed", "quirky"], indirect=True)
async def test_a_user_who_was_disabled_before_stays_so(
    adopted: Service, earlier_phase: str
) -> None:
    before = contents(earlier_phase)
    with pytest.raises(SignInFailedError) as failed:
        await adopted.sign_in(an_identity(JANETS_ICN))

    assert failed.value.failure is SignInFailure.ACCOUNT_DISABLED
    after = contents(earlier_phase)
    assert after["vetassist_users"] == before["vetassist_users"]
    assert after["vetassist_sessions"] == before["vetassist_sessions"]
    (event,) = rows_of(
        earlier_phase, "SELECT * FROM vetassist_auth_audit WHERE event_type = 'login_failed'"
    )
    assert event["event_data"]["error"] == "account_disabled"


async def test_the_trail_goes_on_where_the_earlier_one_ended(
    adopted: Service, earlier_phase: str
) -> None:
    events = count_of(earlier_phase, "vetassist_auth_audit")
    await adopted.sign_in(an_identity(TAMARAS_ICN))
    async with adopted.storage.unit_of_work() as work:
        told = [event.type for event in await work.audit.list_for(TAMARA)]

    # Types that this catalogue does not know stay in the table and are not told.
    assert told.count(AuditEventType.LOGIN) == 2
    assert set(told) <= {
        AuditEventType.LOGIN,
        AuditEventType.LOGOUT,
        AuditEventType.ATTRIBUTES_CHANGED,
    }
    new = (AuditEventType.LOGIN_STARTED, AuditEventType.ATTRIBUTES_CHANGED, AuditEventType.LOGIN)
    assert count_of(earlier_phase, "vetassist_auth_audit") == events + len(new)


@pytest.mark.parametrize("earlier_phase", ["detailed"], indirect=True)
async def test_the_trail_outlives_the_user_it_tells_of(
    adopted: Service, earlier_phase: str
) -> None:
    await adopted.sign_in(an_identity(TAMARAS_ICN))
    events = count_of(earlier_phase, "vetassist_auth_audit")
    change(
        earlier_phase,
        """
        DELETE FROM vetassist_sessions; DELETE FROM vetassist_va_tokens;
        DELETE FROM vetassist_users;
        """,
    )

    assert count_of(earlier_phase, "vetassist_auth_audit") == events


@pytest.mark.parametrize("earlier_phase", ["minimal"], indirect=True)
def test_two_users_of_one_icn_are_a_fault_to_be_told_and_nothing_is_changed(
    earlier_phase: str,
) -> None:
    change(
        earlier_phase,
        "INSERT INTO vetassist_users (id, va_icn) VALUES (gen_random_uuid(), '1012667145V762142')",
    )
    before = contents(earlier_phase)
    with pytest.raises(SchemaError) as fault:
        migrate(earlier_phase)

    assert "va_icn" in str(fault.value)
    assert "1012667145V762142" not in str(fault.value)
    assert "\n" not in str(fault.value)
    assert contents(earlier_phase) == before
    assert rows_of(earlier_phase, "SELECT to_regclass('vetassist_schema_migrations')") == [
        {"to_regclass": None}
    ]


@pytest.mark.parametrize("earlier_phase", ["minimal"], indirect=True)
def test_two_sets_of_tokens_of_one_user_are_a_fault_to_be_told(earlier_phase: str) -> None:
    change(
        earlier_phase,
        """
        ALTER TABLE vetassist_va_tokens DROP CONSTRAINT vetassist_va_tokens_pkey;
        INSERT INTO vetassist_va_tokens SELECT * FROM vetassist_va_tokens;
        """,
    )
    before = contents(earlier_phase)
    with pytest.raises(SchemaError):
        migrate(earlier_phase)

    assert contents(earlier_phase) == before


INSERT_EVENT: Final = """
INSERT INTO vetassist_auth_audit (event_type, event_data) VALUES ('logout', '{}')
"""


def test_the_trail_of_an_earlier_phase_is_a_partition_a_month_with_its_ids(
    earlier_phase: str,
) -> None:
    before = rows_of(earlier_phase, "SELECT id FROM vetassist_auth_audit ORDER BY id")
    migrate(earlier_phase)

    query = "SELECT id, tableoid::regclass::text AS part, created_at FROM vetassist_auth_audit"
    rows = rows_of(earlier_phase, query + " ORDER BY id")
    assert [row["id"] for row in rows] == [row["id"] for row in before]
    for row in rows:
        assert row["part"] == f"vetassist_auth_audit_{row['created_at'].astimezone(UTC):%Y_%m}"
    change(earlier_phase, INSERT_EVENT)
    ids = [row["id"] for row in rows_of(earlier_phase, "SELECT id FROM vetassist_auth_audit")]
    assert len(set(ids)) == len(before) + 1
