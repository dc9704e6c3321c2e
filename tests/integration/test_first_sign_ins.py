"""Many first sign-ins of one Veteran at once, in several processes."""

import json
import os
import subprocess
import sys
from typing import Any, Final

import psycopg
import pytest

from tests.integration.sign_in_worker import GATE
from tests.support.builders import an_icn
from tests.support.databases import rows_of, until_waiting
from tests.support.processes import REPOSITORY

pytestmark = pytest.mark.postgres

PROCESSES: Final = 4
EACH: Final = 25
SIGN_INS: Final = PROCESSES * EACH


@pytest.fixture
def got(own_database: str) -> list[dict[str, str]]:
    """The sessions that the processes got; they began together."""
    worker = [sys.executable, "-m", "tests.integration.sign_in_worker"]
    with psycopg.connect(own_database, autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(%s)", (GATE,))
        process = subprocess.Popen(
            [*worker, own_database, an_icn().value, str(PROCESSES), str(EACH)],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
        )
        until_waiting(gate, PROCESSES)
        gate.execute("SELECT pg_advisory_unlock(%s)", (GATE,))
        sessions: list[dict[str, str]] = json.loads(process.communicate(timeout=60)[0])
    return sessions


@pytest.mark.case(80)
def test_of_100_first_sign_ins_in_4_processes_come_one_user_and_100_sessions(
    own_database: str, got: list[dict[str, str]]
) -> None:
    def found(query: str) -> list[Any]:
        return [next(iter(row.values())) for row in rows_of(own_database, query)]

    (user_id,) = found("SELECT id FROM vetassist_users")
    assert [session["user_id"] for session in got] == [str(user_id)] * SIGN_INS
    session_ids = sorted(session["session_id"] for session in got)
    assert len(set(session_ids)) == SIGN_INS

    sessions = found("SELECT id FROM vetassist_sessions")
    assert sorted(map(str, sessions)) == session_ids
    assert set(found("SELECT user_id FROM vetassist_sessions")) == {user_id}
    logins = found(
        "SELECT event_data ->> 'session_id' FROM vetassist_auth_audit WHERE event_type = 'login'"
    )
    assert sorted(logins) == session_ids
    linked = "SELECT user_id FROM vetassist_auth_audit WHERE event_type = 'va_linked'"
    assert found(linked) == [user_id]
    assert found("SELECT user_id FROM vetassist_va_tokens") == [user_id]
    assert found("SELECT user_id FROM vetassist_va_identities") == [user_id] * SIGN_INS
