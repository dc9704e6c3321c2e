"""The sentences that describe audit events to operators."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from domain.audit_event import AuditEventType
from domain.audit_record import AuditRecord

_Data = Mapping[str, str | int]


def told(record: AuditRecord) -> str:
    """One sentence about an event. A type that isn't in the catalog is named as it is."""
    try:
        words = WORDS[AuditEventType(record.type)]
    except ValueError:
        return f"Event {record.type}."
    return words if isinstance(words, str) else words(record.data)


def _login_failed(data: _Data) -> str:
    return f"A sign-in failed: {data.get('error', 'unknown')} ({data.get('reason', 'unknown')})."


def _token_used(data: _Data) -> str:
    return f"A back end got an access token of VA, for {data.get('purpose', 'an unknown purpose')}."


def _session_revoked(data: _Data) -> str:
    if data.get("reason") == "replaced_by_login":
        return "A session ended because of a new sign-in in the same browser."
    if data.get("reason") == "answer_lost":
        return "A session ended because the browser never received it."
    return "The person ended one of their sessions."


def _merged(data: _Data) -> str:
    if "into" in data:
        return f"An operator merged this user into {data['into']}."
    return f"An operator merged {data.get('merged', 'another user')} into this user."


def _refused(data: _Data) -> str:
    return (
        f"An operator's command changed nothing: {data.get('command', 'unknown')} "
        f"({data.get('reason', 'unknown')})."
    )


_Type = AuditEventType
#: For each type, a sentence or a function that builds one from the event's data.
WORDS: Final[Mapping[AuditEventType, str | Callable[[_Data], str]]] = MappingProxyType(
    {
        _Type.LOGIN_STARTED: "A sign-in started.",
        _Type.LOGIN_RESTARTED: "A sign-in started again.",
        _Type.LOGIN_REPEATED: "The browser came back to a sign-in that was finished.",
        _Type.LOGIN: "Signed in with VA.gov.",
        _Type.LOGIN_FAILED: _login_failed,
        _Type.VA_LINKED: "The account was created for a VA identity.",
        _Type.VA_UNLINKED: "The person unlinked VA, and all sessions ended.",
        _Type.VA_UNLINK_REFUSED: "The person asked to unlink VA, but had to sign in again first.",
        _Type.ATTRIBUTES_CHANGED: "VA sent new information about the person.",
        _Type.VA_TOKEN_USED: _token_used,
        _Type.VA_TOKEN_USE_REFUSED: "A back end asked for an access token of VA and was refused.",
        _Type.VA_TOKENS_REFRESHED: "VA's tokens were refreshed.",
        _Type.VA_REFRESH_REFUSED: "VA's tokens couldn't be refreshed.",
        _Type.VA_TOKENS_REVOKED: "VA was asked to revoke its tokens.",
        _Type.VA_TOKENS_SHREDDED: "VA's tokens were shredded after a long time without a sign-in.",
        _Type.DATA_KEY_REPLACED: "The data key was replaced.",
        _Type.KEYS_REWRAPPED: "Data keys were rewrapped.",
        _Type.SESSION_REDEEMED: "The session was handed over to the browser.",
        _Type.SESSION_REDEEM_REFUSED: "A browser asked for a session and was refused.",
        _Type.SESSION_RENEWED: "A session was renewed.",
        _Type.SESSION_RENEW_REPEATED: "The last renewal of a session was repeated.",
        _Type.SESSION_RENEW_REFUSED: "A renewal was refused.",
        _Type.SESSION_ENDED: "A session reached its limit.",
        _Type.SESSION_REVOKED: _session_revoked,
        _Type.SESSION_REVOKE_REFUSED: "The person asked to end a session that isn't theirs.",
        _Type.SESSION_THEFT: "A session was ended because an old key to it was used again.",
        _Type.LOGOUT: "The person signed out.",
        _Type.LOGOUT_OTHERS: "The person signed out everywhere else.",
        _Type.LOGOUT_ALL: "The person signed out everywhere.",
        _Type.LOGOUT_BY_OPERATOR: "An operator ended all sessions.",
        _Type.SESSION_ENDED_BY_OPERATOR: "An operator ended one session.",
        _Type.VA_UNLINKED_BY_OPERATOR: "An operator unlinked VA, and all sessions ended.",
        _Type.ICN_CHANGED: "An operator changed the ICN.",
        _Type.USER_MERGED: _merged,
        _Type.USER_FOUND: "An operator found this person in a search.",
        _Type.USER_SHOWN: "An operator looked at this person's page.",
        _Type.USER_DISABLED: "An operator disabled the account.",
        _Type.USER_ENABLED: "An operator enabled the account.",
        _Type.CLIENT_ADDED: "A back end was registered.",
        _Type.CLIENT_CREDENTIAL_ADDED: "A back end got a new secret or key.",
        _Type.CLIENT_CREDENTIAL_RETIRED: "Older secrets or keys of a back end were retired.",
        _Type.CLIENT_DISABLED: "A back end was disabled.",
        _Type.CLIENT_REFUSED: "A back end was refused.",
        _Type.FRONT_END_ADDED: "A front end was registered.",
        _Type.FRONT_END_CHANGED: "A front end was changed.",
        _Type.FRONT_END_DISABLED: "A front end was disabled.",
        _Type.PURGED: "Expired rows were purged.",
        _Type.COMMAND_REFUSED: _refused,
        _Type.OPERATOR_SIGNED_IN: "An operator signed in to the console.",
        _Type.OPERATOR_SIGN_IN_REFUSED: "A sign-in to the console was refused.",
        _Type.OPERATOR_SIGNED_OUT: "An operator signed out of the console.",
        _Type.CONSOLE_SHOWN: "An operator looked at a page of the console.",
        _Type.AUDIT_SHOWN: "An operator read the audit trail.",
        _Type.AUDIT_EXPORTED: "An operator exported the audit trail.",
        _Type.AUDIT_DROPPED: "An operator dropped a month of the audit trail.",
        _Type.SCHEMA_MIGRATED: "The schema was migrated.",
    }
)
