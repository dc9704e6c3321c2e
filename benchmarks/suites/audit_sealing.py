"""Sealing the audit trail: during a steady stream of events, and of a backlog at full speed."""

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from benchmarks.bench import Bench
from benchmarks.figures import Section, Spread, Table, Target
from benchmarks.processes import VETASSIST

#: The rate that sealing must keep up with.
EVENTS_A_SECOND: Final = 2_000
_AT_ONCE: Final = 20
_WRITERS: Final = 4
_LOOKS: Final = 120
_LOOK_SECONDS: Final = 0.25
# The row is as large as that of a sign-in.
_INSERT: Final = """
INSERT INTO vetassist_auth_audit
    (user_id, event_type, event_data, ip_hash, user_agent_hash, hash_key_id, request_id)
SELECT gen_random_uuid(), 'login',
    '{"method": "va_oauth", "session_id": "0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b001"}',
    repeat('ab', 32), repeat('cd', 32), repeat('0', 16), '0123456789ab-1'
"""
_WAITING: Final = """
SELECT count(*) FROM vetassist_auth_audit AS audit WHERE NOT EXISTS (
    SELECT FROM vetassist_audit_leaves WHERE audit_row = audit.row_number
)
"""
_SEALED: Final = "SELECT coalesce(max(total), 0) FROM vetassist_audit_batches"


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """The results of a stream.

    Attributes:
        rate: The events written per second, each in its own transaction.
        most_waiting: The largest number of unsealed rows that was seen.
        seconds_after: The time from the last event until everything was sealed.
    """

    rate: float
    most_waiting: int
    seconds_after: float


def measure(bench: Bench) -> Section:
    """Measures all streams, then all backlogs."""
    streams = [_stream(bench, number) for number in range(bench.plan.rounds)]
    backlogs = [_backlog(bench, number) for number in range(bench.plan.rounds)]
    after = Spread(tuple(each.seconds_after for each in streams))
    backlog = Spread(tuple(backlogs))
    return Section(
        tables=[
            Table(
                title=f"A stream of {EVENTS_A_SECOND:,} events a second, sealed every second by "
                "one server process",
                head=("", ""),
                rows=[
                    ("events written a second", _shown(streams, "rate")),
                    ("most rows waiting at any moment", _shown(streams, "most_waiting")),
                    ("seconds from the last event until all are sealed", after.shown(1)),
                ],
            ),
            Table(
                title=f"A backlog of {bench.plan.audit_rows:,} rows, by `vetassist audit seal`",
                head=("", ""),
                rows=[("rows sealed a second, including the command's start", backlog.shown())],
            ),
        ],
        targets=[
            Target(
                aim=f"sealing keeps up with {EVENTS_A_SECOND:,} events a second",
                figure=f"{backlog.shown()} a second",
                is_met=backlog.median >= EVENTS_A_SECOND,
            )
        ],
    )


def _stream(bench: Bench, number: int) -> Streamed:
    database = bench.database(f"audit_stream_{number}")
    settings = {"audit_seal_interval_seconds": 1}
    with bench.service(database, settings=settings):
        return asyncio.run(_watched(database, bench.plan.audit_seconds))


async def _watched(database: str, seconds: float) -> Streamed:
    most_waiting = 0
    connection = await psycopg.AsyncConnection.connect(database, autocommit=True)
    async with connection:

        async def waiting() -> int:
            row = await (await connection.execute(_WAITING.encode())).fetchone()
            return row[0] if row else 0

        began = time.perf_counter()
        per_writer = int(EVENTS_A_SECOND * seconds) // _WRITERS
        writers = [asyncio.create_task(_write(database, per_writer)) for _ in range(_WRITERS)]
        while not all(writer.done() for writer in writers):
            await asyncio.sleep(_LOOK_SECONDS)
            most_waiting = max(most_waiting, await waiting())
        await asyncio.gather(*writers)
        ended = time.perf_counter()
        for _ in range(_LOOKS):
            if not await waiting():
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return Streamed(
            rate=per_writer * _WRITERS / (ended - began),
            most_waiting=most_waiting,
            seconds_after=time.perf_counter() - ended,
        )


async def _write(database: str, events: int) -> None:
    """Writes events at a steady pace, each in its own transaction."""
    # The speed of the disk doesn't matter here.
    url = make_conninfo(database, options="-c synchronous_commit=off")
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    pause = _AT_ONCE * _WRITERS / EVENTS_A_SECOND
    began = time.perf_counter()
    async with connection:
        for turn in itertools.count(1):
            async with connection.pipeline():
                for _ in range(min(_AT_ONCE, events)):
                    await connection.execute("BEGIN")
                    await connection.execute(_INSERT.encode())
                    await connection.execute("COMMIT")
            events -= _AT_ONCE
            if events <= 0:
                return
            await asyncio.sleep(max(0, began + turn * pause - time.perf_counter()))


def _backlog(bench: Bench, number: int) -> float:
    """Returns how many rows of a backlog are sealed per second."""
    rows = bench.plan.audit_rows
    database = bench.database(f"audit_backlog_{number}")
    with psycopg.connect(database) as connection:
        many = f"{_INSERT} FROM generate_series(1, {rows})"
        connection.execute(many.encode())
    began = time.perf_counter()
    bench.command(database, VETASSIST, "audit", "seal")
    seconds = time.perf_counter() - began
    with psycopg.connect(database) as connection:
        row = connection.execute(_SEALED.encode()).fetchone()
    assert row == (rows,), "everything is sealed"
    return rows / seconds


def _shown(streams: list[Streamed], figure: str) -> str:
    return Spread(tuple(float(getattr(each, figure)) for each in streams)).shown()
