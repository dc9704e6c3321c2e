"""Explanations of the sign-in error codes for Veterans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.sign_in_failure import SignInFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The explanation of one failure.

    Attributes:
        code: The code to quote to support, or None.
        advice: What to do next.
        is_worth_retrying: Whether signing in again can help.
    """

    code: SignInFailure | None
    title: str
    what_happened: str
    advice: str
    is_worth_retrying: bool


_ALL: Final = (
    Explanation(
        code=SignInFailure.ACCESS_DENIED,
        title="You didn't finish signing in",
        what_happened=(
            "VA.gov told us that the request to share your information with VetAssist was "
            "declined. VA.gov shared nothing, and you aren't signed in."
        ),
        advice=(
            "If you declined by mistake or changed your mind, try again. If you didn't decline, "
            "contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.LOGIN_EXPIRED,
        title="This sign-in is no longer valid",
        what_happened=(
            "You need to finish a sign-in in the browser where you started it. This one took too "
            "long, was already used, or was started in another browser."
        ),
        advice=(
            "Try again in this browser. If you keep seeing this page, allow cookies for this site "
            "in your browser's settings, or contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.TOO_MANY_LOGINS,
        title="Too many sign-ins at the moment",
        what_happened=(
            "Many sign-ins were started from your network within a minute, so we didn't start "
            "another one. You did nothing wrong, and it isn't a problem with your account."
        ),
        advice="Wait a minute and try again. If it still doesn't work, contact VetAssist support.",
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.TOKEN_EXCHANGE_FAILED,
        title="We couldn't verify the answer from VA.gov",
        what_happened=(
            "VA.gov sent you back to us, but we couldn't verify that its answer was genuine and "
            "meant for you. To protect your account, we stopped the sign-in. You did nothing wrong."
        ),
        advice="Try again. If you see this page again, contact VetAssist support.",
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.IDENTITY_MISSING,
        title="VA.gov didn't tell us who you are",
        what_happened=(
            "You signed in at VA.gov, but VA.gov didn't send us the number that identifies you in "
            "its records. Without this number, we can't find your VetAssist account."
        ),
        advice=(
            "Sign in at VA.gov and check that your identity is verified there. Then try again "
            "here with the same account. If it still doesn't work, contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.IDENTITY_CONFLICT,
        title="VetAssist support needs to check your account",
        what_happened=(
            "The VA.gov account that you used is already linked to another person's record. To be "
            "safe, we didn't change anything, and you aren't signed in."
        ),
        advice="Contact VetAssist support. Signing in again won't help.",
        is_worth_retrying=False,
    ),
    Explanation(
        code=SignInFailure.ACCOUNT_DISABLED,
        title="Your VetAssist account is turned off",
        what_happened=(
            "VA.gov confirmed who you are, but your VetAssist account is turned off, so you "
            "aren't signed in. This doesn't affect your VA.gov account."
        ),
        advice="Contact VetAssist support to find out why and what you can do.",
        is_worth_retrying=False,
    ),
    Explanation(
        code=SignInFailure.PROVIDER_UNAVAILABLE,
        title="VA.gov isn't responding",
        what_happened=(
            "We asked VA.gov to confirm your sign-in but didn't get a usable answer. This usually "
            "doesn't last long, and it isn't a problem with your account."
        ),
        advice=(
            "Wait a few minutes and try again. If it still doesn't work, contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.SERVICE_UNAVAILABLE,
        title="VetAssist isn't available right now",
        what_happened=(
            "Something on our side didn't work, so we couldn't sign you in. You did nothing "
            "wrong, and it isn't a problem with your account."
        ),
        advice=(
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
    title="Something went wrong",
    what_happened="The link that brought you here doesn't say what went wrong.",
    advice="Try again. If you keep seeing this page, contact VetAssist support.",
    is_worth_retrying=True,
)


def explain(codes: Sequence[str]) -> Explanation:
    """Returns the explanation of the code, or the general one unless there is one known code."""
    return EXPLANATIONS.get(codes[0], GENERAL) if len(codes) == 1 else GENERAL
