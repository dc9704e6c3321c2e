"""A storage that does not answer."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from types import TracebackType
from typing import Any, NoReturn, Self, final

from application.errors import ApplicationError, UnavailableError
from application.ports.attempt_outcomes import AttemptOutcomes
from application.ports.audit_history import AuditHistory
from application.ports.audit_partitions import AuditPartitions
from application.ports.audit_seals import AuditSeals
from application.ports.audit_trail import AuditTrail
from application.ports.data_keys import DataKeys
from application.ports.disclosures import Disclosures
from application.ports.front_end_directory import FrontEndDirectory
from application.ports.front_ends import FrontEnds
from application.ports.handoffs import Handoffs
from application.ports.login_attempts import LoginAttempts
from application.ports.outages import Outages
from application.ports.purge import Purge
from application.ports.readiness import Readiness, ReadinessCheck
from application.ports.sealed_trail import LeafPlace, SealedTrail, StoredBatch
from application.ports.service_clients import ServiceClients
from application.ports.service_figures import ServiceFigures, SignInCount
from application.ports.session_lookup import SessionLookup
from application.ports.session_repository import SessionRepository
from application.ports.unit_of_work import UnitOfWork
from application.ports.user_directory import UserDirectory
from application.ports.user_records import UserRecords
from application.ports.user_repository import UserRepository
from application.ports.va_revocations import VARevocations
from application.ports.va_token_refreshes import VATokenRefreshes
from application.ports.va_token_vault import VATokenVault
from application.ports.vital_signs import Rights, Vitals, VitalSigns
from domain.audit_event import AuditEvent
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.front_end import FrontEnd, FrontEndId
from domain.identifiers import SessionId, UserId
from domain.login_attempt import LoginAttempt
from domain.trail_row import Horizon, Place
from domain.user_search import ByEmail, ByICN, ById, ByName
from tests.support.storage import Storage


@final
class DownLoginAttempts(LoginAttempts):
    async def add(self, attempt: LoginAttempt, event: AuditEvent) -> NoReturn:
        raise UnavailableError

    async def consume(self, *, state_hash: bytes, browser_hash: bytes, now: datetime) -> NoReturn:
        raise UnavailableError

    async def find(self, *, state_hash: bytes, browser_hash: bytes) -> NoReturn:
        raise UnavailableError


@final
class DownSessionLookup(SessionLookup):
    async def find(self, user_id: UserId, session_id: SessionId) -> NoReturn:
        raise UnavailableError


@final
class DownUserDirectory(UserDirectory):
    async def find(self, user_id: UserId) -> NoReturn:
        raise UnavailableError

    async def merged_into(self, user_id: UserId) -> NoReturn:
        raise UnavailableError


@final
class DownUserRecords(UserRecords):
    async def search(self, wanted: ById | ByICN | ByEmail | ByName, *, limit: int) -> NoReturn:
        raise UnavailableError

    async def find_all(self, user_ids: Collection[UserId]) -> NoReturn:
        raise UnavailableError

    async def find(self, user_id: UserId, *, now: datetime, max_sessions: int) -> NoReturn:
        raise UnavailableError


@final
class DownDisclosures(Disclosures):
    async def list_for(
        self,
        user_id: UserId,
        *,
        also_of: frozenset[UserId] = frozenset(),
        after: AuditMark | None,
        limit: int,
    ) -> NoReturn:
        raise UnavailableError


@final
class DownReadiness(Readiness):
    async def failing(self) -> frozenset[ReadinessCheck]:
        return frozenset({ReadinessCheck.DATABASE})


@final
class DownSealedTrail(SealedTrail):
    async def size(self) -> NoReturn:
        raise UnavailableError

    async def batches(self, *, after: int | None, limit: int) -> NoReturn:
        raise UnavailableError

    async def number_of(self, noted_hash: bytes) -> NoReturn:
        raise UnavailableError

    async def drops(self) -> NoReturn:
        raise UnavailableError

    async def leaves(self, batch: StoredBatch, *, limit: int) -> NoReturn:
        raise UnavailableError

    async def orphans(self, *, after: LeafPlace | None, limit: int) -> NoReturn:
        raise UnavailableError

    async def horizon(self, newest: StoredBatch) -> NoReturn:
        raise UnavailableError

    async def loose(self, *, after: Place | None, horizon: Horizon | None, limit: int) -> NoReturn:
        raise UnavailableError


@final
class DownUnitOfWork(UnitOfWork):
    """Cannot be entered, so there is nothing behind its doors."""

    @property
    def users(self) -> UserRepository:
        raise UnavailableError

    @property
    def sessions(self) -> SessionRepository:
        raise UnavailableError

    @property
    def attempt_outcomes(self) -> AttemptOutcomes:
        raise UnavailableError

    @property
    def handoffs(self) -> Handoffs:
        raise UnavailableError

    @property
    def data_keys(self) -> DataKeys:
        raise UnavailableError

    @property
    def va_tokens(self) -> VATokenVault:
        raise UnavailableError

    @property
    def va_token_refreshes(self) -> VATokenRefreshes:
        raise UnavailableError

    @property
    def va_revocations(self) -> VARevocations:
        raise UnavailableError

    @property
    def service_clients(self) -> ServiceClients:
        raise UnavailableError

    @property
    def front_ends(self) -> FrontEnds:
        raise UnavailableError

    @property
    def audit(self) -> AuditTrail:
        raise UnavailableError

    @property
    def audit_seals(self) -> AuditSeals:
        raise UnavailableError

    @property
    def audit_partitions(self) -> AuditPartitions:
        raise UnavailableError

    @property
    def outages(self) -> Outages:
        raise UnavailableError

    @property
    def purge(self) -> Purge:
        raise UnavailableError

    async def commit(self) -> NoReturn:
        raise UnavailableError

    async def __aenter__(self) -> Self:
        raise UnavailableError

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Never left, as it is never entered."""


class DownAuditHistory(AuditHistory):
    async def list(
        self, wanted: AuditFilter, *, after: AuditMark | None, limit: int
    ) -> Sequence[AuditRecord]:
        raise UnavailableError


class DownFrontEndDirectory(FrontEndDirectory):
    async def find(self, front_end_id: FrontEndId) -> FrontEnd | None:
        raise UnavailableError

    async def list_all(self) -> Sequence[FrontEnd]:
        raise UnavailableError


class DownVitalSigns(VitalSigns):
    async def read(self) -> Vitals:
        raise UnavailableError

    async def rights(self) -> Rights:
        raise UnavailableError

    async def oldest_passed_by(self) -> datetime | None:
        raise UnavailableError


class DownServiceFigures(ServiceFigures):
    async def sign_ins(self, *, since: datetime) -> Sequence[SignInCount]:
        raise UnavailableError

    async def live_sessions(self, *, now: datetime) -> int:
        raise UnavailableError


def failing_once(storage: Storage, error: ApplicationError, *, unit: int = 1) -> Storage:
    """The same store, except that one of its units of work can't be entered."""
    units, numbers = storage.unit_of_work, count(1)

    @asynccontextmanager
    async def a_unit() -> AsyncIterator[UnitOfWork]:
        if next(numbers) == unit:
            raise error
        async with units() as work:
            yield work

    factory: Any = a_unit
    return replace(storage, unit_of_work=factory)


def down_storage() -> Storage:
    """A store of which every part is down."""
    return Storage(
        unit_of_work=DownUnitOfWork,
        session_lookup=DownSessionLookup(),
        user_directory=DownUserDirectory(),
        user_records=DownUserRecords(),
        front_end_directory=DownFrontEndDirectory(),
        disclosures=DownDisclosures(),
        audit_history=DownAuditHistory(),
        login_attempts=DownLoginAttempts(),
        readiness=DownReadiness(),
        sealed_trail=DownSealedTrail(),
        vital_signs=DownVitalSigns(),
        service_figures=DownServiceFigures(),
    )
