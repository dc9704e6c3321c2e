"""Units of work in PostgreSQL."""

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self, final

import anyio
import psycopg

from adapters.postgres.attempt_outcomes import PostgresAttemptOutcomes
from adapters.postgres.audit_partitions import PostgresAuditPartitions
from adapters.postgres.audit_seals import PostgresAuditSeals
from adapters.postgres.audit_trail import PostgresAuditTrail, is_on_record
from adapters.postgres.data_keys import PostgresDataKeys
from adapters.postgres.errors import translated_errors
from adapters.postgres.front_ends import PostgresFrontEnds
from adapters.postgres.handoffs import PostgresHandoffs
from adapters.postgres.outages import PostgresOutages
from adapters.postgres.pool import Connection, Pool
from adapters.postgres.purge import PostgresPurge
from adapters.postgres.service_clients import PostgresServiceClients
from adapters.postgres.session_repository import PostgresSessionRepository
from adapters.postgres.user_repository import PostgresUserRepository
from adapters.postgres.va_revocations import PostgresVARevocations
from adapters.postgres.va_token_refreshes import PostgresVATokenRefreshes
from adapters.postgres.va_token_vault import PostgresVATokenVault
from application.errors import UnavailableError
from application.ports.unit_of_work import UnitOfWork
from domain.audit_event import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEnded:
    """A unit of work that has ended.

    Attributes:
        outcome: ``committed``, ``rolled_back``, or ``unavailable`` if there was no connection.
        began_at: Unix time in nanoseconds.
        seconds: How long it took, including the wait for a connection.
        events: The types of the audit events that were committed with it.
    """

    outcome: str
    began_at: int
    seconds: float
    events: Sequence[str] = ()


#: Called for each unit of work when it has ended.
UnitObserver = Callable[[UnitEnded], None]


@final
class PostgresUnitOfWork(UnitOfWork):
    """Holds one pooled connection from entry to exit, in pipeline mode.

    Statements without a result are sent together: BEGIN with the first statement, COMMIT with the
    last. So a unit takes one round trip for each result that it reads. READ COMMITTED and row
    locks are sufficient.

    Args:
        pool: The pool of the connection.
        observer: Called when the unit has ended.
        operator: Who runs this command, for the audit trail. None in a server.
    """

    def __init__(
        self, pool: Pool, observer: UnitObserver | None = None, operator: str | None = None
    ) -> None:
        self._pool = pool
        self._observer = observer
        self._operator = operator
        self._began_at = time.time_ns()
        self._began = time.perf_counter()
        self._is_committed = False
        self._appended: list[AuditEvent] = []
        self._connection: Connection
        self._exit = AsyncExitStack()
        self._pipeline = AsyncExitStack()

    @property
    def users(self) -> PostgresUserRepository:
        return PostgresUserRepository(self._connection, self._pool.stuck_rows)

    @property
    def sessions(self) -> PostgresSessionRepository:
        return PostgresSessionRepository(self._connection, self._pool.stuck_rows)

    @property
    def attempt_outcomes(self) -> PostgresAttemptOutcomes:
        return PostgresAttemptOutcomes(self._connection)

    @property
    def handoffs(self) -> PostgresHandoffs:
        return PostgresHandoffs(self._connection)

    @property
    def data_keys(self) -> PostgresDataKeys:
        return PostgresDataKeys(self._connection)

    @property
    def va_tokens(self) -> PostgresVATokenVault:
        return PostgresVATokenVault(self._connection)

    @property
    def va_token_refreshes(self) -> PostgresVATokenRefreshes:
        return PostgresVATokenRefreshes(self._connection)

    @property
    def va_revocations(self) -> PostgresVARevocations:
        return PostgresVARevocations(self._connection)

    @property
    def service_clients(self) -> PostgresServiceClients:
        return PostgresServiceClients(self._connection)

    @property
    def front_ends(self) -> PostgresFrontEnds:
        return PostgresFrontEnds(self._connection)

    @property
    def audit(self) -> PostgresAuditTrail:
        return PostgresAuditTrail(self._connection, self._appended, self._operator)

    @property
    def audit_seals(self) -> PostgresAuditSeals:
        return PostgresAuditSeals(self._connection)

    @property
    def audit_partitions(self) -> PostgresAuditPartitions:
        return PostgresAuditPartitions(self._connection)

    @property
    def outages(self) -> PostgresOutages:
        return PostgresOutages(self._connection)

    @property
    def purge(self) -> PostgresPurge:
        return PostgresPurge(self._connection)

    async def commit(self) -> None:
        with translated_errors():
            try:
                await self._connection.execute("COMMIT")
                # Leaving the pipeline waits for COMMIT and for every statement before it.
                await self._pipeline.aclose()
            except psycopg.OperationalError:
                if not self._connection.closed:
                    raise
                # The server may have committed before the connection broke, so COMMIT is never
                # sent again.
                await self._exit.aclose()
                if not await self._is_committed_all_the_same():
                    raise
        self._is_committed = True

    async def _is_committed_all_the_same(self) -> bool:
        """Looks for the audit event of this unit, on another connection."""
        event = next((each for each in self._appended if each.user_id is not None), None)
        if event is None:
            return False
        async with self._pool.connection() as connection:
            return await is_on_record(connection, event)

    async def __aenter__(self) -> Self:
        try:
            await self._enter()
        except UnavailableError:
            self._tell("unavailable")
            raise
        return self

    async def _enter(self) -> None:
        with translated_errors():
            async with AsyncExitStack() as stack:
                self._connection = await stack.enter_async_context(self._pool.connection())
                stack.push_async_callback(self._roll_back)
                await stack.enter_async_context(self._pipeline)
                await self._pipeline.enter_async_context(self._connection.pipeline())
                for statement in self._pool.begin:
                    await self._connection.execute(statement.encode())
                self._exit = stack.pop_all()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            # A cancelled request still ends its transaction.
            with translated_errors(), anyio.CancelScope(shield=True):
                await self._exit.__aexit__(exc_type, exc, traceback)
        finally:
            self._tell("committed" if self._is_committed else "rolled_back")

    def _tell(self, outcome: str) -> None:
        if self._observer is not None:
            seconds = time.perf_counter() - self._began
            self._observer(
                UnitEnded(
                    outcome=outcome,
                    began_at=self._began_at,
                    seconds=seconds,
                    events=[each.type.value for each in self._appended]
                    if self._is_committed
                    else (),
                )
            )

    async def _roll_back(self) -> None:
        # The server has rolled back what a lost connection had begun.
        if not self._connection.closed:
            await self._connection.rollback()
