"""Several processes that sign the same Veteran in at the same time.

    python -m tests.integration.sign_in_worker DATABASE_URL ICN PROCESSES COUNT

Each signs in COUNT times at once, as soon as nobody holds the gate any more. Prints the
sessions that all of them got as JSON.
"""

import asyncio
import json
import multiprocessing
import sys
from typing import Final

from psycopg.conninfo import make_conninfo

from adapters.postgres.pool import Pool, build_pool, opened
from domain.identifiers import ICN
from tests.support.builders import an_identity
from tests.support.event_loop import run
from tests.support.service import a_service
from tests.support.storage import postgres_storage

#: An advisory lock: whoever holds it exclusively keeps every process back.
GATE: Final = 20_260_120
#: All of them want the same row. That each gets its turn is the point, not how soon.
_PATIENCE_SECONDS: Final = 60

_Sessions = list[dict[str, str]]


def _sign_in(database_url: str, icn: str, count: int) -> _Sessions:
    return run(_sign_in_at_once(database_url, ICN(icn), count))


async def _sign_in_at_once(database_url: str, icn: ICN, count: int) -> _Sessions:
    patient = make_conninfo(database_url, options=f"-c lock_timeout={_PATIENCE_SECONDS}s")
    pool = build_pool(patient, max_size=8)
    pool.timeout = _PATIENCE_SECONDS
    async with opened(pool):
        await pool.wait()
        service = a_service(postgres_storage(pool))
        begun = [await service.begin(an_identity(icn)) for _ in range(count)]
        await _pass_gate(pool)
        completed = await asyncio.gather(*(service.complete(each.callback()) for each in begun))
        sessions = [each.grant.session for each in completed]
        # Whoever sealed them, they were sealed under the one key that is stored.
        assert await service.stored_tokens(sessions[0].user_id) is not None
        return [{"user_id": str(each.user_id), "session_id": str(each.id)} for each in sessions]


async def _pass_gate(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute("SELECT pg_advisory_lock_shared(%s)", (GATE,))
        await connection.execute("SELECT pg_advisory_unlock_shared(%s)", (GATE,))


def _main() -> None:
    database_url, icn, processes, count = sys.argv[1:]
    # Forked, so that the product is imported once; nothing is open yet.
    with multiprocessing.get_context("fork").Pool(int(processes)) as workers:
        jobs = [(database_url, icn, int(count))] * int(processes)
        got = workers.starmap(_sign_in, jobs, chunksize=1)
    print(json.dumps([session for each in got for session in each]))  # noqa: T201 - the answer


if __name__ == "__main__":
    _main()
