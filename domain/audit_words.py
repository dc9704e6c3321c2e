"""What each event of the audit trail means to the person whom it concerns."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from domain.audit_event import AuditEventType
from domain.va_token_use import TokenPurpose

_Data = Mapping[str, str | int]

_A_SERVICE: Final = "A service of VetAssist"


def in_plain_words(type_: AuditEventType, data: _Data, *, client_name: str | None = None) -> str:
    """One sentence on what happened, to the Veteran.

    Args:
        type_: What happened.
        data: What is recorded of it.
        client_name: What the back end is called that it tells of, if it tells of one.
    """
    words = PLAIN_WORDS[type_]
    if isinstance(words, str):
        return words.format(client=client_name or _A_SERVICE)
    return words(data).format(client=client_name or _A_SERVICE)


def _used(data: _Data) -> str:
    purposes = {purpose.value: purpose.plain_name for purpose in TokenPurpose}
    purpose = purposes.get(str(data.get("purpose")))
    return f"{{client}} was given access to VA{f' in order to {purpose}' if purpose else ''}."


def _revoked(data: _Data) -> str:
    if data.get("reason") == "replaced_by_login":
        return "A session ended because you signed in again in the same browser."
    return "You signed out of one of your devices."


def _told_va(data: _Data) -> str:
    if data.get("outcome") == "revoked":
        return "VA was told that VetAssist's access for you has ended, and has ended it."
    return "VA could not be told that VetAssist's access for you has ended; VA ends it in time."


#: For every type there is: a sentence, or what makes one of the event's data.
PLAIN_WORDS: Final[Mapping[AuditEventType, str | Callable[[_Data], str]]] = MappingProxyType(
    {
        AuditEventType.LOGIN_STARTED: "A sign-in was started.",
        AuditEventType.LOGIN: "You signed in with VA.gov.",
        AuditEventType.LOGIN_FAILED: "A sign-in did not succeed.",
        AuditEventType.VA_LINKED: "Your VA.gov account was linked to VetAssist.",
        AuditEventType.VA_UNLINKED: "You took the link to VA back, and every session ended.",
        AuditEventType.VA_UNLINK_REFUSED: (
            "You asked to take the link to VA back, and had to sign in again first."
        ),
        AuditEventType.ATTRIBUTES_CHANGED: (
            "VA.gov told us something new about you, and your profile was brought up to date."
        ),
        AuditEventType.VA_TOKEN_USED: _used,
        AuditEventType.VA_TOKEN_USE_REFUSED: "{client} asked for access to VA and was refused.",
        AuditEventType.VA_TOKENS_REFRESHED: "VetAssist's access to VA for you was renewed.",
        AuditEventType.VA_REFRESH_REFUSED: (
            "VetAssist's access to VA for you could not be renewed."
        ),
        AuditEventType.VA_TOKENS_REVOKED: _told_va,
        AuditEventType.VA_TOKENS_SHREDDED: (
            "VetAssist's access to VA for you was destroyed, as you had not signed in for long."
        ),
        AuditEventType.DATA_KEY_REPLACED: (
            "The key that protects VetAssist's access to VA for you was replaced."
        ),
        AuditEventType.KEYS_REWRAPPED: "The keys that protect access to VA were renewed.",
        AuditEventType.SESSION_REDEEMED: "Your browser received its session.",
        AuditEventType.SESSION_REDEEM_REFUSED: "A browser asked for a session and was refused.",
        AuditEventType.SESSION_RENEWED: "Your session was renewed.",
        AuditEventType.SESSION_RENEW_REPEATED: (
            "The last renewal of your session was asked for once more, and answered once more."
        ),
        AuditEventType.SESSION_RENEW_REFUSED: (
            "A renewal of a session of yours that had ended was asked for, and refused."
        ),
        AuditEventType.SESSION_ENDED: "Your session ended, as its time was up.",
        AuditEventType.SESSION_REVOKED: _revoked,
        AuditEventType.SESSION_REVOKE_REFUSED: (
            "You asked to end a session that is none of yours, and nothing was done."
        ),
        AuditEventType.SESSION_THEFT: (
            "A session was ended to protect you: a key to it that had been replaced was used again."
        ),
        AuditEventType.LOGOUT: "You signed out.",
        AuditEventType.LOGOUT_OTHERS: "You signed out everywhere else.",
        AuditEventType.LOGOUT_ALL: "You signed out everywhere.",
        AuditEventType.LOGOUT_BY_OPERATOR: "VetAssist signed you out everywhere.",
        AuditEventType.USER_DISABLED: "VetAssist switched your account off.",
        AuditEventType.USER_ENABLED: "VetAssist switched your account on again.",
        AuditEventType.CLIENT_ADDED: "A service of VetAssist was registered.",
        AuditEventType.CLIENT_CREDENTIAL_ADDED: "A service of VetAssist got a new key.",
        AuditEventType.CLIENT_CREDENTIAL_RETIRED: "A service of VetAssist lost an old key.",
        AuditEventType.CLIENT_DISABLED: "A service of VetAssist was switched off.",
        AuditEventType.CLIENT_REFUSED: "A service did not prove who it is, and was refused.",
        AuditEventType.PURGED: "Records that are no longer kept were removed.",
        AuditEventType.COMMAND_REFUSED: "VetAssist tried to change your account, and could not.",
        AuditEventType.AUDIT_SHOWN: "VetAssist looked up what happened to your account.",
        AuditEventType.AUDIT_EXPORTED: "Records of this history were handed on to an auditor.",
        AuditEventType.AUDIT_DROPPED: "A month of records that had been handed on was removed.",
        AuditEventType.SCHEMA_MIGRATED: "VetAssist's database was brought up to date.",
    }
)
