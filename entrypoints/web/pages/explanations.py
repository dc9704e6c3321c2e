"""What an error code of the sign-in means to the person who meets it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.sign_in_failure import SignInFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One failure in plain words.

    Attributes:
        code: What to quote to support; None when there is nothing worth quoting.
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
        title="You chose not to sign in",
        what_happened=(
            "VA.gov told us that you did not agree to share your details with VetAssist. "
            "So nothing was shared, and you are not signed in."
        ),
        advice="If you changed your mind, or pressed the wrong button, sign in again.",
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.LOGIN_EXPIRED,
        title="This sign-in is no longer valid",
        what_happened=(
            "A sign-in has to be finished within 10 minutes, once, and in the browser it was "
            "started in. This one was too old, had been used before, or began somewhere else."
        ),
        advice=(
            "Start again in this browser. If you keep coming back here, check that this site "
            "may set cookies."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.TOKEN_EXCHANGE_FAILED,
        title="We could not verify the answer from VA.gov",
        what_happened=(
            "VA.gov sent you back to us, but we could not make sure that its answer is genuine "
            "and meant for you. To protect your account, we stopped there."
        ),
        advice=(
            "Try again. If you see this page a second time, contact VetAssist support: "
            "you did nothing wrong."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.IDENTITY_MISSING,
        title="VA.gov did not tell us who you are",
        what_happened=(
            "Your VA.gov sign-in worked, but it came without the number by which VA knows each "
            "person in its records. Without it we cannot tell which VetAssist account is yours."
        ),
        advice=(
            "Sign in to VA.gov itself and check that your identity is verified there, then try "
            "again with that same account. If it still fails, contact VetAssist support."
        ),
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.IDENTITY_CONFLICT,
        title="Your sign-in needs a closer look",
        what_happened=(
            "The VA.gov account you used is already linked to the record of another person. We "
            "do not guess in such a case: nothing was changed, and you are not signed in."
        ),
        advice="Contact VetAssist support. Signing in again will not help.",
        is_worth_retrying=False,
    ),
    Explanation(
        code=SignInFailure.ACCOUNT_DISABLED,
        title="Your VetAssist account is switched off",
        what_happened=(
            "VA.gov confirmed who you are, but your VetAssist account has been disabled, so you "
            "are not signed in. Your VA.gov account is not affected."
        ),
        advice="Contact VetAssist support to find out why, and what can be done.",
        is_worth_retrying=False,
    ),
    Explanation(
        code=SignInFailure.PROVIDER_UNAVAILABLE,
        title="VA.gov is not answering",
        what_happened=(
            "We asked VA.gov to confirm your sign-in and got no usable answer. This is usually "
            "over soon, and nothing is wrong with your account."
        ),
        advice="Wait a few minutes, then try again.",
        is_worth_retrying=True,
    ),
    Explanation(
        code=SignInFailure.SERVICE_UNAVAILABLE,
        title="VetAssist is not available right now",
        what_happened=(
            "Something on our side did not work, so you could not be signed in. It is not your "
            "fault, and nothing is wrong with your account."
        ),
        advice="Try again in a few minutes. If it goes on, contact VetAssist support.",
        is_worth_retrying=True,
    ),
)

#: For every code of the contract.
EXPLANATIONS: Final[Mapping[str, Explanation]] = MappingProxyType(
    {explanation.code: explanation for explanation in _ALL if explanation.code}
)

#: For everything else, which may be made up by whoever wrote the link.
GENERAL: Final = Explanation(
    code=None,
    title="Something went wrong",
    what_happened="The link that brought you here is incomplete, or does not lead anywhere.",
    advice="Go back to the start page, or sign in again.",
    is_worth_retrying=True,
)


def explain(codes: Sequence[str]) -> Explanation:
    """The explanation of the one code given; the general one for none, several or a foreign one."""
    return EXPLANATIONS.get(codes[0], GENERAL) if len(codes) == 1 else GENERAL
