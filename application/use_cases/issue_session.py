"""Use case: open a session."""

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from application.errors import NotFoundError
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from application.ports.session_tokens import SessionTokens
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.audit_event import AuditEvent
from domain.identifiers import SessionId, TokenId, UserId
from domain.secret import Secret
from domain.session import Session
from domain.user import User
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueSessionCommand:
    """For whom, and at whose request."""

    user_id: UserId
    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionIssued:
    """The new session and its token."""

    session: Session
    token: Secret


@final
class IssueSession:
    """Opens a session for a user whose row is held meanwhile, so no revocation slips by."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        tokens: SessionTokens,
        secrets: SecretSource,
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._tokens = tokens
        self._secrets = secrets
        self._clock = clock
        self._lifetime = lifetime

    async def execute(self, command: IssueSessionCommand) -> SessionIssued:
        """Open one in a transaction of its own.

        Raises:
            NotFoundError: No such user, or it is disabled.
            UnavailableError: Storage did not answer; no session stands.
        """
        async with self._unit_of_work() as work:
            user = await work.users.lock(command.user_id)
            if user is None or not user.is_active:
                raise NotFoundError
            issued = await self.join(work, user, command.visitor)
            await work.commit()
        return issued

    async def join(self, work: UnitOfWork, user: User, visitor: Visitor) -> SessionIssued:
        """Open one as a step of a unit that holds the user; the caller commits.

        Raises:
            UnavailableError: Storage did not answer.
        """
        now = self._clock.now()
        session = Session.issue(
            session_id=SessionId(self._secrets.uuid()),
            user_id=user.id,
            token_id=TokenId(self._secrets.token().reveal()),
            visitor=visitor,
            now=now,
            lifetime=self._lifetime,
        )
        await work.sessions.add(session)
        await work.audit.append(AuditEvent.login(session, visitor=visitor, now=now))
        return SessionIssued(session=session, token=self._tokens.issue(session, user.icn))
