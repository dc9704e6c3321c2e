"""Clients in PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import fetch_row, fetch_rows
from application.ports.service_clients import ServiceClients
from domain.client_assertion import ClientAssertion
from domain.service_client import ClientId, ClientKey, ServiceClient, SigningAlgorithm
from domain.va_token_use import TokenPurpose

_COLUMNS: Final = "id, name, keys, secret_hashes, purposes, scopes, created_at, disabled_at"
_INSERT: Final = f"""
INSERT INTO vetassist_service_clients ({_COLUMNS})
VALUES (%(id)s, %(name)s, %(keys)s, %(secret_hashes)s, %(purposes)s, %(scopes)s,
        %(created_at)s, %(disabled_at)s)
"""  # noqa: S608 - the columns are a constant
_SELECT: Final = f"SELECT {_COLUMNS} FROM vetassist_service_clients WHERE id = %s"  # noqa: S608 - as above
_LOCK: Final = f"{_SELECT} FOR UPDATE"
_LIST: Final = f"SELECT {_COLUMNS} FROM vetassist_service_clients ORDER BY created_at, id"  # noqa: S608 - as above
_UPDATE: Final = """
UPDATE vetassist_service_clients SET
    keys = %(keys)s, secret_hashes = %(secret_hashes)s, disabled_at = %(disabled_at)s
WHERE id = %(id)s
"""
_USE_UP: Final = """
INSERT INTO vetassist_used_assertions (client_id, id_hash, forget_at)
VALUES (%(client_id)s, %(id_hash)s, %(forget_at)s)
ON CONFLICT DO NOTHING
RETURNING true
"""


@final
class PostgresServiceClients(ServiceClients):
    """Reads and writes clients and their used assertions on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def add(self, client: ServiceClient) -> None:
        with translated_errors():
            await self._connection.execute(_INSERT, _parameters(client))

    async def find(self, client_id: ClientId) -> ServiceClient | None:
        row = await fetch_row(self._connection, _SELECT, (client_id,))
        return None if row is None else _client_of(row)

    async def lock(self, client_id: ClientId) -> ServiceClient | None:
        row = await fetch_row(self._connection, _LOCK, (client_id,))
        return None if row is None else _client_of(row)

    async def save(self, client: ServiceClient) -> None:
        with translated_errors():
            await self._connection.execute(_UPDATE, _parameters(client))

    async def list_all(self) -> Sequence[ServiceClient]:
        return [_client_of(row) for row in await fetch_rows(self._connection, _LIST)]

    async def use_up(self, assertion: ClientAssertion) -> bool:
        parameters = {
            "client_id": assertion.client_id,
            "id_hash": assertion.id_hash,
            "forget_at": assertion.forget_at,
        }
        return bool(await fetch_rows(self._connection, _USE_UP, parameters))


def _parameters(client: ServiceClient) -> dict[str, object]:
    keys = [
        {"kid": key.id, "alg": key.algorithm.value, "jwk": json.loads(key.jwk)}
        for key in client.keys
    ]
    return {
        "id": client.id,
        "name": client.name,
        "keys": json.dumps(keys),
        "secret_hashes": list(client.secret_hashes),
        "purposes": sorted(purpose.value for purpose in client.purposes),
        "scopes": sorted(client.scopes),
        "created_at": client.created_at,
        "disabled_at": client.disabled_at,
    }


def _client_of(row: dict[str, Any]) -> ServiceClient:
    # Purposes that only an older or a newer release knows are ignored.
    known = {purpose.value for purpose in TokenPurpose}
    return ServiceClient(
        id=ClientId(row["id"]),
        name=row["name"],
        keys=tuple(
            ClientKey(
                id=key["kid"],
                algorithm=SigningAlgorithm(key["alg"]),
                jwk=json.dumps(key["jwk"], sort_keys=True),
            )
            for key in row["keys"]
        ),
        secret_hashes=tuple(row["secret_hashes"]),
        purposes=frozenset(TokenPurpose(each) for each in row["purposes"] if each in known),
        scopes=frozenset(row["scopes"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )
