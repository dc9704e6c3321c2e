"""PostgreSQL is killed around a COMMIT: what was acknowledged is there, with its audit."""

import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import psycopg
import pytest
from psycopg.abc import PQGen
from psycopg.waiting import Wait

from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Connection, build_pool, opened
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from application.errors import SignInFailedError, UnavailableError
from application.use_cases.revoke_sessions import RevokeSessionsCommand
from domain.session import Session
from domain.sign_in_failure import SignInFailure
from entrypoints.embedded_postgres import embedded_postgres
from tests.support.builders import a_visitor
from tests.support.databases import rows_of
from tests.support.service import Service, a_service
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

_TRIES: Final = 1500
_TRY_SECONDS: Final = 0.02
_CHECKPOINTER: Final = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
#: Each session, with whether it stands, and how often the trail tells of its begin and its end.
SESSIONS: Final = """
SELECT sessions.id,
    revoked_at IS NULL AS stands,
    count(*) FILTER (WHERE event_type = 'login') AS logins,
    count(*) FILTER (WHERE event_type = 'logout') AS logouts
FROM vetassist_sessions AS sessions
FULL JOIN (SELECT * FROM vetassist_auth_audit WHERE event_type IN ('login', 'logout')) AS audit
    ON audit.event_data ->> 'session_id' = sessions.id::text
GROUP BY sessions.id, stands
"""


@pytest.fixture(scope="module")
def mortal_database() -> Iterator[str]:
    """On a server that no other test needs."""
    with (
        tempfile.TemporaryDirectory(prefix="vetassist-") as folder,
        embedded_postgres(Path(folder)) as url,
    ):
        migrate(url)
        yield url


class _Killer:
    """Kills the server's process for one connection, and so brings the whole server down."""

    def __init__(self, when: str) -> None:
        self.has_killed = False
        self._when = when
        self._is_committing = False
        self._pid = 0

    @contextmanager
    def armed(self) -> Iterator[None]:
        wait, commit = Connection.wait, PostgresUnitOfWork.commit

        async def watched(connection: Connection, gen: PQGen[Any], *rest: Any) -> Any:
            if self._is_committing:
                self._pid = connection.info.backend_pid
                self._kill_if("before")
                gen = self._sent(gen)
            return await wait(connection, gen, *rest)

        async def committed(work: PostgresUnitOfWork) -> None:
            self._is_committing = True
            await commit(work)
            self._kill_if("after")
            self._is_committing = False

        with (
            patch.object(Connection, "wait", watched),
            patch.object(PostgresUnitOfWork, "commit", committed),
        ):
            yield

    def _sent(self, gen: PQGen[Any]) -> PQGen[Any]:
        """With nothing left to send, psycopg waits for an answer alone."""
        try:
            wanted = next(gen)
            while True:
                if wanted == Wait.R:
                    self._kill_if("during")
                wanted = gen.send((yield wanted))
        except StopIteration as end:
            return end.value

    def _kill_if(self, when: str) -> None:
        if when == self._when and not self.has_killed:
            self.has_killed = True
            os.kill(self._pid, signal.SIGKILL)


def checkpointer_of(database_url: str) -> int:
    """A process that lives as long as the server does between two crashes."""
    (row,) = rows_of(database_url, _CHECKPOINTER)
    pid: int = row["pid"]
    return pid


def until_recovered(database_url: str, checkpointer: int) -> None:
    """Return once the server has crashed, gone through its log, and answers again."""
    for _ in range(_TRIES):
        with suppress(psycopg.OperationalError):
            if checkpointer_of(database_url) != checkpointer:
                return
        time.sleep(_TRY_SECONDS)
    raise AssertionError("PostgreSQL should be back by now")


async def is_acknowledged(act: Callable[[], Awaitable[object]]) -> bool:
    try:
        await act()
    except UnavailableError:
        return False
    except SignInFailedError as failed:
        if failed.failure is not SignInFailure.SERVICE_UNAVAILABLE:
            raise
        return False
    return True


async def log_out(service: Service, session: Session) -> None:
    command = RevokeSessionsCommand(
        user_id=session.user_id, current=session.id, which=session.id, visitor=a_visitor()
    )
    await service.container.revoke_sessions().execute(command)


def stored(database_url: str) -> dict[UUID, bool]:
    """Whether each session stands, by id; its audit must say the same."""
    sessions = {}
    for row in rows_of(database_url, SESSIONS):
        assert row["id"] is not None, "the trail tells of a session that is not there"
        assert row["logins"] == 1
        assert row["logouts"] == (0 if row["stands"] else 1)
        sessions[row["id"]] = row["stands"]
    return sessions


@pytest.mark.parametrize("when", ["before", "during", "after"])
@pytest.mark.parametrize("act", ["sign-in", "log-out"])
async def test_case_85_when_postgres_is_killed_what_was_acknowledged_is_there_with_its_audit(
    mortal_database: str, act: str, when: str
) -> None:
    async with opened(build_pool(mortal_database, max_size=2)) as pool:
        await pool.wait()
        service = a_service(postgres_storage(pool))
        session = (await service.sign_in()).grant.session
        begun = await service.begin()
        before = stored(mortal_database)
        checkpointer = checkpointer_of(mortal_database)
        killer = _Killer(when)
        happen: Callable[[], Awaitable[object]] = (
            partial(service.complete, begun.callback())
            if act == "sign-in"
            else partial(log_out, service, session)
        )
        with killer.armed():
            acknowledged = await is_acknowledged(happen)
        assert killer.has_killed

        until_recovered(mortal_database, checkpointer)
        after = stored(mortal_database)
        has_happened = after != before
        assert before.keys() <= after.keys()
        assert {each for each in before if before[each] != after[each]} <= {session.id}
        if when == "during":
            assert has_happened or not acknowledged
        else:
            assert has_happened is acknowledged is (when == "after")
