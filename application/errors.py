"""What can go wrong, grouped by what the caller can do about it.

ApplicationError
  UnauthenticatedError     who are you
    SessionEndedError          you were signed in, and no longer are
    SessionNotStandingError    the same, of a JWT
    TokenReusedError           the token was used before: somebody else may hold it
  ForbiddenError           not allowed this way
    FreshSignInNeededError     sign in again first
    VASignInNeededError        VA's tokens are of no use any more: sign in with VA again
    VAScopeNotGrantedError     the Veteran did not allow that at VA
  ClientRefusedError       the back end is no client that may come
    PurposeNotAllowedError     it may come, but not for that purpose
    ScopeNotAllowedError       it may come, but not for that scope
  NotFoundError            absent, or not yours
  ConflictError            contradicts what is stored
  UnavailableError         try again later
    ProviderUnavailableError   VA does not answer
      ProviderBusyError          VA was not asked: too much is in progress there
  UpstreamRejectedError    VA's answer is not acceptable
    UnwantedTokensError        VA gave tokens that must not be used
    UnusableTokensError        VA gave tokens that cannot be used yet
  SignInFailedError        the sign-in is over; says why
    SignInPostponedError       it is not: the same callback can come again
  AuditBrokenError         the audit trail is not as it was sealed
  TrailUnreadableError     a part of it is gone, so that it cannot even be read
  CheckpointUntoldError    what was sealed could not be told outside

The ``code`` is public and stable; everything else stays in the log.
"""

from datetime import timedelta
from typing import ClassVar

from domain.identifiers import SessionId, UserId
from domain.secret import Secret
from domain.service_client import ClientId
from domain.sign_in_failure import SignInFailure
from domain.va_tokens import VATokens


class ApplicationError(Exception):
    """A use case could not do what was asked."""

    code: ClassVar[str] = "error"


class UnauthenticatedError(ApplicationError):
    """The caller showed no token, or one that does not stand."""

    code: ClassVar[str] = "invalid_token"


class SessionEndedError(UnauthenticatedError):
    """The token is genuine, but its session has ended: by log-out, revocation or a limit."""

    code: ClassVar[str] = "session_ended"


class SessionNotStandingError(UnauthenticatedError):
    """The JWT is genuine, but its session does not stand; to the JWT's holder all is one.

    Attributes:
        user_id, session_id: What the JWT names, for the audit.
    """

    def __init__(self, user_id: UserId, session_id: SessionId) -> None:
        super().__init__()
        self.user_id = user_id
        self.session_id = session_id


class TokenReusedError(UnauthenticatedError):
    """A refresh token was used again after its successor was; its session has ended for that."""

    code: ClassVar[str] = "token_reused"


class ForbiddenError(ApplicationError):
    """The request may not be made this way, whoever makes it."""

    code: ClassVar[str] = "forbidden"


class FreshSignInNeededError(ForbiddenError):
    """What is asked for takes a sign-in that was only just now."""

    code: ClassVar[str] = "fresh_sign_in_needed"


class VASignInNeededError(ForbiddenError):
    """No token of VA's can be had until the Veteran signs in with VA again."""

    code: ClassVar[str] = "va_sign_in_needed"


class VAScopeNotGrantedError(ForbiddenError):
    """VA's token does not cover what is asked for: the Veteran did not grant it."""

    code: ClassVar[str] = "va_scope_not_granted"


class ClientRefusedError(ApplicationError):
    """A back end has not proved that it is a registered client, or asks for what it may not.

    Attributes:
        reason: Our own code for the audit; the caller is not told.
        client_id: The registered client it claims to be; None when there is no such client.
    """

    code: ClassVar[str] = "invalid_client"

    def __init__(self, reason: str, client_id: ClientId | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.client_id = client_id


class PurposeNotAllowedError(ClientRefusedError):
    """The client is not registered for the purpose it names."""

    code: ClassVar[str] = "unauthorized_client"


class ScopeNotAllowedError(ClientRefusedError):
    """The client is not registered for a scope it asks for."""

    code: ClassVar[str] = "invalid_scope"


class NotFoundError(ApplicationError):
    """There is no such thing, or it is not the caller's."""

    code: ClassVar[str] = "not_found"


class ConflictError(ApplicationError):
    """The change contradicts what is stored."""

    code: ClassVar[str] = "conflict"


class UnavailableError(ApplicationError):
    """Something the service needs does not answer; nothing was changed."""

    code: ClassVar[str] = "unavailable"


class ProviderUnavailableError(UnavailableError):
    """The identity provider does not answer, or says that it cannot.

    Attributes:
        retry_after: When it is worth asking again, from now; None when nobody knows.
    """

    code: ClassVar[str] = "provider_unavailable"

    def __init__(self, cause: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(cause)
        self.retry_after = retry_after


class ProviderBusyError(ProviderUnavailableError):
    """Too many calls to the identity provider are in progress.

    The provider was not asked, so the caller can repeat exactly what it did.
    """


class UpstreamRejectedError(ApplicationError):
    """The identity provider's answer is not acceptable.

    Attributes:
        reason: Our own code for the audit; never a text of the provider's.
        failure: The public code that the sign-in ends with.
        user_id: Whom it concerns, for the audit; None while nobody is known.
    """

    code: ClassVar[str] = "token_exchange_failed"

    def __init__(
        self,
        reason: str,
        failure: SignInFailure = SignInFailure.TOKEN_EXCHANGE_FAILED,
        *,
        user_id: UserId | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failure = failure
        self.user_id = user_id


class UnwantedTokensError(UpstreamRejectedError):
    """The identity provider gave tokens that must not be used, but revoked.

    Attributes:
        tokens: What it gave.
    """

    def __init__(self, reason: str, tokens: VATokens) -> None:
        super().__init__(reason)
        self.tokens = tokens


class UnusableTokensError(UpstreamRejectedError):
    """The identity provider gave tokens that cannot be used as they are.

    Nobody can tell at present whose they are, or its answer is malformed. It may have replaced
    the refresh token, so this one is what newer ones are to be had by.

    Attributes:
        refresh_token: What it gave in place of the one it was shown.
    """

    def __init__(self, reason: str, refresh_token: Secret) -> None:
        super().__init__(reason)
        self.refresh_token = refresh_token


class SignInFailedError(ApplicationError):
    """A sign-in ended without a session, and the audit says so.

    Attributes:
        failure: The public code.
        reason: Our own code for the audit.
        user_id: Whom it concerns, for the audit; None while nobody is known.
    """

    code: ClassVar[str] = "sign_in_failed"

    def __init__(
        self, failure: SignInFailure, reason: str, *, user_id: UserId | None = None
    ) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.reason = reason
        self.user_id = user_id


class SignInPostponedError(SignInFailedError):
    """A sign-in was refused before its attempt was used: the same callback can come again."""


class AuditBrokenError(ApplicationError):
    """A batch of the audit trail is not as it was sealed.

    Attributes:
        batch: Its number.
    """

    code: ClassVar[str] = "audit_broken"

    def __init__(self, batch: int) -> None:
        super().__init__(f"batch {batch}")
        self.batch = batch


class TrailUnreadableError(ApplicationError):
    """A table or a column of the audit trail is gone, or is not what it was.

    The text says in one line what the store says of it.
    """

    code: ClassVar[str] = "audit_unreadable"


class CheckpointUntoldError(ApplicationError):
    """A checkpoint of the audit trail could not be told. What is sealed stays sealed.

    The text says in one line where it should have gone, and why it did not get there.
    """

    code: ClassVar[str] = "checkpoint_untold"
