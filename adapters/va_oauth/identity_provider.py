"""The identity provider: authorization URL, code exchange, refresh, and revocation."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import TracebackType
from typing import Final, final

import anyio

from adapters.va_oauth.bounded_http import BoundedHTTP, CallObserver, Wire, nobody
from adapters.va_oauth.bulkhead import Bulkhead, BulkheadLimits
from adapters.va_oauth.callback import read_callback
from adapters.va_oauth.code_flow import CodeFlow, Redeemed
from adapters.va_oauth.documents import Document
from adapters.va_oauth.id_token import VerifiedIDToken
from adapters.va_oauth.person import PersonSource, StatusAnswer
from adapters.va_oauth.settings import ProviderSettings
from adapters.va_oauth.token_response import (
    TokenResponse,
    error_of,
    read_token_response,
    refresh_token_of,
)
from application.errors import (
    ApplicationError,
    IssuerChangedError,
    ProviderUnavailableError,
    SigningKeyUnknownError,
    UnusableTokensError,
    UnwantedTokensError,
    UpstreamRejectedError,
)
from application.ports.clock import Clock
from application.ports.identity_provider import (
    CallbackParameters,
    IdentityProvider,
    ProviderCallback,
    ProviderSignIn,
)
from application.sign_in_errors import IdentityMissingError
from domain.attributes import email_of, name_of
from domain.errors import InvalidICNError
from domain.identifiers import ICN
from domain.login_attempt import LoginSecrets
from domain.secret import Secret
from domain.va_identity import VAAccount, VAIdentity
from domain.va_token_refresh import REFRESH_DEADLINE
from domain.va_tokens import VATokens
from domain.veteran_status import VeteranStatus

_DEADLINE: Final = timedelta(seconds=10)
#: How many calls of each kind may be in progress, so that no kind takes room from another. The
#: reasons are in docs/adr/0031-waiting-on-va.md.
SIGN_INS: Final = BulkheadLimits(in_progress=100, waiting=100)
_STARTS: Final = BulkheadLimits(in_progress=100, waiting=100)
_REFRESHES: Final = BulkheadLimits(in_progress=50, waiting=50)
_REVOCATIONS: Final = BulkheadLimits(in_progress=10, waiting=10)
_MAX_BYTES: Final = 256 * 1024
_STATUS_SCOPE: Final = "veteran_status.read"
_BAD_REQUEST: Final = 400
#: Refusals that a retry can't change. Source: RFC 7009, section 2.2.1.
_REFUSES_THE_TOKEN: Final = frozenset({"invalid_request", "unsupported_token_type"})
#: The token is invalid already. By RFC 7009, section 2.2, that is a success, but some providers
#: answer with an error.
_KNOWS_NO_TOKEN: Final = frozenset({"invalid_token", "invalid_grant"})
_UNVERIFIED: Final = "id_token_unverified"
#: Userinfo of a provider that has none.
_NOTHING: Final = Document({}, reason="userinfo_{}")


@final
class VAIdentityProvider(IdentityProvider, AbstractAsyncContextManager["VAIdentityProvider"]):
    """VA.gov, or any other OpenID Provider. Leaving the context closes the wire."""

    def __init__(
        self,
        *,
        settings: ProviderSettings,
        wire: Wire,
        clock: Clock,
        deadline: timedelta = _DEADLINE,
        refresh_deadline: timedelta = REFRESH_DEADLINE,
        sign_in_limits: BulkheadLimits = SIGN_INS,
        observer: CallObserver = nobody,
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._clock = clock
        self._refresh_deadline = refresh_deadline
        self._http = BoundedHTTP(wire, deadline=deadline, max_bytes=_MAX_BYTES, observer=observer)
        self._flow = CodeFlow(settings=settings, http=self._http, clock=clock)
        self._sign_ins = Bulkhead(sign_in_limits)
        self._starts = Bulkhead(_STARTS)
        self._refreshes = Bulkhead(_REFRESHES)
        self._revocations = Bulkhead(_REVOCATIONS)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._wire.aclose()

    @property
    def issuer(self) -> str:
        return self._settings.issuer

    async def authorization_url(self, secrets: LoginSecrets) -> str:
        # Don't send a Veteran to VA if the callback is likely to be refused.
        self._sign_ins.check_refusals()
        async with self._starts.admitted():
            return await self._flow.authorization_url(secrets)

    def room_for_sign_in(self) -> AbstractAsyncContextManager[None]:
        return self._sign_ins.admitted()

    def read_callback(self, parameters: CallbackParameters) -> ProviderCallback:
        return read_callback(parameters)

    async def sign_in(self, callback: ProviderCallback, secrets: LoginSecrets) -> ProviderSignIn:
        with self._http.conversation() as http:
            redeemed = await self._flow.redeem(callback, secrets, http=http)
            userinfo, status = await self._ask_about(redeemed, http)
        identity = self._identity(redeemed.response, redeemed.id_token, userinfo, status)
        return ProviderSignIn(identity=identity, tokens=redeemed.response.tokens)

    async def refresh(
        self, refresh_token: Secret, *, account: VAAccount, icn: ICN | None, scope: str
    ) -> VATokens:
        if account.issuer != self._settings.issuer:
            # A refresh token must not be sent to another provider.
            raise IssuerChangedError
        given: TokenResponse | None = None
        try:
            with anyio.fail_after(self._refresh_deadline.total_seconds()):
                async with self._refreshes.admitted():
                    # Fetched first, because the refresh may use up the refresh token.
                    await self._flow.documents.signing_keys()
                    given = await self._refresh(refresh_token, scope)
                    await self._check_same_person(given, account, icn)
        except TimeoutError as error:
            raise _unverified(given, ProviderUnavailableError("deadline")) from error
        except ProviderUnavailableError as error:
            raise _unverified(given, error) from error
        except SigningKeyUnknownError as error:
            # The provider's published keys lag behind, which doesn't discredit the tokens.
            raise _unverified(given, error, reason=error.reason) from error
        except UpstreamRejectedError as error:
            if given is None:
                raise
            raise UnwantedTokensError(error.reason, given.tokens) from error
        return given.tokens

    async def revoke(self, token: Secret, *, is_refresh_token: bool) -> bool:
        async with self._revocations.admitted():
            return await self._revoke(token, is_refresh_token=is_refresh_token)

    async def _revoke(self, token: Secret, *, is_refresh_token: bool) -> bool:
        metadata = await self._flow.documents.metadata()
        try:
            endpoint = metadata.revocation_endpoint
            if endpoint is None:
                return False
            reply = await self._http.post(
                endpoint,
                operation="revoke",
                form={
                    "token": token.reveal(),
                    "token_type_hint": "refresh_token" if is_refresh_token else "access_token",
                },
                headers={"Authorization": self._settings.basic_credentials},
            )
        except UpstreamRejectedError as error:
            # A redirect comes from a gateway, not from VA.
            raise ProviderUnavailableError(error.reason) from error
        if reply.is_success:
            return True
        refusal = error_of(reply) if reply.status == _BAD_REQUEST else None
        if refusal in _KNOWS_NO_TOKEN:
            return True
        if refusal in _REFUSES_THE_TOKEN:
            raise UpstreamRejectedError("revocation_refused")
        # No other answer says whether the token was revoked, so it must be tried again.
        raise ProviderUnavailableError(f"status_{reply.status}")

    async def _refresh(self, refresh_token: Secret, scope: str) -> TokenResponse:
        metadata = await self._flow.documents.metadata()
        reply = await self._http.post(
            metadata.token_endpoint,
            operation="refresh",
            form={"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()},
            headers={"Authorization": self._settings.basic_credentials},
        )
        try:
            return read_token_response(reply, requested_scope=scope, now=self._clock.now())
        except UpstreamRejectedError as error:
            if (newer := refresh_token_of(reply)) is not None:
                raise UnusableTokensError(error.reason, newer) from error
            raise

    async def _check_same_person(
        self, response: TokenResponse, account: VAAccount, icn: ICN | None
    ) -> None:
        if response.tokens.id_token is not None:
            id_token = await self._flow.verified(response.tokens, nonce=None)
            if id_token.subject != account.subject:
                raise UpstreamRejectedError("another_subject")
        if response.patient is not None and response.patient != (icn and icn.value):
            raise UpstreamRejectedError("another_patient")

    async def _ask_about(
        self, redeemed: Redeemed, http: BoundedHTTP
    ) -> tuple[Document | None, StatusAnswer | UpstreamRejectedError | None]:
        """Calls both APIs at once. An API that isn't called counts as an empty answer."""
        tokens, id_token = redeemed.response.tokens, redeemed.id_token
        access_token = tokens.access_token
        person = PersonSource(http, self._flow.verifier)

        async def userinfo() -> Document | None:
            url = redeemed.metadata.userinfo_endpoint
            if url is None:
                return _NOTHING
            return await person.userinfo(url, access_token, subject=id_token.subject)

        async def status() -> StatusAnswer | UpstreamRejectedError | None:
            granted = tokens.scope.split()
            asked_for = _STATUS_SCOPE in self._settings.scopes
            if self._settings.status_url is None or (asked_for and _STATUS_SCOPE not in granted):
                return StatusAnswer(status=VeteranStatus.UNKNOWN, icn=None)
            try:
                return await person.veteran_status(self._settings.status_url, access_token)
            except UpstreamRejectedError as error:
                # It matters only if no other source names the ICN.
                return error

        try:
            async with asyncio.TaskGroup() as group:
                asked = group.create_task(userinfo()), group.create_task(status())
        except* UpstreamRejectedError as rejected:
            raise rejected.exceptions[0] from rejected
        return asked[0].result(), asked[1].result()

    def _identity(
        self,
        response: TokenResponse,
        id_token: VerifiedIDToken,
        userinfo: Document | None,
        status: StatusAnswer | UpstreamRejectedError | None,
    ) -> VAIdentity:
        # Userinfo is newer than the ID token, so its claims come first.
        claims = [each for each in (userinfo, id_token.claims) if each is not None]
        answer = status if isinstance(status, StatusAnswer) else None
        icn = _agreed_icn(
            [
                response.patient,
                answer.icn if answer else None,
                *(each.said("icn") for each in claims),
            ]
        )
        if icn is None and isinstance(status, UpstreamRejectedError):
            raise status

        def first(name: str, read: Callable[[str | None], str | None]) -> str | None:
            texts = (read(each.readable_text(name)) for each in claims)
            return next((text for text in texts if text is not None), None)

        return VAIdentity(
            issuer=self._settings.issuer,
            subject=id_token.subject,
            icn=icn,
            status=None if answer is None else answer.status,
            given_name=first("given_name", name_of),
            family_name=first("family_name", name_of),
            email=first("email", email_of),
            is_complete=userinfo is not None and (answer is not None or icn is not None),
        )


def _unverified(
    given: TokenResponse | None, error: ApplicationError, *, reason: str = _UNVERIFIED
) -> ApplicationError:
    """Returns the error to raise if ``error`` kept the tokens from being verified."""
    if given is None or given.tokens.refresh_token is None:
        # The refresh token that was sent is still the newest.
        return error
    return UnusableTokensError(reason, given.tokens.refresh_token)


def _agreed_icn(sources: Iterable[object]) -> ICN | None:
    try:
        named = {ICN.parse(source) for source in sources if source is not None}
    except InvalidICNError as error:
        raise IdentityMissingError("icn_malformed") from error
    if len(named) > 1:
        raise UpstreamRejectedError("icn_disagreement")
    return next(iter(named), None)
