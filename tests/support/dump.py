"""A thief's look at the whole database, with every master key in hand."""

from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from uuid import UUID

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import sql

from domain.va_tokens import TokenField


@dataclass(frozen=True, slots=True)
class Dump:
    """Every value of every table."""

    values: frozenset[bytes]
    uuids: frozenset[UUID]

    @classmethod
    def of(cls, database_url: str) -> "Dump":
        values: set[bytes] = set()
        uuids: set[UUID] = set()
        with psycopg.connect(database_url) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            ).fetchall()
            for (table,) in tables:
                query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
                for row in connection.execute(query):
                    uuids |= {value for value in row if isinstance(value, UUID)}
                    values |= {
                        value if isinstance(value, bytes) else str(value).encode() for value in row
                    }
        return cls(frozenset(values), frozenset(uuids))

    def opened(self, master_keys: Mapping[str, bytes]) -> set[str]:
        """Whatever can be read of what is encrypted, trying every key on every value."""
        boxes = list(self._boxes())
        wrapping = [
            b"\0".join((b"vetassist/data-key", key_id.encode(), b"1", user_id.bytes))
            for key_id, user_id in product(master_keys, self.uuids)
        ]
        data_keys = set(_opened(boxes, master_keys.values(), wrapping))
        names = [b"1", *(key_id.encode() for key_id in master_keys)]
        sealing = [
            b"\0".join((version, name, str(user_id).encode(), field.value.encode()))
            for version, name, user_id, field in product(
                (b"v1", b"v2"), names, self.uuids, TokenField
            )
        ]
        keys = data_keys | set(master_keys.values())
        return {plain.decode() for plain in _opened(boxes, keys, sealing)}

    def _boxes(self) -> Iterator[bytes]:
        for value in self.values:
            for part in value.split(b"."):
                try:
                    raw = urlsafe_b64decode(part)
                except ValueError:
                    continue
                if len(raw) > 12 + 16:
                    yield raw


def rows_by_table(
    database_url: str, *, but: Mapping[str, Collection[str]] = MappingProxyType({})
) -> dict[str, list[str]]:
    """Every row of every table, in an order of its own, without the columns named in ``but``."""
    rows = {}
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        ).fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT (to_jsonb(t) - %s::text[])::text FROM {} AS t").format(
                sql.Identifier(table)
            )
            found = connection.execute(query, (list(but.get(table, ())),))
            rows[table] = sorted(row for (row,) in found)
    return rows


def _opened(
    boxes: Iterable[bytes], keys: Iterable[bytes], contexts: Iterable[bytes]
) -> Iterator[bytes]:
    contexts = list(contexts)
    for key in keys:
        if len(key) != 32:
            continue
        aead = AESGCM(key)
        for box in boxes:
            for context in contexts:
                try:
                    yield aead.decrypt(box[:12], box[12:], context)
                except InvalidTag:
                    continue
