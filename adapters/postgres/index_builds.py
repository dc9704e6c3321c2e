"""Builds the indexes of a schema step without holding up writers where a table is large."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

#: Building an index of a smaller table takes less than a second.
SMALL_BYTES: Final = 32 * 2**20
# Any constant will do, as long as every migrating process asks for the same.
_ADVISORY_LOCK: Final = 7_303_014_802_204
_POLL_SECONDS: Final = 0.2
_CREATE_INDEX: Final = re.compile(r"CREATE INDEX (\w+) ON (\w+) ([^;]+);")
_COMMENT: Final = re.compile(r"^\s*--.*$", re.MULTILINE)
_IS_VALID: Final = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
_SIZE: Final = "SELECT coalesce(sum(pg_relation_size(relid)), 0) FROM pg_partition_tree(%s)"
_IS_PARTITIONED: Final = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(%s)"
_PARTITIONS: Final = """
SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
WHERE inhparent = to_regclass(%(table)s) AND NOT EXISTS (
    SELECT FROM pg_inherits AS attached JOIN pg_index ON indexrelid = attached.inhrelid
    WHERE attached.inhparent = to_regclass(%(index)s) AND indrelid = pg_class.oid
)
ORDER BY relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index of the schema.

    Attributes:
        definition: What follows the name of the table.
    """

    name: str
    table: str
    definition: str


def indexes_in(text: str) -> tuple[Index, ...]:
    """Returns the indexes that a file of ``CREATE INDEX`` statements defines.

    Raises:
        ValueError: The file has something else.
    """
    statements = _COMMENT.sub("", text)
    if _CREATE_INDEX.sub("", statements).strip():
        raise ValueError("the file has something else than CREATE INDEX statements")
    return tuple(
        Index(name=name, table=table, definition=" ".join(definition.split()))
        for name, table, definition in _CREATE_INDEX.findall(statements)
    )


def missing(connection: psycopg.Connection[Any], indexes: Sequence[Index]) -> list[Index]:
    """Returns the indexes that don't exist, or aren't complete."""
    return [each for each in indexes if _ask(connection, _IS_VALID, each.name) is not True]


def build_small(connection: psycopg.Connection[Any], indexes: Sequence[Index]) -> list[Index]:
    """Builds the indexes of small tables in the current transaction. Returns the other ones."""
    left = []
    for index in missing(connection, indexes):
        is_begun = _ask(connection, _IS_VALID, index.name) is not None
        if is_begun or _ask(connection, _SIZE, index.table) > SMALL_BYTES:
            left.append(index)
        else:
            _execute(
                connection, "CREATE INDEX {} ON {} " + index.definition, index.name, index.table
            )
    return left


def build_beside_traffic(
    connection: psycopg.Connection[Any], indexes: Sequence[Index], *, is_pooled: bool
) -> None:
    """Builds what is missing, on a connection that commits each statement.

    Readers and writers go on meanwhile. What an interrupted build left behind is replaced.

    Args:
        connection: In autocommit mode.
        indexes: The indexes of one step.
        is_pooled: Whether a pooler is in between, so that nothing can be set or locked for the
            session. Two processes then may do the same work twice.
    """
    if not is_pooled:
        # A build waits for every older transaction in the database, however long it takes.
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET lock_timeout = 0")
    with _turn(connection, is_pooled=is_pooled):
        for index in missing(connection, indexes):
            if _ask(connection, _IS_PARTITIONED, index.table):
                _build_partitioned(connection, index)
            else:
                _build(connection, index)


def _build_partitioned(connection: psycopg.Connection[Any], index: Index) -> None:
    """Builds the parts one by one. The whole becomes valid with the last one."""
    create = "CREATE INDEX IF NOT EXISTS {} ON ONLY {} " + index.definition
    _execute(connection, create, index.name, index.table)
    parameters = {"table": index.table, "index": index.name}
    for (partition,) in connection.execute(_PARTITIONS, parameters).fetchall():
        suffix = index.name.removeprefix(index.table)
        part = Index(name=partition + suffix, table=partition, definition=index.definition)
        if missing(connection, [part]):
            _build(connection, part)
        _execute(connection, "ALTER INDEX {} ATTACH PARTITION {}", index.name, part.name)


def _build(connection: psycopg.Connection[Any], index: Index) -> None:
    _execute(connection, "DROP INDEX CONCURRENTLY IF EXISTS {}", index.name)
    create = "CREATE INDEX CONCURRENTLY {} ON {} " + index.definition
    _execute(connection, create, index.name, index.table)


@contextmanager
def _turn(connection: psycopg.Connection[Any], *, is_pooled: bool) -> Iterator[None]:
    """Lets one process build at a time.

    A process that waited inside a statement would be an older transaction, for which the build
    waits. So it asks again and again.
    """
    if is_pooled:
        yield
        return
    while not _ask(connection, "SELECT pg_try_advisory_lock(%s)", _ADVISORY_LOCK):
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_ADVISORY_LOCK,))


def _ask(connection: psycopg.Connection[Any], query: str, parameter: object) -> Any:
    row = connection.execute(query.encode(), (parameter,)).fetchone()
    return None if row is None else row[0]


def _execute(connection: psycopg.Connection[Any], statement: str, *names: str) -> None:
    # The definitions are files of this package, and every name is quoted.
    query = sql.SQL(statement)
    connection.execute(query.format(*map(sql.Identifier, names)))
