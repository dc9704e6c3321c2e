"""The same measurements with databases of different sizes."""

import asyncio
import itertools
import subprocess
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import psycopg

from benchmarks.bench import Bench
from benchmarks.figures import Section, Spread, Table, Target
from benchmarks.http_client import Connection
from benchmarks.load import Callers, Measured
from benchmarks.processes import REPOSITORY, VETASSIST, BenchmarkError, Server
from benchmarks.reference_app import DATABASE, SECRET
from benchmarks.rounds import Results, in_turns
from benchmarks.sessions import store_for_one_user, store_past_retention, token
from benchmarks.suites.sign_in import storage_figures

_MIB: Final = 1024 * 1024
_MILLISECONDS: Final = 1000
_LEAST_SHARE: Final = 0.9
_SIGN_INS_AT_ONCE: Final = 8
_SIZES: Final = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relkind IN ('r', 'i') AND (relname = 'vetassist_sessions' OR oid IN (
    SELECT indexrelid FROM pg_index WHERE indrelid = 'vetassist_sessions'::regclass
))
ORDER BY relkind DESC, relname
"""


def measure(bench: Bench) -> Section:
    """Measures all sizes in turns, and then the purge of the largest."""
    plan = bench.plan
    databases = {f"{rows:,}": bench.database(f"sessions_{rows}", rows) for rows in plan.rows}
    sizes = {name: _sizes(url) for name, url in databases.items()}
    results = _in_turns(bench, databases)
    smallest, *_, largest = databases
    share = results.ratio(largest, smallest, "rate")
    return Section(
        tables=[
            _speed(results, databases),
            _space(sizes),
            _purge(bench, databases[largest], largest),
        ],
        targets=[
            Target(
                aim=f"{largest} sessions: verify at least {_LEAST_SHARE} times as fast as with "
                f"{smallest}",
                figure=share.shown(2),
                is_met=share.median >= _LEAST_SHARE,
            )
        ],
    )


def _in_turns(bench: Bench, databases: Mapping[str, str]) -> Results:
    plan = bench.plan
    numbers = itertools.count(step=plan.sign_ins)
    tokens = {name: bench.tokens_file(url) for name, url in databases.items()}

    def figures(name: str) -> dict[str, float]:
        url = databases[name]
        callers = Callers(connections=plan.busiest, tokens=tokens[name])
        with bench.service(url) as service:
            # The service must see every token once before the measurement.
            bench.load.put(f"{service.url}/api/v1/verify", callers, plan.seconds)
            measured = bench.load.put(f"{service.url}/api/v1/verify", callers, plan.seconds)
            revoked = asyncio.run(_revoke_all(bench, service, url))
        sign_ins = storage_figures(bench, url, at_once=_SIGN_INS_AT_ONCE, first=next(numbers))
        return {
            "rate": measured.rate,
            "p99": measured.p99_ms,
            "sign-ins": sign_ins["rate"],
            "revoke-all": revoked,
        }

    return in_turns([*databases], plan.rounds, figures, bench.say)


async def _revoke_all(bench: Bench, service: Server, database: str) -> float:
    """Returns the milliseconds that it takes to end all sessions of a user with many."""
    user_id, session_id, token_id = store_for_one_user(database, bench.plan.sessions_of_one_user)
    jwt = token(user_id, session_id, token_id, bench.environment[SECRET], int(time.time()))
    async with Connection.to(service.url) as connection:
        began = time.perf_counter()
        answer = await connection.request(
            "DELETE", "/api/v1/sessions", headers={"Authorization": f"Bearer {jwt}"}
        )
        took = time.perf_counter() - began
    if answer.status != HTTPStatus.NO_CONTENT:
        raise BenchmarkError(f"ending every session was answered with {answer.status}")
    return took * _MILLISECONDS


def _sizes(database: str) -> dict[str, int]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute(_SIZES).fetchall())


def _speed(results: Results, names: Mapping[str, str]) -> Table:
    smallest = next(iter(names))
    wanted = (
        ("verify, answers per second", "rate", 0),
        ("verify, 99th percentile, ms", "p99", 2),
        ("first sign-ins per second (storage)", "sign-ins", 0),
        ("ending every session of a user who has many, ms", "revoke-all", 1),
    )
    rows = [
        (title, *(results.spread(name, figure).shown(digits) for name in names))
        for title, figure, digits in wanted
    ]
    ratio = (
        "verify, relative to the smallest",
        *(results.ratio(name, smallest, "rate").shown(2) for name in names),
    )
    return Table(title="Sessions stored", head=("", *names), rows=[rows[0], ratio, *rows[1:]])


def _space(sizes: Mapping[str, Mapping[str, int]]) -> Table:
    relations = [*next(iter(sizes.values()))]
    return Table(
        title="Table and indexes, MiB",
        head=("", *sizes),
        rows=[
            (f"`{relation}`", *(f"{each[relation] / _MIB:,.1f}" for each in sizes.values()))
            for relation in relations
        ],
    )


def _purge(bench: Bench, database: str, name: str) -> Table:
    """Measures validations at full speed before and during a purge."""
    plan = bench.plan
    bench.say(f"  storing {plan.purged_rows:,} sessions that are past their retention")
    store_past_retention(database, plan.purged_rows)
    callers = Callers(connections=plan.busiest, tokens=bench.tokens_file(database))
    with bench.service(database) as service:
        url = f"{service.url}/api/v1/verify"
        bench.load.put(url, callers, plan.seconds)
        before = [bench.load.put(url, callers, plan.seconds) for _ in range(plan.rounds)]
        bench.say("  purging")
        began = time.perf_counter()
        purging = subprocess.Popen(
            [VETASSIST, "purge"],
            env=bench.environment | {DATABASE: database},
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        during: list[Measured] = []
        while not during or purging.poll() is None:
            during.append(bench.load.put(url, callers, plan.seconds))
        output, _ = purging.communicate()
        seconds = time.perf_counter() - began
    if f"{plan.purged_rows} sessions" not in output:
        raise BenchmarkError(f"the purge removed something else: {output}")
    return Table(
        title=f"Purge of {plan.purged_rows:,} sessions among {name}, in {seconds:,.0f} s "
        f"({plan.purged_rows / seconds:,.0f} a second)",
        head=("", "Verify, answers per second", "99th percentile, ms"),
        rows=[_row("before the purge", before), _row("during the purge", during)],
    )


def _row(when: str, measured: Sequence[Measured]) -> tuple[str, str, str]:
    return (
        when,
        Spread(tuple(each.rate for each in measured)).shown(),
        Spread(tuple(each.p99_ms for each in measured)).shown(2),
    )
