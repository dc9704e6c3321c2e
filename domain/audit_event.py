"""The catalogue of what the audit trail records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from domain.identifiers import SessionId, UserId
from domain.session import Session
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor


class AuditEventType(StrEnum):
    """What happened. The names stand in the stored trail: they are never reused."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    VA_LINKED = "va_linked"
    LOGOUT = "logout"
    LOGOUT_ALL = "logout_all"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that happened, as the trail keeps it. Never a secret, name or ICN.

    Attributes:
        occurred_at: Instant (UTC).
        user_id: Whom it concerns; None while nobody is known.
        data: Codes, ids and counts.
    """

    type: AuditEventType
    occurred_at: datetime
    user_id: UserId | None
    visitor: Visitor
    data: Mapping[str, str | int] = field(default_factory=dict)

    @classmethod
    def login(cls, session: Session, *, visitor: Visitor, now: datetime) -> Self:
        """A session was opened: exactly one such event per session."""
        return cls(
            type=AuditEventType.LOGIN,
            occurred_at=now,
            user_id=session.user_id,
            visitor=visitor,
            data={"method": "va_oauth", "session_id": str(session.id)},
        )

    @classmethod
    def login_failed(
        cls,
        failure: SignInFailure,
        *,
        reason: str,
        visitor: Visitor,
        now: datetime,
        user_id: UserId | None = None,
    ) -> Self:
        """A sign-in ended without a session; ``reason`` is finer than the public code."""
        return cls(
            type=AuditEventType.LOGIN_FAILED,
            occurred_at=now,
            user_id=user_id,
            visitor=visitor,
            data={"error": failure.value, "reason": reason},
        )

    @classmethod
    def va_linked(cls, user_id: UserId, *, visitor: Visitor, now: datetime) -> Self:
        """A user was made for a VA identity."""
        return cls(type=AuditEventType.VA_LINKED, occurred_at=now, user_id=user_id, visitor=visitor)

    @classmethod
    def logout(
        cls, user_id: UserId, session_id: SessionId, *, visitor: Visitor, now: datetime
    ) -> Self:
        """A user ended one session."""
        return cls(
            type=AuditEventType.LOGOUT,
            occurred_at=now,
            user_id=user_id,
            visitor=visitor,
            data={"session_id": str(session_id)},
        )

    @classmethod
    def logout_all(cls, user_id: UserId, *, count: int, visitor: Visitor, now: datetime) -> Self:
        """A user ended every session; ``count`` is how many still stood."""
        return cls(
            type=AuditEventType.LOGOUT_ALL,
            occurred_at=now,
            user_id=user_id,
            visitor=visitor,
            data={"sessions": count},
        )
