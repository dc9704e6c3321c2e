"""Clients, in memory."""

from collections.abc import Sequence
from typing import final

from adapters.memory.store import MemoryTables
from application.errors import ConflictError
from application.ports.service_clients import ServiceClients
from domain.client_assertion import ClientAssertion
from domain.service_client import ClientId, ServiceClient


@final
class MemoryServiceClients(ServiceClients):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._clients = draft.service_clients
        self._used = draft.used_assertions

    async def add(self, client: ServiceClient) -> None:
        if client.id in self._clients:
            raise ConflictError
        self._clients[client.id] = client

    async def find(self, client_id: ClientId) -> ServiceClient | None:
        return self._clients.get(client_id)

    async def lock(self, client_id: ClientId) -> ServiceClient | None:
        return self._clients.get(client_id)

    async def save(self, client: ServiceClient) -> None:
        self._clients[client.id] = client

    async def list_all(self) -> Sequence[ServiceClient]:
        return sorted(self._clients.values(), key=lambda each: (each.created_at, each.id))

    async def use_up(self, assertion: ClientAssertion) -> bool:
        mark = assertion.client_id, assertion.id_hash
        if mark in self._used:
            return False
        self._used[mark] = assertion
        return True
