"""The sessions that attempts opened, in memory."""

from collections.abc import Collection
from datetime import datetime
from typing import final

from adapters.memory.store import MemoryTables
from application.ports.attempt_outcomes import AttemptOutcomes
from domain.identifiers import SessionId, UserId
from domain.login_attempt import LoginAttempt


@final
class MemoryAttemptOutcomes(AttemptOutcomes):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft

    async def supersede(
        self, browser_hashes: Collection[bytes], *, by: LoginAttempt, now: datetime
    ) -> list[tuple[UserId, SessionId]]:
        lost = [
            attempt.state_hash
            for attempt in self._draft.login_attempts.values()
            if attempt.browser_hash in browser_hashes
            and attempt.consumed_at is not None
            and (attempt.consumed_at < by.created_at or attempt.state_hash == by.replaces)
        ]
        self._draft.superseded_attempts.update(dict.fromkeys(lost, now))
        opened = self._draft.attempt_sessions
        return [opened.pop(state_hash) for state_hash in lost if state_hash in opened]
