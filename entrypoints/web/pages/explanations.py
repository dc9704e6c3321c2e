"""Explanations of the sign-in error codes for Veterans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.sign_in_failure import SignInFailure
from entrypoints.web.languages import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The explanation of one failure.

    Attributes:
        code: The code to quote to support, or None.
        advice: What to do next.
        is_worth_retrying: Whether signing in again can help.
        needs_verification: Whether it may help to verify the identity at Login.gov or ID.me.
    """

    code: SignInFailure | None
    title: str
    what_happened: str
    advice: str
    is_worth_retrying: bool
    needs_verification: bool = False


_ALL: Final = (
    Explanation(
        code=SignInFailure.ACCESS_DENIED,
        title=N_("VA.gov didn't allow this sign-in"),
        what_happened=N_(
            "VA.gov told us that it didn't allow this sign-in, but not why. This happens when you "
            "choose not to share your information with VetAssist, and also when VA.gov doesn't "
            "let your account sign in here. VA.gov shared nothing with us."
        ),
        advice=N_(
            "If you chose not to share and want to after all, try again. If you chose to share, "
            "sign in at VA.gov and check whether your account needs something there. If it still "
            "doesn't work, contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.LOGIN_EXPIRED,
        title=N_("We couldn't finish this sign-in"),
        what_happened=N_(
            "We couldn't match VA.gov's answer to a sign-in that this browser is waiting for. This "
            "happens when a sign-in takes too long, when its last page is opened a second time, "
            "when it started in another browser, or when this browser doesn't keep cookies."
        ),
        advice=N_(
            "Try again in this browser. If you keep seeing this page, allow cookies for this site "
            "in your browser's settings, or contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.TOO_MANY_LOGINS,
        title=N_("Too many sign-ins at the moment"),
        what_happened=N_(
            "Many sign-ins were started from your network within a minute, so we didn't start "
            "another one. You did nothing wrong, and it isn't a problem with your account."
        ),
        advice=N_(
            "Wait a minute and try again. If it still doesn't work, contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.TOKEN_EXCHANGE_FAILED,
        title=N_("VetAssist and VA.gov couldn't complete this sign-in"),
        what_happened=N_(
            "VA.gov sent you back to us, but VetAssist and VA.gov couldn't confirm to each other "
            "who is signing in. To protect your account, we stopped the sign-in. The problem is "
            "on our side or VA.gov's, not yours."
        ),
        advice=N_("Try again. If you see this page again, contact VetAssist support."),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.IDENTITY_MISSING,
        title=N_("VA.gov didn't tell us who you are"),
        what_happened=N_(
            "VA.gov confirmed your sign-in, but didn't send us a valid number that identifies you "
            "in its records. Without this number, we can't find your VetAssist account."
        ),
        advice=N_(
            "First make sure that your identity is verified with Login.gov or ID.me. Then try "
            "again here with the same account. If it still doesn't work, contact VetAssist support."
        ),
        is_worth_retrying=True,
        needs_verification=True,
    ),
    Explanation(
        code=SignInFailure.IDENTITY_CONFLICT,
        title=N_("VetAssist support needs to check your account"),
        what_happened=N_(
            "What VA.gov told us about you doesn't match what VetAssist has on record for this "
            "VA.gov account. This can happen when VA corrects its records. To be safe, we stopped "
            "the sign-in and didn't change anything."
        ),
        advice=N_(
            "Contact VetAssist support. Signing in again won't help until they have checked."
        ),
        is_worth_retrying=False,
    ),
    Explanation(
        code=SignInFailure.ACCOUNT_DISABLED,
        title=N_("Your VetAssist account is turned off"),
        what_happened=N_(
            "VA.gov confirmed who you are, but your VetAssist account is turned off, so we "
            "stopped the sign-in. This doesn't affect your VA.gov account."
        ),
        advice=N_("Contact VetAssist support to find out why and what you can do."),
        is_worth_retrying=False,
    ),
    Explanation(
        code=SignInFailure.PROVIDER_UNAVAILABLE,
        title=N_("We can't sign you in with VA.gov right now"),
        what_happened=N_(
            "VA.gov didn't give us an answer that we can use, or more people are signing in than "
            "VA.gov and VetAssist can handle at once. This isn't a problem with your account."
        ),
        advice=N_(
            "Wait a few minutes and try again. If it still doesn't work, contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.SERVICE_UNAVAILABLE,
        title=N_("VetAssist isn't available right now"),
        what_happened=N_(
            "Something on our side didn't work, so we couldn't sign you in. You did nothing "
            "wrong, and it isn't a problem with your account."
        ),
        advice=N_(
            "Wait a few minutes and try again. If it still doesn't work, contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
)

#: The explanation of each public code.
EXPLANATIONS: Final[Mapping[str, Explanation]] = MappingProxyType(
    {explanation.code: explanation for explanation in _ALL if explanation.code}
)

#: The explanation for anything else. Anyone can write a link with an invented code.
GENERAL: Final = Explanation(
    code=None,
    title=N_("We can't tell what happened"),
    what_happened=N_(
        "This page explains why a sign-in didn't work, but the link that brought you here doesn't "
        "name a reason that we know."
    ),
    advice=N_("Try to sign in. If you keep seeing this page, contact VetAssist support."),
    is_worth_retrying=True,
)


def explain(codes: Sequence[str]) -> Explanation:
    """Returns the explanation of the code, or the general one unless there is one known code."""
    return EXPLANATIONS.get(codes[0], GENERAL) if len(codes) == 1 else GENERAL
