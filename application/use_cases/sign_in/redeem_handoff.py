"""Use case: redeem a hand-over code for the tokens of its session."""

from dataclasses import dataclass
from datetime import datetime
from typing import final

from application.errors import OtherFrontEndError, SessionEndedError, UnauthenticatedError
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.session_grants import SessionGrants
from domain.audit_event import AuditEvent, AuditEventType
from domain.front_end import FrontEndId
from domain.handoff import Handoff, HandoffHolder
from domain.identifiers import TokenId
from domain.refresh_token import RefreshToken
from domain.secret import Secret, hash_of
from domain.session_grant import SessionGrant
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemHandoffCommand:
    """The hand-over code, and who redeems it.

    Attributes:
        front_end: Whose page redeems it, or None if no page does.
    """

    code: Secret
    holder: HandoffHolder
    visitor: Visitor
    front_end: FrontEndId | None = None


@final
class RedeemHandoff:
    """Hands a session over once, to the browser that signed in or the app that began."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        grants: SessionGrants,
        secrets: SecretSource,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._grants = grants
        self._secrets = secrets
        self._clock = clock

    async def execute(self, command: RedeemHandoffCommand) -> SessionGrant:
        """Redeems the code, in one transaction with its audit event.

        Raises:
            UnauthenticatedError: The code isn't this holder's, was redeemed before, or expired.
            OtherFrontEndError: The code belongs to another front end. It is used up.
            SessionEndedError: Its session has ended. The code is used up.
            UnavailableError: Storage did not answer. The code can be tried again.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            handoff = await work.handoffs.take(
                code_hash=hash_of(command.code), holder=command.holder, now=now
            )
            if handoff is None:
                event = AuditEvent.of_service(
                    AuditEventType.SESSION_REDEEM_REFUSED, visitor=command.visitor, now=now
                )
                await work.audit.append(event)
                await work.commit()
                raise UnauthenticatedError
            refusal: UnauthenticatedError | None = None
            event_type, data = AuditEventType.SESSION_REDEEMED, {}
            try:
                grant = await self._hand_over(work, handoff, command.front_end, now)
            except OtherFrontEndError as error:
                refusal, data = error, {"reason": "other_front_end"}
            except SessionEndedError as error:
                refusal = error
            if refusal is not None:
                event_type = AuditEventType.SESSION_REDEEM_REFUSED
            event = AuditEvent.of_session(
                event_type,
                handoff.user_id,
                handoff.session_id,
                visitor=command.visitor,
                now=now,
                **data,
            )
            await work.audit.append(event)
            await work.commit()
        if refusal is not None:
            raise refusal
        return grant

    async def _hand_over(
        self,
        work: UnitOfWork,
        handoff: Handoff,
        front_end: FrontEndId | None,
        now: datetime,
    ) -> SessionGrant:
        """Returns the session's tokens, or raises why there are none."""
        user = await work.users.find(handoff.user_id)
        session = await work.sessions.lock(handoff.user_id, handoff.session_id)
        if user is None or session is None or not session.is_active(now):
            raise SessionEndedError
        if front_end not in {None, session.front_end}:
            raise OtherFrontEndError
        refresh = RefreshToken(user_id=user.id, session_id=session.id, secret=self._secrets.token())
        handed = session.hand_out(refresh, token_id=TokenId(self._secrets.token().reveal()))
        if not await work.sessions.hand_out(handed):
            raise SessionEndedError
        return self._grants.grant(handed, user.icn, refresh)
