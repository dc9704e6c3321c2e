"""Sign-in attempts, in memory."""

from dataclasses import replace
from datetime import datetime
from typing import final

from adapters.memory.store import MemoryStore
from application.ports.login_attempts import LoginAttempts
from domain.audit_event import AuditEvent
from domain.login_attempt import ATTEMPT_KEPT_FOR, AttemptRefusal, LoginAttempt


@final
class MemoryLoginAttempts(LoginAttempts):
    """Holds the same lock as units of work, so an attempt is consumed atomically."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def add(self, attempt: LoginAttempt, event: AuditEvent) -> None:
        async with self._store.turn:
            tables = self._store.committed
            kept = tables.login_attempts
            for state_hash, old in list(kept.items()):
                if old.expires_at + ATTEMPT_KEPT_FOR < attempt.created_at:
                    tables.forget_attempt(state_hash)
            kept[attempt.state_hash] = attempt
            tables.audit.append(replace(event, visitor=event.visitor.as_recorded()))

    async def consume(
        self, *, state_hash: bytes, browser_hash: bytes, now: datetime
    ) -> LoginAttempt | AttemptRefusal:
        async with self._store.turn:
            kept = self._store.committed.login_attempts
            attempt = kept.get(state_hash)
            if attempt is None:
                return AttemptRefusal.UNKNOWN
            refusal = attempt.refusal(browser_hash=browser_hash, now=now)
            if refusal is not None:
                return refusal
            consumed = replace(attempt, consumed_at=now)
            kept[state_hash] = consumed
            return consumed

    async def find(self, *, state_hash: bytes, browser_hash: bytes) -> LoginAttempt | None:
        async with self._store.turn:
            attempt = self._store.committed.login_attempts.get(state_hash)
        is_ours = attempt is not None and attempt.browser_hash == browser_hash
        return attempt if is_ours else None
