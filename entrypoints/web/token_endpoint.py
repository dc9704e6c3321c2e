"""Token exchange (RFC 8693): VA's access tokens for back ends."""

import math
from datetime import timedelta
from http import HTTPStatus
from typing import Final, final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from application.errors import (
    ApplicationError,
    ClientRefusedError,
    ProviderUnavailableError,
    SessionEndedError,
    SessionNotStandingError,
    TooManyRefusalsError,
    UnauthenticatedError,
    UnavailableError,
    VAScopeNotGrantedError,
    VASignInNeededError,
)
from application.ports.clock import Clock
from application.use_cases.clients.admit_client import AdmitClient, AdmitClientCommand
from application.use_cases.clients.refuse_client import RefuseClient, RefuseClientCommand
from application.use_cases.sessions.validate_session import (
    ValidateSession,
    ValidateSessionCommand,
)
from application.use_cases.va_access.use_va_token import (
    UsableVAToken,
    UseVAToken,
    UseVATokenCommand,
)
from domain.identifiers import SessionId, UserId
from domain.secret import Secret
from domain.visitor import Visitor
from entrypoints.web.token_request import (
    ACCESS_TOKEN,
    MAX_BYTES,
    Targets,
    TokenRequest,
    TokenRequestError,
    token_request,
)
from entrypoints.web.visitors import VisitorReader

_log = structlog.stdlib.get_logger("vetassist.tokens")

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path
#: The number of refusals that the audit trail records, per address, minute and process.
REFUSALS_A_MINUTE: Final = 60
_RETRY_AFTER: Final = timedelta(seconds=2)
# RFC 6749, section 5.1, requires it in addition to Cache-Control, which each response has.
_HEADERS: Final = {"Pragma": "no-cache"}
_SIGN_IN: Final = "The Veteran must sign in with VA again."
#: By the status of the exceptions that reading a body raises.
_BODY_DESCRIPTIONS: Final = {
    int(HTTPStatus.REQUEST_TIMEOUT): "The body took too long to arrive.",
    int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE): f"The body must be at most {MAX_BYTES} bytes long.",
}
_DESCRIPTIONS: Final = {
    # The same text for each reason, so that it tells nobody which clients there are.
    "invalid_client": "Client authentication failed. Send HTTP Basic credentials, or client_id and "
    "client_secret, or client_assertion_type and client_assertion.",
    "invalid_request": "The client authenticates in more than one way. Send either HTTP Basic "
    "credentials, or client_secret, or client_assertion.",
    "unauthorized_client": "The client is not registered for this purpose.",
    "invalid_scope": "The client is not registered for every requested scope.",
}


@final
class TokenEndpoint:
    """Parses the request, authenticates client and session, runs one use case, and renders.

    The limit on refusals doesn't apply to a client that authenticates, so nobody is shut out by
    the mistakes of others at the same address. A secret of 256 bits needs no such limit.
    """

    def __init__(
        self,
        *,
        admit_client: AdmitClient,
        refuse_client: RefuseClient,
        validate_session: ValidateSession,
        use_va_token: UseVAToken,
        targets: Targets,
        visitors: VisitorReader,
        clock: Clock,
    ) -> None:
        self._admit_client = admit_client
        self._refuse_client = refuse_client
        self._validate_session = validate_session
        self._use_va_token = use_va_token
        self._targets = targets
        self._visitors = visitors
        self._clock = clock

    @property
    def routes(self) -> list[BaseRoute]:
        """The route, which takes the credentials of a client, and no cookie."""
        return [Route(TOKEN_PATH, self.exchange, methods=["POST"])]

    async def exchange(self, request: Request) -> Response:
        """Exchange the Veteran's JWT for VA's access token, or say why not."""
        visitor = self._visitors.read(request)
        try:
            asked = await self._asked(request, visitor)
            return self._granted(await self._used(asked, visitor))
        except ClientRefusedError as refused:
            return _turned_away(refused)
        except TokenRequestError as error:
            return _error(error.status, error.error, error.description, code=error.code)
        except HTTPException as error:
            status = error.status_code
            return _error(status, "invalid_request", _BODY_DESCRIPTIONS[status])
        except UnavailableError as error:
            return _unavailable(error)

    async def _asked(self, request: Request, visitor: Visitor) -> TokenRequest:
        try:
            return await token_request(request, self._targets)
        except ClientRefusedError as refusal:
            await self._refuse_client.execute(RefuseClientCommand(refusal=refusal, visitor=visitor))

    async def _used(self, asked: TokenRequest, visitor: Visitor) -> UsableVAToken:
        admitted = await self._admit_client.execute(
            AdmitClientCommand(
                credential=asked.credential,
                purpose=asked.purpose,
                scopes=asked.scopes,
                visitor=visitor,
            )
        )
        user_id, session_id = await self._session(asked)
        command = UseVATokenCommand(
            user_id=user_id,
            session_id=session_id,
            client_id=str(admitted.id),
            purpose=asked.purpose,
            scopes=admitted.scopes,
            visitor=visitor,
        )
        try:
            return await self._use_va_token.execute(command)
        except (SessionEndedError, VASignInNeededError) as error:
            raise TokenRequestError("invalid_grant", _SIGN_IN, code=error.code) from None
        except VAScopeNotGrantedError as error:
            description = "The Veteran has not granted every requested scope."
            raise TokenRequestError("invalid_scope", description, code=error.code) from None

    async def _session(self, asked: TokenRequest) -> tuple[UserId, SessionId]:
        """Whose session, and which; the use of one that has ended is refused on record."""
        command = ValidateSessionCommand(token=Secret(asked.subject_token))
        try:
            session = (await self._validate_session.execute(command)).session
        except SessionNotStandingError as ended:
            return ended.user_id, ended.session_id
        except UnauthenticatedError as error:
            # RFC 8693, section 2.2.2: the error code for an invalid subject_token.
            description = "subject_token is not one of ours, or has expired: send the newest one."
            raise TokenRequestError("invalid_request", description, code=error.code) from None
        return session.user_id, session.session_id

    def _granted(self, token: UsableVAToken) -> Response:
        left = (token.expires_at - self._clock.now()).total_seconds()
        return JSONResponse(
            {
                "access_token": token.access_token.reveal(),
                "issued_token_type": ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": max(0, int(left)),
                "scope": token.scope,
            },
            headers=_HEADERS,
        )


def _turned_away(refused: ClientRefusedError) -> Response:
    client = None if refused.client_id is None else str(refused.client_id)
    _log.warning("client_refused", reason=refused.reason, client=client)
    if isinstance(refused, TooManyRefusalsError):
        return _error(
            HTTPStatus.TOO_MANY_REQUESTS,
            "temporarily_unavailable",
            "Too many requests were refused.",
            code=refused.code,
            retry_after=timedelta(seconds=10),
        )
    is_unknown = type(refused) is ClientRefusedError
    status = HTTPStatus.UNAUTHORIZED if is_unknown else HTTPStatus.BAD_REQUEST
    return _error(status, refused.code, _DESCRIPTIONS[refused.code])


def _unavailable(error: ApplicationError) -> Response:
    _log.warning("request_failed", code=error.code, cause=type(error.__cause__).__name__)
    known = error.retry_after if isinstance(error, ProviderUnavailableError) else None
    return _error(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "temporarily_unavailable",
        "No token is available now: try again.",
        code=error.code,
        retry_after=known or _RETRY_AFTER,
    )


def _error(
    status: int,
    error: str,
    description: str,
    *,
    code: str | None = None,
    retry_after: timedelta | None = None,
) -> Response:
    headers = dict(_HEADERS)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="vetassist"'
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after.total_seconds())))
    body = {"error": error, "error_description": description}
    if code is not None:
        body["code"] = code
    return JSONResponse(body, status_code=status, headers=headers)
