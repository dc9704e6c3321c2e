"""The catalog of audit events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.identifiers import SessionId, UserId
from domain.session import Session
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor

#: The name of the front end's id in an event's data.
FRONT_END: Final = "front_end"


class AuditEventType(StrEnum):
    """The type of an event. The values are stored in the audit trail and are never reused.

    The line below each one goes into docs/reference.md.
    """

    LOGIN_STARTED = "login_started"
    """A sign-in started."""
    LOGIN_RESTARTED = "login_restarted"
    """A sign-in started in place of one that the same browser could no longer complete."""
    LOGIN_REPEATED = "login_repeated"
    """A used callback came again from a browser that is signed in, and changed nothing."""
    LOGIN = "login"
    """A session was opened. Each session has exactly one."""
    LOGIN_FAILED = "login_failed"
    """A sign-in ended without a session."""
    VA_LINKED = "va_linked"
    """A user was created for a VA identity."""
    VA_UNLINKED = "va_unlinked"
    """A Veteran unlinked VA. VA's tokens were shredded and every session ended."""
    VA_UNLINK_REFUSED = "va_unlink_refused"
    """An unlink was refused because the sign-in wasn't recent."""
    ATTRIBUTES_CHANGED = "attributes_changed"
    """A sign-in brought other names, another e-mail address or another Veteran status."""
    VA_TOKEN_USED = "va_token_used"  # noqa: S105 - an event's name
    """A back end got an access token of VA."""
    VA_TOKEN_USE_REFUSED = "va_token_use_refused"  # noqa: S105 - an event's name
    """A back end was refused an access token of VA."""
    VA_TOKENS_REFRESHED = "va_tokens_refreshed"
    """VA's tokens were refreshed."""
    VA_REFRESH_REFUSED = "va_refresh_refused"
    """VA's tokens could not be refreshed."""
    VA_TOKENS_REVOKED = "va_tokens_revoked"
    """Tokens left the outbox: VA revoked them, or the outcome says why not."""
    VA_TOKENS_SHREDDED = "va_tokens_shredded"
    """The VA tokens of a user who hasn't signed in for long were shredded."""
    DATA_KEY_REPLACED = "data_key_replaced"
    """A sign-in replaced a data key that could not be unwrapped."""
    KEYS_REWRAPPED = "keys_rewrapped"
    """Data keys were rewrapped under the first master key."""
    SESSION_REDEEMED = "session_redeemed"
    """A one-time code was redeemed."""
    SESSION_REDEEM_REFUSED = "session_redeem_refused"
    """A one-time code was refused."""
    SESSION_RENEWED = "session_renewed"
    """A session was renewed."""
    SESSION_RENEW_REPEATED = "session_renew_repeated"
    """A renewal was repeated within the grace."""
    SESSION_RENEW_REFUSED = "session_renew_refused"
    """A renewal was refused."""
    SESSION_ENDED = "session_ended"
    """A renewal found that the session had reached a limit."""
    SESSION_REVOKED = "session_revoked"
    """A Veteran ended one session, or a new sign-in replaced it."""
    SESSION_REVOKE_REFUSED = "session_revoke_refused"
    """A request to end a session named one that isn't the caller's."""
    SESSION_THEFT = "session_theft"
    """A refresh token was used again after its successor. The session was ended."""
    LOGOUT = "logout"
    """A Veteran signed out of this session."""
    LOGOUT_OTHERS = "logout_others"
    """A Veteran signed out of all other sessions."""
    LOGOUT_ALL = "logout_all"
    """A Veteran signed out everywhere."""
    LOGOUT_BY_OPERATOR = "logout_by_operator"
    """An operator ended all sessions of a user."""
    SESSION_ENDED_BY_OPERATOR = "session_ended_by_operator"
    """An operator ended one session of a user."""
    VA_UNLINKED_BY_OPERATOR = "va_unlinked_by_operator"
    """An operator unlinked VA. VA's tokens were shredded and every session ended."""
    ICN_CHANGED = "icn_changed"
    """An operator gave a user the ICN that VA has now."""
    USER_MERGED = "user_merged"
    """An operator merged two users whom VA knows as one person. Each of them has one event."""
    USER_FOUND = "user_found"
    """An operator searched for users and was shown this one, or none."""
    USER_SHOWN = "user_shown"
    """An operator looked at everything that is stored about a user."""
    USER_DISABLED = "user_disabled"
    """An operator disabled a user."""
    USER_ENABLED = "user_enabled"
    """An operator enabled a user."""
    CLIENT_ADDED = "client_added"
    """An operator registered a client."""
    CLIENT_CREDENTIAL_ADDED = "client_credential_added"
    """A client got a new secret or key."""
    CLIENT_CREDENTIAL_RETIRED = "client_credential_retired"
    """Older secrets or keys of a client were retired."""
    CLIENT_DISABLED = "client_disabled"
    """An operator disabled a client."""
    FRONT_END_ADDED = "front_end_added"
    """An operator registered a front end."""
    FRONT_END_CHANGED = "front_end_changed"
    """An operator changed a front end."""
    FRONT_END_DISABLED = "front_end_disabled"
    """An operator disabled a front end."""
    CLIENT_REFUSED = "client_refused"
    """A client didn't authenticate, or requested something that it isn't registered for."""
    PURGED = "purged"
    """Expired rows were purged."""
    COMMAND_REFUSED = "command_refused"
    """An operator's command changed nothing."""
    OPERATOR_SIGNED_IN = "operator_signed_in"
    """An operator signed in to the console."""
    OPERATOR_SIGN_IN_REFUSED = "operator_sign_in_refused"
    """A sign-in to the console was refused."""
    OPERATOR_SIGNED_OUT = "operator_signed_out"
    """An operator signed out of the console."""
    CONSOLE_SHOWN = "console_shown"
    """An operator looked at a page of the console that concerns nobody in particular."""
    AUDIT_SHOWN = "audit_shown"
    """An operator read the audit trail."""
    AUDIT_EXPORTED = "audit_exported"
    """An operator exported the audit trail."""
    AUDIT_DROPPED = "audit_dropped"
    """An operator dropped a month of the audit trail."""
    SCHEMA_MIGRATED = "schema_migrated"
    """The schema was migrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One event of the audit trail. It never contains a secret, a name or an ICN.

    Attributes:
        occurred_at: When it happened (UTC).
        user_id: The user that it concerns, or None if the user isn't known.
        data: Codes, ids and counts.
    """

    type: AuditEventType
    occurred_at: datetime
    user_id: UserId | None
    visitor: Visitor
    data: Mapping[str, str | int] = field(default_factory=dict)

    @classmethod
    def login_started(
        cls, *, visitor: Visitor, now: datetime, front_end: FrontEndId = SETTINGS_FRONT_END
    ) -> Self:
        """Creates the event for a sign-in that started. The user isn't known yet."""
        return cls(
            type=AuditEventType.LOGIN_STARTED,
            occurred_at=now,
            user_id=None,
            visitor=visitor,
            data=_from(front_end),
        )

    @classmethod
    def login_restarted(
        cls,
        *,
        reason: str,
        visitor: Visitor,
        now: datetime,
        front_end: FrontEndId = SETTINGS_FRONT_END,
    ) -> Self:
        """Creates the event for a sign-in that starts in place of another.

        ``reason`` says why the other one couldn't be completed.
        """
        return cls(
            type=AuditEventType.LOGIN_RESTARTED,
            occurred_at=now,
            user_id=None,
            visitor=visitor,
            data={"reason": reason} | _from(front_end),
        )

    @classmethod
    def login(cls, session: Session, *, visitor: Visitor, now: datetime) -> Self:
        """Creates the event for a session that was opened. Each session has exactly one."""
        return cls(
            type=AuditEventType.LOGIN,
            occurred_at=now,
            user_id=session.user_id,
            visitor=visitor,
            data={"method": "va_oauth", "session_id": str(session.id)} | _from(session.front_end),
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
        front_end: FrontEndId = SETTINGS_FRONT_END,
        **details: str,
    ) -> Self:
        """Creates the event for a sign-in that ended without a session.

        ``reason`` is more specific than the public code, and ``details`` are ids and pseudonyms.
        """
        return cls(
            type=AuditEventType.LOGIN_FAILED,
            occurred_at=now,
            user_id=user_id,
            visitor=visitor,
            data={"error": failure.value, "reason": reason, **details} | _from(front_end),
        )

    @classmethod
    def va_linked(cls, user_id: UserId, *, visitor: Visitor, now: datetime) -> Self:
        """Creates the event for a user that was created for a VA identity."""
        return cls(type=AuditEventType.VA_LINKED, occurred_at=now, user_id=user_id, visitor=visitor)

    @classmethod
    def of_session(
        cls,
        type_: AuditEventType,
        user_id: UserId,
        session_id: SessionId,
        *,
        visitor: Visitor,
        now: datetime,
        **data: str | int,
    ) -> Self:
        """Creates an event that concerns one session."""
        return cls(
            type=type_,
            occurred_at=now,
            user_id=user_id,
            visitor=visitor,
            data={"session_id": str(session_id), **data},
        )

    @classmethod
    def of_user(
        cls,
        type_: AuditEventType,
        user_id: UserId,
        *,
        visitor: Visitor,
        now: datetime,
        **data: str | int,
    ) -> Self:
        """Creates an event that concerns a user, or several sessions of a user at once."""
        return cls(type=type_, occurred_at=now, user_id=user_id, visitor=visitor, data=data)

    @classmethod
    def command_refused(
        cls,
        command: str,
        *,
        reason: str,
        now: datetime,
        user_id: UserId | None = None,
        **data: str | int,
    ) -> Self:
        """Creates the event for an operator's command that changed nothing.

        ``user_id`` is the id that the command named, whether or not such a user exists.
        """
        return cls(
            type=AuditEventType.COMMAND_REFUSED,
            occurred_at=now,
            user_id=user_id,
            visitor=Visitor(),
            data={"command": command, "reason": reason, **data},
        )

    @classmethod
    def of_service(
        cls, type_: AuditEventType, *, visitor: Visitor, now: datetime, **data: str | int
    ) -> Self:
        """Creates an event that doesn't concern a single user."""
        return cls(type=type_, occurred_at=now, user_id=None, visitor=visitor, data=data)


def _from(front_end: FrontEndId) -> dict[str, str]:
    """The front end of an event, unless it is the one of the settings."""
    return {} if front_end == SETTINGS_FRONT_END else {FRONT_END: str(front_end)}
