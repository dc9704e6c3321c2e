"""How a sign-in fails, by what the person or the operator can do about it.

SignInFailedError        the sign-in failed
  MalformedCallbackError     the callback's parameters can't be read
  AttemptRefusedError        the attempt is unknown, used or too old
  AnswerLostError            the browser left before it got its session, which was ended
  FrontEndGoneError          the front end was disabled meanwhile
  SignInDeniedError          the Veteran or VA's policy declined
  IdentityMissingError       VA names no valid ICN
  IdentityConflictError      the ICN and the VA account belong to different users
  AccountDisabledError       the operator disabled the user
  SignInMisconfiguredError   only the operator can fix it
  SignInPostponedError       it didn't start: the same callback can be sent again
  SignInUncertainError       our storage did not answer, so nobody knows how it ended
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from application.errors import ApplicationError
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.identifiers import UserId
from domain.return_path import ReturnPath
from domain.sign_in_failure import SignInFailure


class SignInFailedError(ApplicationError):
    """A sign-in ended without a session, and the audit trail records it.

    Attributes:
        failure: The public code.
        reason: Our own code for the audit trail.
        user_id: The user for the audit trail, or None if unknown.
        details: Ids and pseudonyms for the audit trail.
        return_to: The return path of the attempt, or None if there is none or it isn't known.
        front_end: Where the sign-in started, as far as it is known.
    """

    code: ClassVar[str] = "sign_in_failed"

    def __init__(
        self,
        failure: SignInFailure,
        reason: str,
        *,
        user_id: UserId | None = None,
        details: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.reason = reason
        self.user_id = user_id
        self.details = details
        self.return_to: ReturnPath | None = None
        self.front_end: FrontEndId = SETTINGS_FRONT_END

    @property
    def recorded_front_end(self) -> FrontEndId:
        """The front end for the audit trail."""
        return self.front_end


class MalformedCallbackError(SignInFailedError):
    """A parameter of the callback appears twice, or isn't what a provider would send."""

    def __init__(self) -> None:
        super().__init__(SignInFailure.LOGIN_EXPIRED, "malformed_callback")


class AttemptRefusedError(SignInFailedError):
    """The attempt is unknown, used or too old. Its browser may get a second chance."""

    def __init__(self, reason: str) -> None:
        super().__init__(SignInFailure.LOGIN_EXPIRED, reason)


class AnswerLostError(SignInFailedError):
    """The browser disconnected after its session was opened. The session was ended."""

    def __init__(self) -> None:
        super().__init__(SignInFailure.LOGIN_EXPIRED, "answer_lost")


class FrontEndGoneError(SignInFailedError):
    """The front end was disabled after the sign-in had started there. So it doesn't end there."""

    def __init__(self, gone: FrontEndId) -> None:
        super().__init__(SignInFailure.SERVICE_UNAVAILABLE, "front_end_gone")
        self._gone = gone

    @property
    def recorded_front_end(self) -> FrontEndId:
        """The front end that is gone."""
        return self._gone


class SignInDeniedError(SignInFailedError):
    """The provider didn't allow the sign-in: the Veteran declined, or a policy did."""

    def __init__(self, reason: str = "denied_at_provider") -> None:
        super().__init__(SignInFailure.ACCESS_DENIED, reason)


class IdentityMissingError(SignInFailedError):
    """The provider names no valid ICN for the person who signed in."""

    def __init__(self, reason: str) -> None:
        super().__init__(SignInFailure.IDENTITY_MISSING, reason)


class IdentityConflictError(SignInFailedError):
    """The ICN and the account at the provider belong to different users.

    Args:
        reason: Our own code for the audit trail.
        user_id: The user that has the account.
        account: The pseudonym of the account.
        icn_user: The user that has the ICN, or None if nobody has it.
    """

    def __init__(
        self, reason: str, user_id: UserId, *, account: str, icn_user: UserId | None
    ) -> None:
        details = {"account": account} | ({} if icn_user is None else {"icn_user": str(icn_user)})
        super().__init__(SignInFailure.IDENTITY_CONFLICT, reason, user_id=user_id, details=details)


class AccountDisabledError(SignInFailedError):
    """The operator disabled the user."""

    def __init__(self, user_id: UserId) -> None:
        super().__init__(SignInFailure.ACCOUNT_DISABLED, "account_disabled", user_id=user_id)


class SignInMisconfiguredError(SignInFailedError):
    """No sign-in can succeed until the operator fixes our settings for the provider."""


class SignInPostponedError(SignInFailedError):
    """A sign-in was refused before its attempt was used: the same callback can come again."""


class SignInUncertainError(SignInFailedError):
    """Our storage did not answer. The attempt may be unused, or its session may stand."""

    def __init__(self) -> None:
        super().__init__(SignInFailure.SERVICE_UNAVAILABLE, "storage_unavailable")
