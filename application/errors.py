"""Application errors, grouped by what the caller can do about them.

ApplicationError
  UnauthenticatedError     no valid token
    SessionEndedError          the session of the refresh token has ended
    SessionNotStandingError    the session of the JWT doesn't stand
    OtherFrontEndError         the session belongs to another front end
    TokenReusedError           the refresh token was used before: it may be stolen
  ForbiddenError           not allowed in this way
    FreshSignInNeededError     sign in again first
    VASignInNeededError        VA's tokens can't be used anymore: sign in with VA again
    VAScopeNotGrantedError     the Veteran didn't allow it at VA
  ClientRefusedError       the back end isn't an accepted client
    PurposeNotAllowedError     the client isn't registered for that purpose
    ScopeNotAllowedError       the client isn't registered for that scope
    TooManyRefusalsError       its address was refused too often
  NotFoundError            it doesn't exist, or isn't the caller's
  ConflictError            conflicts with stored data
    AttemptSupersededError     a later sign-in of the browser took the attempt's place
  DecisionNeededError      an operator must decide how to go on (in decision_errors.py)
  TooManyLoginsError       too many sign-ins were started from the address
  UnavailableError         try again later
    ProviderUnavailableError   VA did not answer
      ProviderBusyError          VA was not asked: too many calls are in progress
  UpstreamRejectedError    VA's answer isn't acceptable
    GrantExpiredError          VA doesn't accept the code or refresh token anymore
    SigningKeyUnknownError     VA hasn't published the key that signed its token
    MisconfiguredError         only the operator can fix it
      ClientRejectedByProviderError  VA doesn't accept our client credentials
      RequestRefusedByProviderError  VA doesn't accept what our settings request
      IssuerChangedError         the tokens belong to another provider
    UnwantedTokensError        VA issued tokens that must not be used
    UnusableTokensError        VA issued tokens that can't be used yet
  SignInFailedError        the sign-in failed (in sign_in_errors.py)
  AuditBrokenError         the audit trail was tampered with
  TrailUnreadableError     a part of the audit trail is missing
  CheckpointUntoldError    a checkpoint could not be written

The ``code`` is public and stable. A ``reason`` is only for the audit trail and the log: the class
of an error says what to do about it.
"""

from datetime import timedelta
from typing import ClassVar

from domain.identifiers import SessionId, UserId
from domain.secret import Secret
from domain.service_client import ClientId
from domain.va_tokens import VATokens


class ApplicationError(Exception):
    """A use case couldn't do what was requested."""

    code: ClassVar[str] = "error"


class UnauthenticatedError(ApplicationError):
    """The caller sent no token, or an invalid one."""

    code: ClassVar[str] = "invalid_token"


class SessionEndedError(UnauthenticatedError):
    """The token is genuine, but its session was revoked or reached a limit."""

    code: ClassVar[str] = "session_ended"


class SessionNotStandingError(UnauthenticatedError):
    """The JWT is genuine, but its session doesn't stand. The caller doesn't learn why.

    Attributes:
        user_id, session_id: The ids in the JWT, for the audit trail.
    """

    def __init__(self, user_id: UserId, session_id: SessionId) -> None:
        super().__init__()
        self.user_id = user_id
        self.session_id = session_id


class OtherFrontEndError(UnauthenticatedError):
    """A page of one front end used what belongs to a session of another. The caller isn't told."""


class TokenReusedError(UnauthenticatedError):
    """A refresh token was used again after its successor, so its session was ended."""

    code: ClassVar[str] = "token_reused"


class ForbiddenError(ApplicationError):
    """The request is not allowed in this way, for any caller."""

    code: ClassVar[str] = "forbidden"


class FreshSignInNeededError(ForbiddenError):
    """The request requires a recent sign-in."""

    code: ClassVar[str] = "fresh_sign_in_needed"


class VASignInNeededError(ForbiddenError):
    """No VA token is available until the Veteran signs in with VA again."""

    code: ClassVar[str] = "va_sign_in_needed"


class VAScopeNotGrantedError(ForbiddenError):
    """The Veteran didn't grant the requested scope at VA."""

    code: ClassVar[str] = "va_scope_not_granted"


class ClientRefusedError(ApplicationError):
    """A back end didn't authenticate, or requested something that it isn't registered for.

    Attributes:
        reason: Our own code for the audit trail. The caller doesn't see it.
        client_id: The registered client that it claims to be, or None if there is none.
    """

    code: ClassVar[str] = "invalid_client"

    def __init__(self, reason: str, client_id: ClientId | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.client_id = client_id


class PurposeNotAllowedError(ClientRefusedError):
    """The client isn't registered for the purpose that it named."""

    code: ClassVar[str] = "unauthorized_client"


class ScopeNotAllowedError(ClientRefusedError):
    """The client isn't registered for a scope that it requested."""

    code: ClassVar[str] = "invalid_scope"


class TooManyRefusalsError(ClientRefusedError):
    """A client was refused, like many others from the same address in the last minute."""

    code: ClassVar[str] = "too_many_refusals"


class NotFoundError(ApplicationError):
    """The thing doesn't exist, or it isn't the caller's."""

    code: ClassVar[str] = "not_found"


class ConflictError(ApplicationError):
    """The change conflicts with stored data."""

    code: ClassVar[str] = "conflict"


class AttemptSupersededError(ConflictError):
    """The same browser completed a later sign-in, so this attempt may not open a session."""


class TooManyLoginsError(ApplicationError):
    """Too many sign-ins were started from this address in the last minute."""

    code: ClassVar[str] = "too_many_logins"


class UnavailableError(ApplicationError):
    """Something that the service needs did not answer. Nothing was changed."""

    code: ClassVar[str] = "unavailable"


class ProviderUnavailableError(UnavailableError):
    """The identity provider did not answer, or is overloaded or down.

    Attributes:
        retry_after: How long to wait before asking again, or None if unknown.
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
    """The identity provider's answer isn't acceptable.

    Attributes:
        reason: Our own code for the audit trail, never text from the provider.
    """

    code: ClassVar[str] = "token_exchange_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class GrantExpiredError(UpstreamRejectedError):
    """The provider doesn't accept the code or refresh token, and never will again."""

    def __init__(self) -> None:
        super().__init__("invalid_grant")


class SigningKeyUnknownError(UpstreamRejectedError):
    """The provider hasn't published the key that signed a token. It may do so later."""

    def __init__(self) -> None:
        super().__init__("key_unknown")


class MisconfiguredError(UpstreamRejectedError):
    """Our settings don't work with the provider, and only the operator can fix that."""


class ClientRejectedByProviderError(MisconfiguredError):
    """The provider doesn't accept our client credentials."""


class RequestRefusedByProviderError(MisconfiguredError):
    """The provider doesn't accept a request as our settings make it: a scope, for instance."""


class IssuerChangedError(MisconfiguredError):
    """The tokens belong to another provider than the configured one, which wasn't asked."""

    def __init__(self) -> None:
        super().__init__("issuer_changed")


class UnwantedTokensError(UpstreamRejectedError):
    """The identity provider issued tokens that must be revoked, not used.

    Attributes:
        tokens: The issued tokens.
    """

    def __init__(self, reason: str, tokens: VATokens) -> None:
        super().__init__(reason)
        self.tokens = tokens


class UnusableTokensError(UpstreamRejectedError):
    """The identity provider issued tokens that can't be used.

    Their owner can't be verified at the moment, or the answer is malformed. Keep the refresh
    token: the provider may have replaced the old one, so it is needed to get new tokens.

    Attributes:
        refresh_token: The refresh token that replaces the old one.
    """

    def __init__(self, reason: str, refresh_token: Secret) -> None:
        super().__init__(reason)
        self.refresh_token = refresh_token


class AuditBrokenError(ApplicationError):
    """A batch of the audit trail was tampered with.

    Attributes:
        batch: The number of the batch.
    """

    code: ClassVar[str] = "audit_broken"

    def __init__(self, batch: int) -> None:
        super().__init__(f"batch {batch}")
        self.batch = batch


class TrailUnreadableError(ApplicationError):
    """A table or a column of the audit trail is missing or was changed.

    The message is one line: the error that the store reported.
    """

    code: ClassVar[str] = "audit_unreadable"


class CheckpointUntoldError(ApplicationError):
    """A checkpoint of the audit trail could not be written. The batches stay sealed.

    The message is one line: the destination and why it could not be written.
    """

    code: ClassVar[str] = "checkpoint_untold"
