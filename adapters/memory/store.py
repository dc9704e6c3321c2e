"""The data that the in-memory adapters share."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from domain.audit_event import AuditEvent
from domain.audit_retention import BatchesExported, DroppedMonth
from domain.audit_seal import SealedBatch, SealedLeaf
from domain.client_assertion import ClientAssertion
from domain.data_key import WrappedDataKey
from domain.front_end import FrontEnd, FrontEndId
from domain.handoff import Handoff
from domain.identifiers import ICN, SessionId, UserId
from domain.login_attempt import LoginAttempt
from domain.outage import Outage
from domain.service_client import ClientId, ServiceClient
from domain.session import Session
from domain.user import User
from domain.va_revocation import VARevocation
from domain.va_token_refresh import RefreshState
from domain.va_tokens import SealedVATokens


@dataclass(slots=True)
class MemoryTables:
    """The rows of each table by key. The rows are immutable, so a shallow copy is a snapshot."""

    users: dict[UserId, User] = field(default_factory=dict)
    #: When each user was created.
    user_times: dict[UserId, datetime] = field(default_factory=dict)
    aliases: dict[tuple[str, str], UserId] = field(default_factory=dict)
    #: When each alias was first and last seen.
    alias_times: dict[tuple[str, str], tuple[datetime, datetime]] = field(default_factory=dict)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    login_attempts: dict[bytes, LoginAttempt] = field(default_factory=dict)
    attempt_sessions: dict[bytes, tuple[UserId, SessionId]] = field(default_factory=dict)
    superseded_attempts: dict[bytes, datetime] = field(default_factory=dict)
    handoffs: dict[bytes, Handoff] = field(default_factory=dict)
    data_keys: dict[UserId, WrappedDataKey] = field(default_factory=dict)
    va_tokens: dict[UserId, SealedVATokens] = field(default_factory=dict)
    va_token_states: dict[UserId, RefreshState] = field(default_factory=dict)
    #: Each token with the time when it was replaced, newest first.
    va_replaced_tokens: dict[UserId, tuple[tuple[datetime, bytes], ...]] = field(
        default_factory=dict
    )
    va_revocations: dict[UUID, VARevocation] = field(default_factory=dict)
    service_clients: dict[ClientId, ServiceClient] = field(default_factory=dict)
    front_ends: dict[FrontEndId, FrontEnd] = field(default_factory=dict)
    used_assertions: dict[tuple[ClientId, bytes], ClientAssertion] = field(default_factory=dict)
    outages: list[Outage] = field(default_factory=list)
    audit: list[AuditEvent] = field(default_factory=list)
    audit_gone: set[int] = field(default_factory=set)
    audit_exports: list[BatchesExported] = field(default_factory=list)
    audit_drops: dict[str, DroppedMonth] = field(default_factory=dict)
    audit_batches: dict[int, SealedBatch] = field(default_factory=dict)
    audit_leaves: dict[int, tuple[SealedLeaf, ...]] = field(default_factory=dict)

    def copy(self) -> Self:
        """Returns a copy of the tables with the same rows."""
        return replace(
            self,
            users=dict(self.users),
            user_times=dict(self.user_times),
            aliases=dict(self.aliases),
            alias_times=dict(self.alias_times),
            sessions=dict(self.sessions),
            login_attempts=dict(self.login_attempts),
            attempt_sessions=dict(self.attempt_sessions),
            superseded_attempts=dict(self.superseded_attempts),
            handoffs=dict(self.handoffs),
            data_keys=dict(self.data_keys),
            va_tokens=dict(self.va_tokens),
            va_token_states=dict(self.va_token_states),
            va_replaced_tokens=dict(self.va_replaced_tokens),
            va_revocations=dict(self.va_revocations),
            service_clients=dict(self.service_clients),
            front_ends=dict(self.front_ends),
            used_assertions=dict(self.used_assertions),
            outages=list(self.outages),
            audit=list(self.audit),
            audit_gone=set(self.audit_gone),
            audit_exports=list(self.audit_exports),
            audit_drops=dict(self.audit_drops),
            audit_batches=dict(self.audit_batches),
            audit_leaves=dict(self.audit_leaves),
        )

    def forget_attempt(self, state_hash: bytes) -> None:
        """Removes an attempt, with all that is kept about it."""
        del self.login_attempts[state_hash]
        self.attempt_sessions.pop(state_hash, None)
        self.superseded_attempts.pop(state_hash, None)

    def user_of(self, icn: ICN) -> User | None:
        """Returns the user with this ICN, or None."""
        return next((user for user in self.users.values() if user.icn == icn), None)


class MemoryStore:
    """The committed rows, and the lock that lets one unit of work run at a time."""

    def __init__(self) -> None:
        self.committed = MemoryTables()
        self.turn = asyncio.Lock()
