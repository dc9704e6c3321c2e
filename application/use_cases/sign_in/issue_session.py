"""Use case: open a session."""

from dataclasses import dataclass
from typing import final

from application.errors import NotFoundError
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.session_grants import SessionGrants
from domain.audit_event import AuditEvent
from domain.front_end import SETTINGS_FRONT_END, FrontEnd
from domain.identifiers import SessionId, TokenId, UserId
from domain.refresh_token import RefreshToken
from domain.session import Session
from domain.session_grant import SessionGrant
from domain.session_limits import SessionLimits
from domain.user import User
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueSessionCommand:
    """The user, and the visitor who signs in.

    Attributes:
        front_end: Where the visitor signs in. None: the front end of the settings.
    """

    user_id: UserId
    visitor: Visitor
    front_end: FrontEnd | None = None


@final
class IssueSession:
    """Opens a session while it holds the user's row, so that it sees every revocation."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        grants: SessionGrants,
        secrets: SecretSource,
        clock: Clock,
        limits: SessionLimits,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._grants = grants
        self._secrets = secrets
        self._clock = clock
        self._limits = limits

    async def execute(self, command: IssueSessionCommand) -> SessionGrant:
        """Opens a session in a transaction of its own.

        Raises:
            NotFoundError: The user doesn't exist, or is disabled.
            UnavailableError: Storage did not answer. No session was opened.
        """
        async with self._unit_of_work() as work:
            user = await work.users.lock(command.user_id)
            if user is None or not user.is_active:
                raise NotFoundError
            grant = await self.join(work, user, command.visitor, command.front_end)
            await work.commit()
        return grant

    async def join(
        self,
        work: UnitOfWork,
        user: User,
        visitor: Visitor,
        front_end: FrontEnd | None,
        *,
        opened_by: bytes | None = None,
    ) -> SessionGrant:
        """Opens a session inside a unit of work that has locked the user. The caller commits.

        Args:
            work: The unit of work.
            user: Whose session it is.
            visitor: Who signs in.
            front_end: Where the visitor signs in. None: the front end of the settings.
            opened_by: The state's hash of the attempt, or None if there was none.

        Raises:
            AttemptSupersededError: The attempt was superseded; raised here or at commit.
            UnavailableError: Storage did not answer.
        """
        now = self._clock.now()
        token_id = TokenId(self._secrets.token().reveal())
        opened = Session.issue(
            session_id=SessionId(self._secrets.uuid()),
            user_id=user.id,
            token_id=token_id,
            visitor=visitor,
            now=now,
            limits=front_end.limits(self._limits) if front_end else self._limits,
            front_end=front_end.id if front_end else SETTINGS_FRONT_END,
        )
        refresh = RefreshToken(user_id=user.id, session_id=opened.id, secret=self._secrets.token())
        session = opened.hand_out(refresh, token_id=token_id)
        await work.sessions.add(session, opened_by=opened_by)
        await work.audit.append(AuditEvent.login(session, visitor=visitor, now=now))
        return self._grants.grant(session, user.icn, refresh)
