"""Units of work, in memory."""

from types import TracebackType
from typing import Self, final

from adapters.memory.attempt_outcomes import MemoryAttemptOutcomes
from adapters.memory.audit_partitions import MemoryAuditPartitions
from adapters.memory.audit_seals import MemoryAuditSeals
from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.data_keys import MemoryDataKeys
from adapters.memory.front_ends import MemoryFrontEnds
from adapters.memory.handoffs import MemoryHandoffs
from adapters.memory.outages import MemoryOutages
from adapters.memory.purge import MemoryPurge
from adapters.memory.service_clients import MemoryServiceClients
from adapters.memory.session_repository import MemorySessionRepository
from adapters.memory.store import MemoryStore, MemoryTables
from adapters.memory.user_repository import MemoryUserRepository
from adapters.memory.va_revocations import MemoryVARevocations
from adapters.memory.va_token_refreshes import MemoryVATokenRefreshes
from adapters.memory.va_token_vault import MemoryVATokenVault
from application.ports.unit_of_work import UnitOfWork


@final
class MemoryUnitOfWork(UnitOfWork):
    """Changes a copy of the store, which replaces the store on commit. Units run one at a time.

    Args:
        store: The store to change.
        operator: The operator to record in audit events, or None in a serving process.
    """

    def __init__(self, store: MemoryStore, operator: str | None = None) -> None:
        self._store = store
        self._operator = operator
        self._draft = MemoryTables()

    @property
    def users(self) -> MemoryUserRepository:
        return MemoryUserRepository(self._draft)

    @property
    def sessions(self) -> MemorySessionRepository:
        return MemorySessionRepository(self._draft)

    @property
    def attempt_outcomes(self) -> MemoryAttemptOutcomes:
        return MemoryAttemptOutcomes(self._draft)

    @property
    def handoffs(self) -> MemoryHandoffs:
        return MemoryHandoffs(self._draft)

    @property
    def data_keys(self) -> MemoryDataKeys:
        return MemoryDataKeys(self._draft)

    @property
    def va_tokens(self) -> MemoryVATokenVault:
        return MemoryVATokenVault(self._draft)

    @property
    def va_token_refreshes(self) -> MemoryVATokenRefreshes:
        return MemoryVATokenRefreshes(self._draft)

    @property
    def va_revocations(self) -> MemoryVARevocations:
        return MemoryVARevocations(self._draft)

    @property
    def service_clients(self) -> MemoryServiceClients:
        return MemoryServiceClients(self._draft)

    @property
    def front_ends(self) -> MemoryFrontEnds:
        return MemoryFrontEnds(self._draft)

    @property
    def audit(self) -> MemoryAuditTrail:
        return MemoryAuditTrail(self._draft, self._operator)

    @property
    def audit_seals(self) -> MemoryAuditSeals:
        return MemoryAuditSeals(self._draft)

    @property
    def audit_partitions(self) -> MemoryAuditPartitions:
        return MemoryAuditPartitions(self._draft)

    @property
    def outages(self) -> MemoryOutages:
        return MemoryOutages(self._draft)

    @property
    def purge(self) -> MemoryPurge:
        return MemoryPurge(self._draft)

    async def commit(self) -> None:
        self._store.committed = self._draft.copy()

    async def __aenter__(self) -> Self:
        await self._store.turn.acquire()
        self._draft = self._store.committed.copy()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.turn.release()
