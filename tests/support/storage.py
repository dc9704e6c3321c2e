"""Every storage port over one store, and short ways to put something into it."""

from dataclasses import dataclass
from datetime import datetime

from adapters.memory.audit_history import MemoryAuditHistory
from adapters.memory.disclosures import MemoryDisclosures
from adapters.memory.front_end_directory import MemoryFrontEndDirectory
from adapters.memory.login_attempts import MemoryLoginAttempts
from adapters.memory.readiness import MemoryReadiness
from adapters.memory.sealed_trail import MemorySealedTrail
from adapters.memory.service_figures import MemoryServiceFigures
from adapters.memory.session_lookup import MemorySessionLookup
from adapters.memory.store import MemoryStore
from adapters.memory.unit_of_work import MemoryUnitOfWork
from adapters.memory.user_directory import MemoryUserDirectory
from adapters.memory.user_records import MemoryUserRecords
from adapters.memory.vital_signs import MemoryVitalSigns
from adapters.postgres.audit_history import PostgresAuditHistory
from adapters.postgres.disclosures import PostgresDisclosures
from adapters.postgres.front_end_directory import PostgresFrontEndDirectory
from adapters.postgres.login_attempts import PostgresLoginAttempts
from adapters.postgres.pool import Pool
from adapters.postgres.readiness import PostgresReadiness
from adapters.postgres.sealed_trail import PostgresSealedTrail
from adapters.postgres.service_figures import PostgresServiceFigures
from adapters.postgres.session_lookup import PostgresSessionLookup
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.postgres.user_directory import PostgresUserDirectory
from adapters.postgres.user_records import PostgresUserRecords
from adapters.postgres.vital_signs import PostgresVitalSigns
from adapters.system.clock import SystemClock
from application.ports.audit_history import AuditHistory
from application.ports.disclosures import Disclosures
from application.ports.front_end_directory import FrontEndDirectory
from application.ports.login_attempts import LoginAttempts
from application.ports.readiness import Readiness
from application.ports.sealed_trail import SealedTrail
from application.ports.service_figures import ServiceFigures
from application.ports.session_lookup import SessionLookup
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.ports.user_directory import UserDirectory
from application.ports.user_records import UserRecords
from application.ports.vital_signs import VitalSigns
from domain.identifiers import SessionId, UserId
from domain.revocation import Revocation, RevokedBy
from domain.session import Session
from domain.session_standing import SessionStanding
from domain.user import LinkedUser, User
from domain.va_identity import VAIdentity
from tests.support.builders import NOW, a_session, a_user_id, an_icn, an_identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The storage ports of one store."""

    unit_of_work: UnitOfWorkFactory
    session_lookup: SessionLookup
    user_directory: UserDirectory
    user_records: UserRecords
    front_end_directory: FrontEndDirectory
    disclosures: Disclosures
    audit_history: AuditHistory
    login_attempts: LoginAttempts
    readiness: Readiness
    sealed_trail: SealedTrail
    vital_signs: VitalSigns
    service_figures: ServiceFigures


def memory_storage(store: MemoryStore | None = None, operator: str | None = None) -> Storage:
    store = store or MemoryStore()
    return Storage(
        unit_of_work=lambda: MemoryUnitOfWork(store, operator),
        session_lookup=MemorySessionLookup(store),
        user_directory=MemoryUserDirectory(store),
        user_records=MemoryUserRecords(store),
        front_end_directory=MemoryFrontEndDirectory(store),
        disclosures=MemoryDisclosures(store),
        audit_history=MemoryAuditHistory(store),
        login_attempts=MemoryLoginAttempts(store),
        readiness=MemoryReadiness(),
        sealed_trail=MemorySealedTrail(store),
        vital_signs=MemoryVitalSigns(store, SystemClock()),
        service_figures=MemoryServiceFigures(store),
    )


def postgres_storage(pool: Pool, operator: str | None = None) -> Storage:
    return Storage(
        unit_of_work=lambda: PostgresUnitOfWork(pool, operator=operator),
        session_lookup=PostgresSessionLookup(pool),
        user_directory=PostgresUserDirectory(pool),
        user_records=PostgresUserRecords(pool),
        front_end_directory=PostgresFrontEndDirectory(pool),
        disclosures=PostgresDisclosures(pool),
        audit_history=PostgresAuditHistory(pool),
        login_attempts=PostgresLoginAttempts(pool),
        readiness=PostgresReadiness(pool, machine_clock=SystemClock()),
        sealed_trail=PostgresSealedTrail(pool),
        vital_signs=PostgresVitalSigns(pool),
        service_figures=PostgresServiceFigures(pool),
    )


async def link(work: UnitOfWork, identity: VAIdentity, *, now: datetime = NOW) -> LinkedUser:
    """Link as a step of a unit, under an id that nobody has."""
    return await work.users.link(identity, identity.icn or an_icn(), new_id=a_user_id(), now=now)


async def a_stored_user(
    unit_of_work: UnitOfWorkFactory, identity: VAIdentity | None = None, *, now: datetime = NOW
) -> User:
    """A user who has signed in at ``now``; a new one unless ``identity`` is known."""
    async with unit_of_work() as work:
        linked = await link(work, identity or an_identity(), now=now)
        await work.commit()
    return linked.user


async def store_sessions(unit_of_work: UnitOfWorkFactory, *sessions: Session) -> None:
    async with unit_of_work() as work:
        for session in sessions:
            await work.sessions.add(session)
        await work.commit()


async def a_stored_session(
    unit_of_work: UnitOfWorkFactory, user_id: UserId | None = None, *, now: datetime = NOW
) -> Session:
    """A session opened at ``now``, of a new user unless one is named."""
    owner = user_id or (await a_stored_user(unit_of_work)).id
    session = a_session(owner, now=now)
    await store_sessions(unit_of_work, session)
    return session


def a_revocation(*, now: datetime = NOW, by: RevokedBy = RevokedBy.USER) -> Revocation:
    return Revocation(at=now, by=by, reason="logout")


async def revoke(
    work: UnitOfWork, user_id: UserId, session_id: SessionId, *, now: datetime = NOW
) -> bool:
    """End one session as a step of a unit."""
    return await work.sessions.revoke(user_id, session_id, a_revocation(now=now))


async def revoke_all(work: UnitOfWork, user_id: UserId, *, now: datetime = NOW) -> list[SessionId]:
    """End every session of a user as a step of a unit."""
    return await work.sessions.revoke_all(user_id, a_revocation(now=now))


def standing_of(session: Session) -> SessionStanding:
    """What a look-up has to say of a session."""
    return SessionStanding(
        session_id=session.id,
        user_id=session.user_id,
        issued_at=session.issued_at,
        renewed_at=session.renewed_at,
        expires_at=session.expires_at,
        absolute_expires_at=session.absolute_expires_at,
        is_revoked=session.revocation is not None,
        front_end=session.front_end,
    )
