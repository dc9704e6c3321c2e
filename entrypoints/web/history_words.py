"""The sentences that describe audit events to the Veteran."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from domain.audit_event import AuditEventType
from domain.va_token_use import TokenPurpose

_Data = Mapping[str, str | int]

_A_SERVICE: Final = "A service of VetAssist"


def in_plain_words(type_: AuditEventType, data: _Data, *, client_name: str | None = None) -> str:
    """Returns one sentence that tells the Veteran what happened.

    Args:
        type_: The type of the event.
        data: The data of the event.
        client_name: The name of the back end that the event concerns, if any.
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
    if data.get("reason") == "answer_lost":
        return "A session ended because your browser never received it."
    return "You signed out of one of your devices."


def _revoked_at_va(data: _Data) -> str:
    if data.get("outcome") == "revoked":
        return "VetAssist asked VA to end its access on your behalf, and VA ended it."
    return "VetAssist couldn't get VA to end its access on your behalf. It will expire on its own."


#: For each type, a sentence or a function that builds one from the event's data.
PLAIN_WORDS: Final[Mapping[AuditEventType, str | Callable[[_Data], str]]] = MappingProxyType(
    {
        AuditEventType.LOGIN_STARTED: "A sign-in started.",
        AuditEventType.LOGIN_RESTARTED: "A sign-in started again.",
        AuditEventType.LOGIN_REPEATED: "You came back to a sign-in that you had already finished.",
        AuditEventType.LOGIN: "You signed in with VA.gov.",
        AuditEventType.LOGIN_FAILED: "A sign-in failed.",
        AuditEventType.VA_LINKED: "Your VA.gov account was linked to VetAssist.",
        AuditEventType.VA_UNLINKED: (
            "You unlinked your VA.gov account, and all your sessions ended."
        ),
        AuditEventType.VA_UNLINK_REFUSED: (
            "You asked to unlink your VA.gov account, but you had to sign in again first."
        ),
        AuditEventType.ATTRIBUTES_CHANGED: (
            "VA.gov sent new information about you, and your profile was updated."
        ),
        AuditEventType.VA_TOKEN_USED: _used,
        AuditEventType.VA_TOKEN_USE_REFUSED: "{client} asked for access to VA and was refused.",
        AuditEventType.VA_TOKENS_REFRESHED: "VetAssist's access to VA on your behalf was renewed.",
        AuditEventType.VA_REFRESH_REFUSED: (
            "VetAssist's access to VA on your behalf couldn't be renewed."
        ),
        AuditEventType.VA_TOKENS_REVOKED: _revoked_at_va,
        AuditEventType.VA_TOKENS_SHREDDED: (
            "VetAssist gave up its access to VA because you hadn't signed in for a long time."
        ),
        AuditEventType.DATA_KEY_REPLACED: (
            "The key that protects VetAssist's access to VA on your behalf was replaced."
        ),
        AuditEventType.KEYS_REWRAPPED: "The keys that protect access to VA were re-encrypted.",
        AuditEventType.SESSION_REDEEMED: "Your browser received its session.",
        AuditEventType.SESSION_REDEEM_REFUSED: "A browser asked for a session and was refused.",
        AuditEventType.SESSION_RENEWED: "Your session was renewed.",
        AuditEventType.SESSION_RENEW_REPEATED: (
            "The last renewal of your session was repeated with the same result."
        ),
        AuditEventType.SESSION_RENEW_REFUSED: (
            "A request to renew one of your sessions was refused because the session had ended."
        ),
        AuditEventType.SESSION_ENDED: "Your session ended because its time was up.",
        AuditEventType.SESSION_REVOKED: _revoked,
        AuditEventType.SESSION_REVOKE_REFUSED: (
            "You asked to end a session that isn't yours, so nothing was done."
        ),
        AuditEventType.SESSION_THEFT: (
            "A session was ended to protect you because an old key to it was used again."
        ),
        AuditEventType.LOGOUT: "You signed out.",
        AuditEventType.LOGOUT_OTHERS: "You signed out everywhere else.",
        AuditEventType.LOGOUT_ALL: "You signed out everywhere.",
        AuditEventType.LOGOUT_BY_OPERATOR: "VetAssist signed you out everywhere.",
        AuditEventType.USER_DISABLED: "VetAssist disabled your account.",
        AuditEventType.USER_ENABLED: "VetAssist enabled your account again.",
        AuditEventType.CLIENT_ADDED: "A service of VetAssist was registered.",
        AuditEventType.CLIENT_CREDENTIAL_ADDED: "A service of VetAssist got a new key.",
        AuditEventType.CLIENT_CREDENTIAL_RETIRED: "An old key of a VetAssist service was retired.",
        AuditEventType.CLIENT_DISABLED: "A service of VetAssist was disabled.",
        AuditEventType.CLIENT_REFUSED: "A service couldn't prove its identity and was refused.",
        AuditEventType.PURGED: "Expired records were removed.",
        AuditEventType.COMMAND_REFUSED: "VetAssist tried to change your account but couldn't.",
        AuditEventType.AUDIT_SHOWN: "VetAssist looked up the history of your account.",
        AuditEventType.AUDIT_EXPORTED: "Records of this history were exported for an audit.",
        AuditEventType.AUDIT_DROPPED: "A month of exported records was removed.",
        AuditEventType.SCHEMA_MIGRATED: "VetAssist's database was updated.",
    }
)
