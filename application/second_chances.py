"""What a browser gets whose attempt to sign in can't be completed.

A browser cancels a callback and sends it again, goes back, restores a tab, or comes after hours
from the identity proofing at VA. The attempt stays as it is: used once, or too old. Only the
browser that began it gets something better than an error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import final

from application.errors import UnauthenticatedError
from application.front_end_roster import FrontEndRoster
from application.login_starts import LoginStarts, Restart, VALoginStarted
from application.ports.clock import Clock
from application.ports.login_attempts import LoginAttempts
from application.ports.session_lookup import SessionLookup
from application.ports.session_tokens import SessionTokens
from application.ports.unit_of_work import UnitOfWorkFactory
from application.sign_in_errors import AttemptRefusedError, FrontEndGoneError
from domain.attempt_note import AttemptNote
from domain.audit_event import AuditEvent, AuditEventType
from domain.errors import UnknownFrontEndError
from domain.front_end import FrontEnd
from domain.login_attempt import LoginSecrets
from domain.return_path import ReturnPath
from domain.secret import Secret
from domain.session_claims import SessionClaims
from domain.visitor import Visitor

#: Returns the JWT that a browser has in its cookie for a front end, or None.
HeldToken = Callable[[FrontEnd], Secret | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturningBrowser:
    """What a browser brings back to the callback.

    Attributes:
        secrets: `state` and the attempt's cookie, or None if either is missing or malformed.
        note: The note of the attempt, or None if the browser has none.
        token: The JWT of the browser's session at a front end, or None. Only in `cookie` delivery.
    """

    secrets: LoginSecrets | None
    note: AttemptNote | None
    token: HeldToken
    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class VALoginRepeated:
    """The browser is signed in already. Nothing was changed.

    Attributes:
        expires_at: When the JWT of its session expires.
    """

    expires_at: datetime
    return_to: ReturnPath | None
    front_end: FrontEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class VALoginRestarted:
    """Another attempt was started, which replaces the one that the browser came back with.

    Attributes:
        note: The note for the attempt that was replaced, so that it isn't restarted again.
    """

    started: VALoginStarted
    note: AttemptNote


@final
class SecondChances:
    """Recognizes the browser that began an attempt, and starts the sign-in again once."""

    def __init__(
        self,
        *,
        attempts: LoginAttempts,
        starts: LoginStarts,
        tokens: SessionTokens,
        sessions: SessionLookup,
        front_ends: FrontEndRoster,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._attempts = attempts
        self._starts = starts
        self._tokens = tokens
        self._sessions = sessions
        self._front_ends = front_ends
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def give(
        self, browser: ReturningBrowser, refused: AttemptRefusedError
    ) -> VALoginRepeated | VALoginRestarted:
        """Finds the session that the browser has, or else starts the sign-in again.

        Raises:
            AttemptRefusedError: Nothing shows that this browser began the attempt, or the attempt
                was restarted before, or is a restart itself.
            FrontEndGoneError: The front end of the attempt was disabled.
            TooManyLoginsError: The visitor's address started too many sign-ins.
            ProviderUnavailableError: VA can't be asked now.
            UnavailableError: Storage did not answer.
        """
        known = await self._note_of(browser)
        if known is None:
            raise refused
        try:
            front_end = await self._front_ends.find(known.front_end)
        except UnknownFrontEndError as error:
            raise FrontEndGoneError(known.front_end) from error
        refused.return_to, refused.front_end = known.return_to, front_end.id
        token = browser.token(front_end)
        if token and (claims := await self._standing_session(token, front_end)) is not None:
            await self._record_repetition(claims, browser.visitor, refused.reason)
            return VALoginRepeated(
                expires_at=claims.expires_at, return_to=known.return_to, front_end=front_end
            )
        if not known.can_restart:
            raise refused
        restart = Restart(
            reason=refused.reason,
            replaces=None if browser.secrets is None else browser.secrets.state_hash,
        )
        started = await self._starts.start(
            visitor=browser.visitor,
            return_to=known.return_to,
            front_end=front_end,
            restart=restart,
        )
        return VALoginRestarted(started=started, note=known.spent())

    async def _note_of(self, browser: ReturningBrowser) -> AttemptNote | None:
        """Returns what is known of the attempt, if this browser began it."""
        if browser.note is not None:
            return browser.note if browser.note.is_current(self._clock.now()) else None
        if browser.secrets is None:
            return None
        # The browser lost its note, or an earlier version began the attempt.
        attempt = await self._attempts.find(
            state_hash=browser.secrets.state_hash, browser_hash=browser.secrets.browser_hash
        )
        return None if attempt is None else AttemptNote.of(attempt, browser.secrets)

    async def _standing_session(self, token: Secret, front_end: FrontEnd) -> SessionClaims | None:
        now = self._clock.now()
        try:
            claims = self._tokens.verify(token.reveal(), now=now)
        except UnauthenticatedError:
            return None
        session = await self._sessions.find(claims.user_id, claims.session_id)
        if session is None or session.front_end != front_end.id:
            return None
        return claims if session.is_active(now) else None

    async def _record_repetition(
        self, claims: SessionClaims, visitor: Visitor, reason: str
    ) -> None:
        event = AuditEvent.of_session(
            AuditEventType.LOGIN_REPEATED,
            claims.user_id,
            claims.session_id,
            visitor=visitor,
            now=self._clock.now(),
            reason=reason,
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
