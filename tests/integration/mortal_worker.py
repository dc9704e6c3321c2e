"""A service that is killed at every step of an act, each time anew, and a look at what is left.

    python -m tests.integration.mortal_worker APPLICATION_URL OWNER_URL [every]

Reads the names of acts, a line each, and answers each with a line of JSON: what the act does when
nobody kills it, and what was found after each kill. A step is an exchange with PostgreSQL; the
process dies when all of it is sent and nothing has come back, and when its answer has just come:
so, but for the very first, before the next one too. With ``every``, it dies before and after each
statement as well that is sent along and not waited for.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from psycopg.waiting import Wait

from adapters.postgres.pool import build_pool, opened
from application.errors import UnauthenticatedError
from application.sign_in_errors import SignInFailedError
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand
from domain.identifiers import ICN
from domain.session_grant import SessionGrant
from domain.sign_in_failure import SignInFailure
from tests.support.audited_acts import ACTS, Act
from tests.support.builders import a_visitor, an_identity
from tests.support.dump import rows_seen_by
from tests.support.event_loop import new_runner, run
from tests.support.service import Service, a_service
from tests.support.storage import postgres_storage

_VICTIM: Final = "mortal"
_AUDIT: Final = "vetassist_auth_audit"
_FORK: Final = multiprocessing.get_context("fork")
_TRIES: Final = 3000
_TRY_SECONDS: Final = 0.002

_STRAYS: Final = """
SELECT id FROM vetassist_sessions AS sessions
FULL JOIN (
    SELECT (event_data ->> 'session_id')::uuid AS id, count(*) AS events
    FROM vetassist_auth_audit WHERE event_type = 'login' GROUP BY 1
) AS logins USING (id)
WHERE sessions.user_id IS NULL OR events IS DISTINCT FROM 1
"""

#: So that no act finds what another one left.
_EMPTY: Final = """
TRUNCATE vetassist_users, vetassist_auth_audit, vetassist_login_attempts,
    vetassist_service_clients CASCADE
"""
_TRAIL: Final = "SELECT event_type FROM vetassist_auth_audit ORDER BY row_number OFFSET %s"
_SERVED: Final = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"


#: The number of an exchange, and when.
Moment = tuple[int, int]
_BEFORE, _SENT, _AFTER = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found when the process was gone.

    Attributes:
        moment: When it was to be killed; None when it was not.
        changed: Which tables are other than before, but for what the act uses up in any case.
        told: The types of the events that the trail has more than before, in order.
        strays: Sessions without exactly one event of their sign-in, and such events without one;
            those that a purge removed are none.
        is_back: Whether everybody whom it concerns signs in again, or is told they may not.
        is_shut_out: Whether what had been revoked before is still refused.
    """

    moment: Moment | None
    changed: list[str]
    told: list[str]
    strays: int
    is_back: bool
    is_shut_out: bool


class _Failpoint:
    """Counts the exchanges with the database, and dies at one moment of one of them.

    What is on its way may have come before anybody waits for it: who misses the moment dies at
    the next one, and at the end of the act in any case.
    """

    def __init__(self, fatal: Moment | None) -> None:
        self.seen: list[Moment] = []
        self._fatal = fatal
        self._exchanges = 0

    @contextmanager
    def armed(self) -> Iterator[None]:
        wait = psycopg.AsyncConnection.wait

        async def watched(
            connection: psycopg.AsyncConnection[Any], gen: PQGen[Any], *rest: Any, **options: Any
        ) -> Any:
            self._exchanges += 1
            self._reach(_BEFORE)
            answer = await wait(connection, self._sent(gen), *rest, **options)
            self._reach(_AFTER)
            return answer

        with patch.object(psycopg.AsyncConnection, "wait", watched):
            yield

    def end(self) -> None:
        """All is done, and nobody has heard of it yet."""
        self._exchanges += 1
        self._reach(_BEFORE)

    def _sent(self, gen: PQGen[Any]) -> PQGen[Any]:
        """The same exchange; with nothing left to send, psycopg waits for an answer alone."""
        is_sent = False
        try:
            wanted = next(gen)
            while True:
                if wanted == Wait.R and not is_sent:
                    is_sent = True
                    self._reach(_SENT)
                wanted = gen.send((yield wanted))
        except StopIteration as end:
            return end.value

    def _reach(self, when: int) -> None:
        moment = (self._exchanges, when)
        self.seen.append(moment)
        if self._fatal is not None and moment >= self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def _live(url: str, act: Act, fatal: Moment | None, parent: Connection) -> None:
    run(_act(make_conninfo(url, application_name=_VICTIM), act, fatal, parent))


async def _act(url: str, act: Act, fatal: Moment | None, parent: Connection) -> None:
    async with opened(build_pool(url, max_size=1)) as pool:
        await pool.wait()
        scene = await act.set_up(a_service(postgres_storage(pool)))
        parent.send(None)
        parent.recv()
        failpoint = _Failpoint(fatal)
        with failpoint.armed(), suppress(*([scene.ends_in] if scene.ends_in else [])):
            await scene.happen()
        failpoint.end()
        parent.send(failpoint.seen)


def _answered(moments: list[Moment]) -> list[Moment]:
    """The first, those about an answer, and the last."""
    answered = {exchange for exchange, when in moments if when == _SENT}
    return [
        moments[0],
        *(each for each in moments if each[0] in answered and each[1] != _BEFORE),
        moments[-1],
    ]


class _Onlooker:
    """Lets the act happen in a process of its own, and looks at the database before and after."""

    def __init__(
        self, url: str, eyes: psycopg.Connection[Any], service: Service, runner: asyncio.Runner
    ) -> None:
        self._url = url
        self._eyes = eyes
        self._service = service
        self._runner = runner
        self._gone: SessionGrant

    def watch(self, act: Act, *, every: bool) -> list[Found]:
        """What is found after a life of its own, and then after each of its deaths."""
        self._eyes.execute(_EMPTY)
        self._gone = self._runner.run(self._logged_out())
        moments, found = self._after(act, None)
        chosen = moments if every else _answered(moments)
        return [found, *(self._after(act, moment)[1] for moment in chosen)]

    def _after(self, act: Act, fatal: Moment | None) -> tuple[list[Moment], Found]:
        ours, theirs = _FORK.Pipe()
        known = self._users()
        process = _FORK.Process(target=_live, args=(self._url, act, fatal, theirs))
        process.start()
        theirs.close()
        ours.recv()
        before = rows_seen_by(self._eyes, but=act.uses_up)
        icns = {icn for user, icn in self._users().items() if user not in known}
        told_before = len(self._trail())
        ours.send(None)
        process.join()
        if process.exitcode != (-signal.SIGKILL if fatal else 0):
            raise RuntimeError(f"{fatal}: exit status {process.exitcode}")
        seen: list[Moment] = [] if fatal else ours.recv()
        self._until_rolled_back()
        after = rows_seen_by(self._eyes, but=act.uses_up)
        icns |= {icn for user, icn in self._users().items() if user not in known}
        return seen, Found(
            moment=fatal,
            changed=sorted(
                table
                for table, rows in after.items()
                if not table.startswith(_AUDIT) and rows != before[table]
            ),
            told=self._trail(after=told_before),
            strays=self._strays(act),
            is_back=self._runner.run(self._all_sign_in(icns)),
            is_shut_out=self._runner.run(self._is_shut_out()),
        )

    def _users(self) -> dict[UUID, str | None]:
        """The ICN of each user, by id."""
        return dict(self._eyes.execute("SELECT id, va_icn FROM vetassist_users"))

    def _trail(self, *, after: int = 0) -> list[str]:
        """The types of the events but for so many, oldest first."""
        return [kind for (kind,) in self._eyes.execute(_TRAIL, (after,))]

    def _strays(self, act: Act) -> int:
        if act.use_case == "purge_expired":
            return 0
        return len(self._eyes.execute(_STRAYS).fetchall())

    def _until_rolled_back(self) -> None:
        """PostgreSQL may be at it still when its client is dead."""
        for _ in range(_TRIES):
            if not self._eyes.execute(_SERVED, (_VICTIM,)).fetchall():
                return
            time.sleep(_TRY_SECONDS)
        raise RuntimeError("PostgreSQL still serves the dead")

    async def _logged_out(self) -> SessionGrant:
        grant = (await self._service.sign_in()).grant
        session = grant.session
        command = RevokeSessionsCommand(
            user_id=session.user_id, current=session.id, which=session.id, visitor=a_visitor()
        )
        await self._service.container.revoke_sessions().execute(command)
        return grant

    async def _all_sign_in(self, icns: set[str | None]) -> bool:
        for icn in icns:
            if icn is None:
                continue
            try:
                grant = (await self._service.sign_in(an_identity(ICN(icn)))).grant
            except SignInFailedError as failed:
                if failed.failure is not SignInFailure.ACCOUNT_DISABLED:
                    return False
            else:
                await self._service.validate(grant.token)
        return True

    async def _is_shut_out(self) -> bool:
        renewal = RenewSessionCommand(refresh_token=self._gone.refresh_token, visitor=a_visitor())
        for attempt in (
            self._service.validate(self._gone.token),
            self._service.container.renew_session().execute(renewal),
        ):
            try:
                await attempt
            except UnauthenticatedError:
                continue
            return False
        return True


def _main(url: str, owner_url: str, *every: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as eyes, new_runner() as runner:
        pool = build_pool(url, max_size=2)
        runner.run(pool.open())
        runner.run(pool.wait())
        onlooker = _Onlooker(url, eyes, a_service(postgres_storage(pool)), runner)
        for line in sys.stdin:
            found = onlooker.watch(ACTS[line.strip()], every=bool(every))
            print(json.dumps([asdict(each) for each in found]), flush=True)  # noqa: T201
        runner.run(pool.close())


if __name__ == "__main__":
    _main(*sys.argv[1:])
