"""The servers that a connection string names, and which of them is the primary."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

#: The timeline of a primary: the first part of a WAL file's name, in hex digits.
TIMELINE: Final = "left(pg_walfile_name(pg_current_wal_lsn()), 8)"
#: The timeline of a server, or NULL on a standby.
TIMELINE_IF_PRIMARY: Final = f"CASE WHEN NOT pg_is_in_recovery() THEN {TIMELINE} END"
# libpq believes what the server told it at the start of the connection. A pooler repeats what its
# first connection was told, however long ago, so the servers themselves must be asked.
_CHOICES: Final = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")


def each_server(conninfo: str) -> Sequence[str]:
    """Returns one connection string for each server, whatever its role (libpq, 34.1.1.3)."""
    parameters: dict[str, Any] = dict(conninfo_to_dict(conninfo))
    if parameters.get("target_session_attrs") in _CHOICES:
        parameters["target_session_attrs"] = "any"
    listed = {
        name: str(parameters[name]).split(",")
        for name in ("host", "hostaddr", "port")
        if parameters.get(name)
    }
    number = max((len(listed.get(name, ())) for name in ("host", "hostaddr")), default=1)
    if any(len(values) not in {1, number} for values in listed.values()):
        # libpq refuses it, and says why.
        return [conninfo]
    servers = []
    for place in range(max(1, number)):
        own = {
            # A single value applies to all servers.
            name: values[place] if len(values) > 1 else values[0]
            for name, values in listed.items()
        }
        servers.append(make_conninfo(**{**parameters, **own}))
    return servers


def timeline_of(told: str | None) -> int | None:
    """Returns the timeline in a server's answer to ``TIMELINE_IF_PRIMARY``."""
    return None if told is None else int(told, 16)
