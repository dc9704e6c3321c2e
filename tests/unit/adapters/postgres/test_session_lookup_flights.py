"""How look-ups share statements, seen at a pool that answers when it is told to."""

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import psycopg
from anyio.lowlevel import checkpoint

from adapters.postgres.pool import Pool
from adapters.postgres.session_lookup import PostgresSessionLookup
from application.errors import UnavailableError
from domain.session_standing import SessionStanding
from tests.support.builders import NOW, a_session_id, a_user_id
from tests.support.event_loop import pass_time
from tests.support.product import until

NEVER = timedelta(days=1)
A_WHILE = timedelta(seconds=1)


class Statement:
    """One statement on its way."""

    def __init__(self, users: str, sessions: str) -> None:
        self.keys = list(zip(users[1:-1].split(","), sessions[1:-1].split(","), strict=True))
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answer(self) -> None:
        self.answered.set_result(None)

    def break_down(self) -> None:
        self.answered.set_exception(psycopg.OperationalError("the line is dead"))


class Cursor:
    def __init__(self, statements: list[Statement]) -> None:
        self._statements = statements
        self._rows: Sequence[tuple[object, ...]] = ()

    async def execute(self, _query: str, keys: tuple[str, str], *, prepare: bool) -> None:
        assert prepare
        statement = Statement(*keys)
        self._statements.append(statement)
        await statement.answered
        self._rows = [
            (place, NOW, NOW, NOW, NOW, False, None) for place in range(1, len(statement.keys) + 1)
        ]

    async def fetchall(self) -> Sequence[tuple[object, ...]]:
        return self._rows


class Connection:
    def __init__(self, statements: list[Statement]) -> None:
        self._statements = statements
        self._ends: tuple[socket.socket, socket.socket] | None = None

    @property
    def ends(self) -> tuple[socket.socket, socket.socket]:
        """Ours, and the server's."""
        if self._ends is None:
            self._ends = socket.socketpair()
        return self._ends

    def fileno(self) -> int:
        return self.ends[0].fileno()

    def cursor(self, *, binary: bool) -> Cursor:
        assert binary
        return Cursor(self._statements)


class FakePool:
    """Gives out as many connections as are asked for.

    Attributes:
        statements: All that were sent, in order.
        lent: How many connections are out.
    """

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.connections: list[Connection] = []
        self.lent = 0
        self.refusals: deque[Exception] = deque()

    is_certain = True

    def is_current(self, _connection: Connection) -> bool:
        return True

    async def take(self) -> Connection:
        if self.refusals:
            raise self.refusals.popleft()
        self.lent += 1
        self.connections.append(Connection(self.statements))
        return self.connections[-1]

    async def give_back(self, _connection: Connection) -> None:
        self.lent -= 1


class World:
    """A look-up over such a pool, and the callers that ask it."""

    def __init__(self, **options: Any) -> None:
        self.pool = FakePool()
        limits = {"deadline": NEVER, "slow": NEVER, **options}
        self.lookup = PostgresSessionLookup(cast("Pool", self.pool), **limits)
        self.callers: list[asyncio.Task[SessionStanding | None]] = []

    async def ask(self, count: int = 1) -> list[asyncio.Task[SessionStanding | None]]:
        """So many callers ask in the same turn of the event loop."""
        asking = [
            asyncio.create_task(self.lookup.find(a_user_id(), a_session_id())) for _ in range(count)
        ]
        self.callers += asking
        await settled()
        return asking

    async def until_sent(self, count: int) -> list[Statement]:
        await until(lambda: len(self.pool.statements) >= count)
        return self.pool.statements

    async def answer_all(self) -> None:
        while not all(caller.done() for caller in self.callers):
            for statement in list(self.pool.statements):
                if not statement.answered.done():
                    statement.answer()
            await checkpoint()


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await checkpoint()


def sizes(statements: list[Statement]) -> list[int]:
    return [len(statement.keys) for statement in statements]


async def test_look_ups_of_one_turn_share_a_statement() -> None:
    world = World()
    await world.ask(20)

    assert sizes(world.pool.statements) == [20]
    await world.answer_all()


async def test_everybody_hears_of_the_session_they_asked_for() -> None:
    world = World(max_batch=3)
    keys = [(a_user_id(), a_session_id()) for _ in range(10)]
    asking = [asyncio.create_task(world.lookup.find(*key)) for key in keys]
    world.callers += asking
    await world.answer_all()

    heard = [caller.result() for caller in asking]
    assert [(each.user_id, each.session_id) for each in heard if each] == keys


async def test_the_statement_is_sent_after_whoever_it_answers_has_asked() -> None:
    world = World()
    await world.ask()
    (first,) = world.pool.statements
    late = await world.ask()
    first.answer()
    await checkpoint()

    # The answer to the first is not for those who came later.
    assert not late[0].done()
    assert sizes(await world.until_sent(2)) == [1, 1]
    await world.answer_all()


async def test_two_statements_are_under_way_at_once_and_the_others_wait_together() -> None:
    world = World()
    for count in (1, 2, 3, 4):
        await world.ask(count)

    assert sizes(world.pool.statements) == [1, 2]
    world.pool.statements[0].answer()
    assert sizes(await world.until_sent(3)) == [1, 2, 7]
    await world.answer_all()


async def test_a_batch_is_bounded() -> None:
    world = World(max_batch=4, flights=1)
    await world.ask(10)
    await world.answer_all()

    assert sizes(world.pool.statements) == [4, 4, 2]


async def test_a_slow_statement_harms_only_those_who_wait_for_it() -> None:
    world = World(slow=A_WHILE)
    slow = await world.ask(1) + await world.ask(1)
    others = await world.ask(3)
    assert sizes(world.pool.statements) == [1, 1]
    pass_time(A_WHILE)
    statements = await world.until_sent(3)
    statements[2].answer()
    await asyncio.wait(others)

    assert [caller.done() for caller in slow] == [False, False]
    await world.answer_all()


async def test_no_more_connections_are_used_than_allowed() -> None:
    world = World(slow=A_WHILE, max_flights=3)
    for _ in range(8):
        await world.ask()
        pass_time(A_WHILE)
        await settled()

    assert len(world.pool.statements) == world.pool.lent == 3
    await world.answer_all()


async def test_whoever_has_no_answer_in_time_hears_to_try_again() -> None:
    world = World(deadline=A_WHILE)
    (caller,) = await world.ask()
    await world.until_sent(1)
    near, far = world.pool.connections[-1].ends
    with near, far:
        far.setblocking(False)
        pass_time(A_WHILE)
        await until(caller.done)
        assert isinstance(caller.exception(), UnavailableError)

        # Nor does its statement go on for ever: the connection is shut down under it.
        pass_time(A_WHILE)
        await settled()
        assert far.recv(1) == b""
    world.pool.statements[0].break_down()


async def test_a_broken_connection_is_tried_again_once() -> None:
    world = World()
    (caller,) = await world.ask()
    world.pool.statements[0].break_down()
    statements = await world.until_sent(2)
    assert statements[0].keys == statements[1].keys
    statements[1].answer()

    assert (await caller) is not None


async def test_what_breaks_twice_is_not_tried_for_ever() -> None:
    world = World()
    (caller,) = await world.ask()
    for place in range(2):
        (await world.until_sent(place + 1))[place].break_down()
    await asyncio.wait([caller])

    assert isinstance(caller.exception(), UnavailableError)
    assert len(world.pool.statements) == 2


async def test_when_there_is_no_connection_everybody_hears_and_the_next_may_try() -> None:
    world = World()
    world.pool.refusals.append(psycopg.OperationalError("nobody there"))
    refused = await world.ask(3)
    await asyncio.wait(refused)
    assert all(isinstance(caller.exception(), UnavailableError) for caller in refused)

    (later,) = await world.ask()
    world.pool.statements[0].answer()
    assert (await later) is not None


async def test_every_connection_is_given_back() -> None:
    world = World(slow=A_WHILE)
    for count in (5, 3, 1):
        await world.ask(count)
        pass_time(A_WHILE)
    await world.answer_all()
    await settled()

    assert world.pool.lent == 0


async def test_keys_travel_as_an_array_of_uuids() -> None:
    world = World()
    user_id, session_id = a_user_id(), a_session_id()
    world.callers.append(asyncio.create_task(world.lookup.find(user_id, session_id)))
    ((sent_user, sent_session),) = (await world.until_sent(1))[0].keys

    assert (UUID(sent_user), UUID(sent_session)) == (user_id, session_id)
    await world.answer_all()
