"""The sentences that describe audit events to the Veteran."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from domain.audit_event import FRONT_END, AuditEventType
from domain.va_token_use import TokenPurpose
from entrypoints.web.languages import N_, Translate, in_english

_Data = Mapping[str, str | int]

_A_SERVICE: Final = N_("A service of VetAssist")
_A_SITE: Final = N_("a site of VetAssist")
_PURPOSES: Final = {purpose.value: purpose.plain_name for purpose in TokenPurpose}


def in_plain_words(
    type_: AuditEventType,
    data: _Data,
    *,
    client_name: str | None = None,
    front_end_name: str | None = None,
    translate: Translate = in_english,
) -> str:
    """Returns one sentence that tells the Veteran what happened.

    Args:
        type_: The type of the event.
        data: The data of the event.
        client_name: The name of the back end that the event concerns, if any.
        front_end_name: The name of the front end that the event concerns, if any.
        translate: Translates the sentence.
    """
    words = PLAIN_WORDS[type_]
    message = words if isinstance(words, str) else words(data)
    purpose = _PURPOSES.get(str(data.get("purpose")))
    return translate(message).format(
        client=client_name or translate(_A_SERVICE),
        front_end=front_end_name or translate(_A_SITE),
        purpose=purpose and translate(purpose),
    )


def _signed_in(data: _Data) -> str:
    if FRONT_END in data:
        return N_("You signed in with VA.gov, from {front_end}.")
    return N_("You signed in with VA.gov.")


def _ended(data: _Data) -> str:
    if data.get("reason") == "front_end_disabled":
        return N_("Your session ended because the site that you signed in from was disabled.")
    return N_("Your session ended because its time was up.")


def _used(data: _Data) -> str:
    if str(data.get("purpose")) in _PURPOSES:
        return N_("{client} was given access to VA in order to {purpose}.")
    return N_("{client} was given access to VA.")


def _revoked(data: _Data) -> str:
    if data.get("reason") == "replaced_by_login":
        return N_("A session ended because you signed in again in the same browser.")
    if data.get("reason") == "answer_lost":
        return N_("A session ended because your browser never received it.")
    return N_("You signed out of one of your devices.")


def _revoked_at_va(data: _Data) -> str:
    if data.get("outcome") == "revoked":
        return N_("VetAssist asked VA to end its access on your behalf, and VA ended it.")
    return N_(
        "VetAssist couldn't get VA to end its access on your behalf. It will expire on its own."
    )


def _merged(data: _Data) -> str:
    if "into" in data:
        return N_("VetAssist merged this account into another account of yours.")
    return N_("VetAssist merged another account of yours into this one.")


#: For each type, a sentence or a function that builds one from the event's data.
PLAIN_WORDS: Final[Mapping[AuditEventType, str | Callable[[_Data], str]]] = MappingProxyType(
    {
        AuditEventType.LOGIN_STARTED: N_("A sign-in started."),
        AuditEventType.LOGIN_RESTARTED: N_("A sign-in started again."),
        AuditEventType.LOGIN_REPEATED: N_(
            "You came back to a sign-in that you had already finished."
        ),
        AuditEventType.LOGIN: _signed_in,
        AuditEventType.LOGIN_FAILED: N_("A sign-in failed."),
        AuditEventType.VA_LINKED: N_("Your VA.gov account was linked to VetAssist."),
        AuditEventType.VA_UNLINKED: N_(
            "You unlinked your VA.gov account, and all your sessions ended."
        ),
        AuditEventType.VA_UNLINK_REFUSED: N_(
            "You asked to unlink your VA.gov account, but you had to sign in again first."
        ),
        AuditEventType.ATTRIBUTES_CHANGED: N_(
            "VA.gov sent new information about you, and your profile was updated."
        ),
        AuditEventType.VA_TOKEN_USED: _used,
        AuditEventType.VA_TOKEN_USE_REFUSED: N_("{client} asked for access to VA and was refused."),
        AuditEventType.VA_TOKENS_REFRESHED: N_(
            "VetAssist's access to VA on your behalf was renewed."
        ),
        AuditEventType.VA_REFRESH_REFUSED: N_(
            "VetAssist's access to VA on your behalf couldn't be renewed."
        ),
        AuditEventType.VA_TOKENS_REVOKED: _revoked_at_va,
        AuditEventType.VA_TOKENS_SHREDDED: N_(
            "VetAssist gave up its access to VA because you hadn't signed in for a long time."
        ),
        AuditEventType.DATA_KEY_REPLACED: N_(
            "The key that protects VetAssist's access to VA on your behalf was replaced."
        ),
        AuditEventType.KEYS_REWRAPPED: N_("The keys that protect access to VA were re-encrypted."),
        AuditEventType.SESSION_REDEEMED: N_("Your session was handed over to your browser."),
        AuditEventType.SESSION_REDEEM_REFUSED: N_("A browser asked for a session and was refused."),
        AuditEventType.SESSION_RENEWED: N_("Your session was renewed."),
        AuditEventType.SESSION_RENEW_REPEATED: N_(
            "The last renewal of your session was repeated with the same result."
        ),
        AuditEventType.SESSION_RENEW_REFUSED: N_(
            "A request to renew one of your sessions was refused because the session had ended."
        ),
        AuditEventType.SESSION_ENDED: _ended,
        AuditEventType.SESSION_REVOKED: _revoked,
        AuditEventType.SESSION_REVOKE_REFUSED: N_(
            "You asked to end a session that isn't yours, so nothing was done."
        ),
        AuditEventType.SESSION_THEFT: N_(
            "A session was ended to protect you because an old key to it was used again."
        ),
        AuditEventType.LOGOUT: N_("You signed out."),
        AuditEventType.LOGOUT_OTHERS: N_("You signed out everywhere else."),
        AuditEventType.LOGOUT_ALL: N_("You signed out everywhere."),
        AuditEventType.LOGOUT_BY_OPERATOR: N_("VetAssist signed you out everywhere."),
        AuditEventType.SESSION_ENDED_BY_OPERATOR: N_("VetAssist ended one of your sessions."),
        AuditEventType.VA_UNLINKED_BY_OPERATOR: N_(
            "VetAssist unlinked your VA.gov account, and all your sessions ended."
        ),
        AuditEventType.ICN_CHANGED: N_(
            "VetAssist updated the number by which VA.gov knows you, because VA had changed it."
        ),
        AuditEventType.USER_MERGED: _merged,
        AuditEventType.USER_FOUND: N_("VetAssist found your account in a search."),
        AuditEventType.USER_SHOWN: N_("VetAssist looked at your account."),
        AuditEventType.USER_DISABLED: N_("VetAssist disabled your account."),
        AuditEventType.USER_ENABLED: N_("VetAssist enabled your account again."),
        AuditEventType.CLIENT_ADDED: N_("A service of VetAssist was registered."),
        AuditEventType.CLIENT_CREDENTIAL_ADDED: N_("A service of VetAssist got a new key."),
        AuditEventType.CLIENT_CREDENTIAL_RETIRED: N_(
            "An old key of a VetAssist service was retired."
        ),
        AuditEventType.CLIENT_DISABLED: N_("A service of VetAssist was disabled."),
        AuditEventType.FRONT_END_ADDED: N_("A site of VetAssist was registered."),
        AuditEventType.FRONT_END_CHANGED: N_("A site of VetAssist was changed."),
        AuditEventType.FRONT_END_DISABLED: N_("A site of VetAssist was disabled."),
        AuditEventType.CLIENT_REFUSED: N_("A service couldn't prove its identity and was refused."),
        AuditEventType.PURGED: N_("Expired records were removed."),
        AuditEventType.COMMAND_REFUSED: N_("VetAssist tried to change your account but couldn't."),
        AuditEventType.OPERATOR_SIGNED_IN: N_("An operator of VetAssist signed in."),
        AuditEventType.OPERATOR_SIGN_IN_REFUSED: N_("A sign-in of an operator was refused."),
        AuditEventType.OPERATOR_SIGNED_OUT: N_("An operator of VetAssist signed out."),
        AuditEventType.CONSOLE_SHOWN: N_("An operator of VetAssist looked at the service."),
        AuditEventType.AUDIT_SHOWN: N_("VetAssist looked up the history of your account."),
        AuditEventType.AUDIT_EXPORTED: N_("Records of this history were exported for an audit."),
        AuditEventType.AUDIT_DROPPED: N_("A month of exported records was removed."),
        AuditEventType.SCHEMA_MIGRATED: N_("VetAssist's database was updated."),
    }
)
