"""Looks up sessions in PostgreSQL, strictly, and many at a time.

Each look-up is answered by a statement that was sent after the look-up began, so it sees every
revocation that was acknowledged before. Look-ups that arrive while the event loop is busy, or
while statements are running, share the next statement. The more callers there are, the fewer
statements each of them costs.

The names come from air travel. Look-ups wait in a *batch*. A *flight* is a task that takes one
connection and answers batch after batch. A flight that was started but has no connection yet is
*boarding*: look-ups can still join its batch.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, final
from uuid import UUID

from adapters.postgres.deadline import sever
from adapters.postgres.errors import translated_errors
from adapters.postgres.front_ends import front_end_id_of
from adapters.postgres.pool import Connection, Pool
from application.errors import UnavailableError
from application.ports.session_lookup import SessionLookup
from domain.identifiers import SessionId, UserId
from domain.session_standing import SessionStanding

# One index probe a session, whatever the planner thinks of the arrays' lengths. It names the
# user, so it can be routed where the sessions are distributed by user.
_SELECT: Final = """
SELECT
    wanted.ordinal,
    found.created_at,
    coalesce(found.renewed_at, found.created_at),
    found.expires_at,
    coalesce(found.absolute_expires_at, found.expires_at),
    found.revoked_at IS NOT NULL,
    found.front_end_id
FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS wanted (user_id, id, ordinal)
CROSS JOIN LATERAL (
    SELECT created_at, renewed_at, expires_at, absolute_expires_at, revoked_at, front_end_id
    FROM vetassist_sessions
    WHERE user_id = wanted.user_id AND id = wanted.id
    LIMIT 1
) AS found
"""
#: If a statement takes longer, another flight starts, so that only its own look-ups wait for it.
SLOW: Final = timedelta(milliseconds=20)
#: A look-up that has no answer by then fails.
DEADLINE: Final = timedelta(seconds=2)
MAX_BATCH: Final = 256
#: While the server works on one statement, this process works on the answers of the other.
FLIGHTS: Final = 2
#: The maximum if some of them are slow.
MAX_FLIGHTS: Final = 4
# A broken connection may be noticed only when it is used.
_TRIES: Final = 2

_Answer = asyncio.Future[SessionStanding | None]


class _Batch:
    """Look-ups that share one statement."""

    def __init__(self, opened_at: float) -> None:
        self.opened_at = opened_at
        self.keys: list[tuple[UserId, SessionId]] = []
        self.answers: list[_Answer] = []
        self.tries = 0
        self.is_over = False
        self.timer: asyncio.TimerHandle | None = None
        self.connection: Connection | None = None
        self.sent_at = 0.0

    def add(self, user_id: UserId, session_id: SessionId, answer: _Answer) -> None:
        self.keys.append((user_id, session_id))
        self.answers.append(answer)

    def close(self, found: Mapping[int, SessionStanding]) -> None:
        """Answer each look-up with what was found at its place, or with None."""
        for place, answer in enumerate(self.answers):
            if not answer.done():
                answer.set_result(found.get(place))
        self._end()

    def fail(self, cause: BaseException | None = None) -> None:
        """Fail each look-up that has no answer yet."""
        for answer in self.answers:
            if not answer.done():
                error = UnavailableError("session_lookup")
                error.__cause__ = cause
                answer.set_exception(error)
        self._end()

    def _end(self) -> None:
        self.is_over = True
        if self.timer is not None:
            self.timer.cancel()


@final
class PostgresSessionLookup(SessionLookup):
    """Look-ups that share statements, on their own connections to the primary."""

    def __init__(
        self,
        pool: Pool,
        *,
        deadline: timedelta = DEADLINE,
        slow: timedelta = SLOW,
        max_batch: int = MAX_BATCH,
        flights: int = FLIGHTS,
        max_flights: int = MAX_FLIGHTS,
    ) -> None:
        self._pool = pool
        self._deadline = deadline.total_seconds()
        self._slow = slow.total_seconds()
        self._max_batch = max_batch
        self._usual_flights = min(flights, max_flights)
        self._max_flights = max_flights
        self._waiting: deque[_Batch] = deque()
        self._flights: set[asyncio.Task[None]] = set()
        self._boarding: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._helper: asyncio.TimerHandle | None = None

    async def find(self, user_id: UserId, session_id: SessionId) -> SessionStanding | None:
        # Asked for once: on Python 3.11 each question costs a system call.
        loop = self._loop = self._loop or asyncio.get_running_loop()
        answer: _Answer = loop.create_future()
        self._open_batch(loop).add(user_id, session_id, answer)
        self._board(loop)
        return await answer

    def _open_batch(self, loop: asyncio.AbstractEventLoop) -> _Batch:
        """The batch that has not left yet and has room."""
        if self._waiting:
            newest = self._waiting[-1]
            if not newest.is_over and len(newest.keys) < self._max_batch:
                return newest
        batch = _Batch(loop.time())
        batch.timer = loop.call_later(self._deadline, self._give_up, batch)
        self._waiting.append(batch)
        return batch

    def _give_up(self, batch: _Batch) -> None:
        """Fail the batch at its deadline, and don't let its flight wait much longer."""
        batch.fail()
        if batch.connection is not None:
            loop = asyncio.get_running_loop()
            loop.call_at(batch.sent_at + self._deadline, _sever_if_under_way, batch)

    def _board(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start a flight for the waiting batches now, or as soon as a statement is slow."""
        if self._boarding is not None:
            return
        if len(self._flights) < self._usual_flights:
            self._take_off(loop)
        elif self._helper is None:
            self._helper = loop.call_later(self._slow, self._help_out, loop)

    def _take_off(self, loop: asyncio.AbstractEventLoop) -> None:
        # The task runs after this turn of the event loop, so the turn's other look-ups join it.
        task = self._boarding = loop.create_task(self._fly())
        self._flights.add(task)
        task.add_done_callback(self._land)

    def _land(self, task: asyncio.Task[None]) -> None:
        self._flights.discard(task)
        if self._boarding is task:
            self._boarding = None
        if self._waiting:
            self._board(task.get_loop())

    def _help_out(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start another flight if the oldest batch has waited too long."""
        self._helper = None
        if not self._waiting:
            return
        is_late = loop.time() - self._waiting[0].opened_at >= self._slow
        if is_late and self._boarding is None and len(self._flights) < self._max_flights:
            self._take_off(loop)
        self._helper = loop.call_later(self._slow, self._help_out, loop)

    async def _fly(self) -> None:
        """Answer batch after batch on one connection, until none is waiting."""
        batch: _Batch | None = None
        try:
            with translated_errors():
                # Each statement commits by itself: there is nothing for the pool to end.
                connection = await self._pool.take()
                self._boarding = None
                try:
                    # A former primary answers nothing more. Another flight follows.
                    while self._waiting and self._pool.is_current(connection):
                        batch = self._waiting.popleft()
                        if not batch.is_over:
                            await _ask(connection, batch)
                finally:
                    await self._pool.give_back(connection)
        except UnavailableError as error:
            self._try_again_or_fail(batch, error)
        except BaseException as error:
            self._fail_all(batch, error)
            raise

    def _try_again_or_fail(self, batch: _Batch | None, error: UnavailableError) -> None:
        if batch is None or batch.tries + 1 >= _TRIES:
            self._fail_all(batch, error)
            return
        batch.tries += 1
        self._waiting.appendleft(batch)

    def _fail_all(self, batch: _Batch | None, error: BaseException) -> None:
        """Fail the batch, or without one everything that waits: there is no connection."""
        if batch is not None:
            batch.fail(error)
            return
        while self._waiting:
            self._waiting.popleft().fail(error)


def _sever_if_under_way(batch: _Batch) -> None:
    if batch.connection is not None:
        sever(batch.connection)


async def _ask(connection: Connection, batch: _Batch) -> None:
    keys = batch.keys
    users, sessions = _array(key[0] for key in keys), _array(key[1] for key in keys)
    cursor = connection.cursor(binary=True)
    batch.connection, batch.sent_at = connection, asyncio.get_running_loop().time()
    try:
        await cursor.execute(_SELECT, (users, sessions), prepare=True)
        rows = await cursor.fetchall()
    finally:
        batch.connection = None
    found = {}
    for ordinal, issued_at, renewed_at, expires_at, absolute, is_revoked, front_end in rows:
        user_id, session_id = keys[ordinal - 1]
        found[ordinal - 1] = SessionStanding(
            session_id=session_id,
            user_id=user_id,
            issued_at=issued_at,
            renewed_at=renewed_at,
            expires_at=expires_at,
            absolute_expires_at=absolute,
            is_revoked=is_revoked,
            front_end=front_end_id_of(front_end),
        )
    batch.close(found)


def _array(ids: Iterable[UUID]) -> str:
    """A PostgreSQL array literal, made several times as fast as by psycopg."""
    return "{" + ",".join([f"{each.int:032x}" for each in ids]) + "}"
