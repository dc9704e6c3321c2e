"""What clients were told, in a file that outlives them, and what is stored in the end."""

import json
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, final

import httpx

from tests.support.caller import Caller, Held
from tests.support.databases import rows_of

#: Each session with what its row says, and what the audit trail says of it.
_SESSIONS: Final = """
SELECT sessions.id::text AS id,
    sessions.jwt_id,
    sessions.revoked_at IS NULL AS stands,
    sessions.renewed_at,
    count(*) FILTER (WHERE event_type = 'login') AS logins,
    count(*) FILTER (WHERE event_type = 'logout') AS logouts,
    count(*) FILTER (WHERE event_type = 'session_theft') AS thefts,
    count(*) FILTER (WHERE event_type = 'session_renewed') AS renewals,
    -- Not the latest: the clocks of two workers may differ by milliseconds.
    (array_agg(audit.created_at ORDER BY audit.id DESC)
        FILTER (WHERE event_type IN ('login', 'session_renewed')))[1] AS told_at
FROM vetassist_sessions AS sessions
FULL JOIN (
    SELECT * FROM vetassist_auth_audit
    WHERE event_type IN ('login', 'logout', 'session_theft', 'session_renewed')
) AS audit ON audit.event_data ->> 'session_id' = sessions.id::text
GROUP BY sessions.id, sessions.jwt_id, stands, sessions.renewed_at
"""
_USERS: Final = """
SELECT count(*) AS users, count(DISTINCT va_icn) AS people FROM vetassist_users
WHERE va_icn IS NOT NULL
"""


class Act(StrEnum):
    """What a line of the ledger tells of."""

    SIGNED_IN = "signed_in"
    RENEWED = "renewed"
    #: Noted before it is sent, so that one whose answer is lost is known to be in doubt.
    SIGNING_OUT = "signing_out"
    SIGNED_OUT = "signed_out"
    #: An answer that breaks a promise, while the client ran.
    REVIVED = "revived"
    REFUSED = "refused"
    UNEXPECTED = "unexpected"
    #: The last line.
    ENDED = "ended"


@final
class Ledger:
    """Writes one line for each act. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._lock = threading.Lock()

    def note(self, act: Act, held: Held | None = None, **more: object) -> None:
        """Write a line; it has left this process when this returns."""
        about = {} if held is None else {"session": held.session_id, "token": held.token}
        with self._lock:
            self._file.write(json.dumps({"act": act, **about, **more}) + "\n")
            self._file.flush()


@dataclass(slots=True)
class Promised:
    """What a session's client was told last."""

    token: str
    renewals: int = 0
    is_ending: bool = False
    has_ended: bool = False


@dataclass(slots=True)
class Told:
    """All that a ledger tells.

    Attributes:
        acknowledged: How many acts were acknowledged.
        broken: How often a promise was broken while the client ran, by act.
        longest_seconds: The longest request.
    """

    sessions: dict[str, Promised] = field(default_factory=dict)
    acknowledged: int = 0
    broken: Counter[Act] = field(default_factory=Counter)
    longest_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def read(path: Path) -> Told:
    """Read a ledger."""
    told = Told()
    with path.open() as lines:
        for line in lines:
            _add(told, json.loads(line))
    return told


def _add(told: Told, line: dict[str, Any]) -> None:
    act = Act(line["act"])
    told.acknowledged += act in {Act.SIGNED_IN, Act.RENEWED, Act.SIGNED_OUT}
    match act:
        case Act.SIGNED_IN:
            told.sessions[line["session"]] = Promised(line["token"])
        case Act.RENEWED:
            session = told.sessions[line["session"]]
            session.token, session.renewals = line["token"], session.renewals + 1
        case Act.SIGNING_OUT:
            told.sessions[line["session"]].is_ending = True
        case Act.SIGNED_OUT:
            told.sessions[line["session"]].has_ended = True
        case Act.ENDED:
            told.longest_seconds = line["longest_seconds"]
        case Act.REVIVED | Act.REFUSED | Act.UNEXPECTED:
            told.broken[act] += 1
            told.notes.append(f"{act}: {line['what']}")


@dataclass(slots=True)
class Found:
    """What doesn't agree with what was acknowledged.

    Attributes:
        lost: Acknowledged, but not there.
        revived: Signed out, but accepted.
        refused: Not signed out, but not accepted.
        untold: A change without its audit row, or an audit row without its change.
    """

    lost: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)


def compare(told: Told, database_url: str, service_url: str) -> Found:
    """Look at every session in the database, and ask the service about those of the ledger."""
    found = Found()
    stored = rows_of(database_url, _SESSIONS)
    found.untold += list(_untold(stored))
    (counted,) = rows_of(database_url, _USERS)
    if counted["users"] != counted["people"]:
        found.untold.append("one person is two users")
    rows = {row["id"]: row for row in stored}
    with Caller(service_url) as caller:
        for session_id, promised in told.sessions.items():
            row = rows.get(session_id)
            if row is None:
                found.lost.append(f"the sign-in of {session_id}")
                continue
            if row["renewals"] < promised.renewals:
                found.lost.append(f"a renewal of {session_id}")
            if promised.has_ended and row["stands"]:
                found.lost.append(f"the sign-out of {session_id}")
            status = caller.verify(promised.token)
            if promised.has_ended and status != httpx.codes.UNAUTHORIZED:
                found.revived.append(session_id)
            if not promised.is_ending and status != httpx.codes.OK:
                found.refused.append(session_id)
    return found


def _untold(rows: Iterable[dict[str, Any]]) -> Iterable[str]:
    for row in rows:
        if row["id"] is None:
            yield "the trail tells of a session that isn't there"
            continue
        if row["logins"] != 1:
            yield f"{row['logins']} logins of {row['id']}"
        if row["logouts"] + row["thefts"] != (0 if row["stands"] else 1):
            yield f"{row['logouts']} sign-outs of {row['id']}"
        if row["told_at"] != row["renewed_at"]:
            yield f"the last renewal of {row['id']} isn't the one in the trail"
