"""Port: units of work. Their changes are committed together or not at all."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self

from application.ports.attempt_outcomes import AttemptOutcomes
from application.ports.audit_partitions import AuditPartitions
from application.ports.audit_seals import AuditSeals
from application.ports.audit_trail import AuditTrail
from application.ports.data_keys import DataKeys
from application.ports.front_ends import FrontEnds
from application.ports.handoffs import Handoffs
from application.ports.outages import Outages
from application.ports.purge import Purge
from application.ports.service_clients import ServiceClients
from application.ports.session_repository import SessionRepository
from application.ports.user_repository import UserRepository
from application.ports.va_revocations import VARevocations
from application.ports.va_token_refreshes import VATokenRefreshes
from application.ports.va_token_vault import VATokenVault


class UnitOfWork(AbstractAsyncContextManager["UnitOfWork"], Protocol):
    """One transaction. Leaving without ``commit`` rolls back.

    Never keep one open during a call to VA. After an error it can't be used anymore: leave it.
    Entering raises UnavailableError if no connection is available in time.
    """

    @property
    @abstractmethod
    def users(self) -> UserRepository: ...

    @property
    @abstractmethod
    def sessions(self) -> SessionRepository: ...

    @property
    @abstractmethod
    def attempt_outcomes(self) -> AttemptOutcomes: ...

    @property
    @abstractmethod
    def handoffs(self) -> Handoffs: ...

    @property
    @abstractmethod
    def data_keys(self) -> DataKeys: ...

    @property
    @abstractmethod
    def va_tokens(self) -> VATokenVault: ...

    @property
    @abstractmethod
    def va_token_refreshes(self) -> VATokenRefreshes: ...

    @property
    @abstractmethod
    def va_revocations(self) -> VARevocations: ...

    @property
    @abstractmethod
    def service_clients(self) -> ServiceClients: ...

    @property
    @abstractmethod
    def front_ends(self) -> FrontEnds: ...

    @property
    @abstractmethod
    def audit(self) -> AuditTrail: ...

    @property
    @abstractmethod
    def audit_seals(self) -> AuditSeals: ...

    @property
    @abstractmethod
    def audit_partitions(self) -> AuditPartitions: ...

    @property
    @abstractmethod
    def outages(self) -> Outages: ...

    @property
    @abstractmethod
    def purge(self) -> Purge: ...

    @abstractmethod
    async def commit(self) -> None:
        """Commits all changes.

        Raises:
            ConflictError: A change conflicts with stored data. Nothing was committed.
            UnavailableError: The store did not answer, and it isn't known whether the changes
                were committed. Don't acknowledge them, and don't retry.
        """

    @abstractmethod
    async def __aenter__(self) -> Self: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]
#: Starts a unit of work whose events name this operator, or nobody.
OperatorUnitOfWorkFactory = Callable[[str | None], UnitOfWork]
