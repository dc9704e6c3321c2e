"""Many users with tokens at once, and whether each token can still be read."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from adapters.encryption.aes_gcm_cipher import AESGCMTokenCipher
from adapters.encryption.key_ring import KeyRing
from adapters.encryption.local_key_wrapper import LocalKeyWrapper
from application.ports.token_cipher import SealBrokenError
from domain.data_key import WrappedDataKey
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField
from tests.support.builders import NOW, a_data_key
from tests.support.early_tokens import sealed_early
from tests.support.event_loop import run

#: Every so manieth user's tokens are from before there were data keys.
EARLY_EVERY: Final = 10
#: Every so manieth user has had tokens before that VA is still to revoke.
OUTBOX_EVERY: Final = 50
_CHUNK: Final = 2000

_USERS: Final = """
COPY vetassist_users (
    id, va_icn, va_veteran_status, is_active, last_login_at, created_at, updated_at,
    data_key, data_key_version, data_key_master_id
) FROM STDIN
"""
_TOKENS: Final = """
COPY vetassist_va_tokens (
    user_id, access_token_encrypted, refresh_token_encrypted, id_token_encrypted,
    token_type, scope, expires_at, created_at, refreshed_at
) FROM STDIN
"""
_OUTBOX: Final = """
COPY vetassist_va_revocations (
    id, user_id, data_key, data_key_version, data_key_master_id, token_encrypted,
    is_refresh_token, created_at, due_at, attempts
) FROM STDIN
"""


def token_of(user_id: UUID, field: TokenField) -> Secret:
    """What is stored for a user, so that nobody has to remember it."""
    return Secret(f"{field.value}-of-{user_id}")


def store_many_users(database_url: str, count: int, master_keys: Mapping[str, bytes]) -> None:
    """Users with sealed tokens under the newest of the master keys, some of them early ones."""
    rows = run(_rows(count, KeyRing(master_keys)))
    with psycopg.connect(database_url) as connection:
        for query, batch in zip((_USERS, _TOKENS, _OUTBOX), rows, strict=True):
            with connection.cursor().copy(query.encode()) as copy:
                for row in batch:
                    copy.write_row(row)
        connection.execute("ANALYZE vetassist_users, vetassist_va_tokens")


async def _rows(count: int, ring: KeyRing) -> tuple[list[Any], list[Any], list[Any]]:
    wrapper, cipher = LocalKeyWrapper(ring), AESGCMTokenCipher(ring)
    users: list[tuple[object, ...]] = []
    tokens: list[tuple[object, ...]] = []
    outbox: list[tuple[object, ...]] = []
    for number in range(count):
        user_id = UserId(uuid4())
        key = a_data_key(user_id)
        wrapped = await wrapper.wrap(key)
        columns: tuple[object, ...] = (wrapped.box, wrapped.version, wrapped.master_key_id)
        sealed = {
            field: cipher.seal(token_of(user_id, field), key=key, field=field)
            for field in TokenField
        }
        if number % OUTBOX_EVERY == 0:
            box = sealed[TokenField.REFRESH]
            outbox.append((uuid4(), user_id, *columns, box, True, NOW, NOW, 0))
        if number % EARLY_EVERY == 0:
            columns = (None, None, None)
            sealed = {
                field: sealed_early(
                    token_of(user_id, field),
                    master_key_id=ring.newest_id,
                    master_key=ring.keys[ring.newest_id],
                    user_id=user_id,
                    field=field,
                )
                for field in TokenField
            }
        icn = f"{number:010d}V{number % 10**6:06d}"
        users.append((user_id, icn, "confirmed", True, NOW, NOW, NOW, *columns))
        boxes = [sealed[field] for field in TokenField]
        ends = NOW + timedelta(hours=1)
        tokens.append((user_id, *boxes, "Bearer", "openid", ends, NOW, NOW))
    return users, tokens, outbox


_STORED: Final = """
SELECT users.id, users.data_key_version, users.data_key_master_id, users.data_key,
    access_token_encrypted, refresh_token_encrypted, id_token_encrypted
FROM vetassist_users AS users JOIN vetassist_va_tokens AS tokens ON tokens.user_id = users.id
"""
_STORED_OUTBOX: Final = """
SELECT user_id, data_key_version, data_key_master_id, data_key,
    NULL, token_encrypted, NULL
FROM vetassist_va_revocations
"""


def count_readable(database_url: str, master_keys: Mapping[str, bytes]) -> int:
    """How many users and entries of the outbox can be read, each in full, with these keys alone."""
    return run(_count_readable(database_url, KeyRing(master_keys)))


async def _count_readable(database_url: str, ring: KeyRing) -> int:
    wrapper, cipher = LocalKeyWrapper(ring), AESGCMTokenCipher(ring)
    readable = 0
    for user_id, version, master_key_id, box, *sealed in _stored(database_url):
        try:
            key = None
            if box is not None:
                key = await wrapper.unwrap(
                    WrappedDataKey(
                        user_id=user_id, version=version, master_key_id=master_key_id, box=box
                    )
                )
            for field, value in zip(TokenField, sealed, strict=True):
                if value is not None:
                    token = cipher.open(value, user_id=user_id, key=key, field=field)
                    assert token == token_of(user_id, field)
        except SealBrokenError:
            continue
        readable += 1
    return readable


def _stored(database_url: str) -> Iterator[tuple[Any, ...]]:
    with psycopg.connect(database_url) as connection:
        for query in (_STORED, _STORED_OUTBOX):
            with connection.cursor("stored") as cursor:
                cursor.execute(query.encode())
                while chunk := list(islice(cursor, _CHUNK)):
                    yield from chunk
