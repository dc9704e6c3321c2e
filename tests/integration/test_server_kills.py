"""PostgreSQL is killed around a COMMIT: what was acknowledged is there, with its audit."""

import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final, final
from uuid import UUID

import psycopg
import pytest

from adapters.postgres.migrations import migrate
from adapters.postgres.pool import build_pool, opened
from application.errors import UnavailableError
from application.sign_in_errors import SignInFailedError
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand
from domain.session import Session
from domain.sign_in_failure import SignInFailure
from tests.support.builders import a_visitor
from tests.support.clusters import mortal_server
from tests.support.databases import rows_of
from tests.support.postgres_wire import CommitMoment, tapped
from tests.support.service import Service, a_service
from tests.support.storage import postgres_storage

pytestmark = pytest.mark.postgres

_TRIES: Final = 3000
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
    with mortal_server() as server:
        migrate(server.url)
        yield server.url


@final
class _Killer:
    """Kills the server process of one connection, which makes the whole server crash."""

    def __init__(self, moment: CommitMoment) -> None:
        self.has_killed = False
        self._moment = moment

    def __call__(self, moment: CommitMoment, process: int) -> None:
        """Kill at the first COMMIT that reaches the moment."""
        if moment is self._moment and not self.has_killed:
            self.has_killed = True
            os.kill(process, signal.SIGKILL)


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


@pytest.mark.case(85)
@pytest.mark.parametrize("moment", CommitMoment)
@pytest.mark.parametrize("act", ["sign-in", "log-out"])
async def test_when_postgres_is_killed_what_was_acknowledged_is_there_with_its_audit(
    mortal_database: str, act: str, moment: CommitMoment
) -> None:
    async with (
        tapped(mortal_database) as wire,
        opened(build_pool(wire.database_url, max_size=2)) as pool,
    ):
        await pool.wait()
        service = a_service(postgres_storage(pool))
        session = (await service.sign_in()).grant.session
        begun = await service.begin()
        before = stored(mortal_database)
        checkpointer = checkpointer_of(mortal_database)
        happen: Callable[[], Awaitable[object]] = (
            partial(service.complete, begun.callback())
            if act == "sign-in"
            else partial(log_out, service, session)
        )
        killer = wire.on_commit = _Killer(moment)
        acknowledged = await is_acknowledged(happen)
        assert killer.has_killed

        until_recovered(mortal_database, checkpointer)
        after = stored(mortal_database)
        has_happened = after != before
        assert before.keys() <= after.keys()
        assert {each for each in before if before[each] != after[each]} <= {session.id}
        if moment is CommitMoment.RECEIVED:
            assert has_happened or not acknowledged
        else:
            assert has_happened is acknowledged is (moment is CommitMoment.ANSWERED)
