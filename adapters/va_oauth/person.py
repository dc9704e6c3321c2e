"""Fetches data about the person from userinfo and the Veteran status API."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar, final

import anyio

from adapters.va_oauth.bounded_http import BoundedHTTP, Reply, TooLateError
from adapters.va_oauth.documents import Document, unsigned_document
from adapters.va_oauth.id_token import ClaimsVerifier
from adapters.va_oauth.signatures import is_signed
from application.errors import ProviderUnavailableError, UpstreamRejectedError
from domain.secret import Secret
from domain.veteran_status import VeteranStatus

_FORBIDDEN: Final = 403
_SIGNED: Final = "application/jwt"
# VA documents that its passing faults can be retried, which is done once.
_RETRY_AFTER_SECONDS: Final = 0.2

_STATUS_OF: Final = {
    status.value: status for status in (VeteranStatus.CONFIRMED, VeteranStatus.NOT_CONFIRMED)
}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """The status API's answer: the Veteran status and the ICN that it belongs to."""

    status: VeteranStatus
    icn: object = field(repr=False)


class _NotNowError(Exception):
    """The endpoint can't answer at present."""


@final
class PersonSource:
    """Sends requests with the Veteran's access token. Returns None if VA did not answer."""

    def __init__(self, http: BoundedHTTP, verifier: ClaimsVerifier) -> None:
        self._http = http
        self._verifier = verifier

    async def userinfo(self, url: str, access_token: Secret, *, subject: str) -> Document | None:
        """Returns the claims of userinfo (OpenID Connect Core 1.0, section 5.3).

        Raises:
            UpstreamRejectedError: It was refused, is malformed, or is about another person. Or it
                is signed, and the signature or a claim isn't valid.
        """
        claims = await self._fetched(url, access_token, self._userinfo_of, operation="userinfo")
        if claims is not None and claims.text("sub") != subject:
            raise claims.unacceptable("sub")
        return claims

    async def veteran_status(self, url: str, access_token: Secret) -> StatusAnswer | None:
        """Returns the person's Veteran status.

        Raises:
            UpstreamRejectedError: It was refused, or is malformed.
        """
        return await self._fetched(url, access_token, self._status_of, operation="status")

    async def _fetched(
        self,
        url: str,
        access_token: Secret,
        read: Callable[[Reply], Awaitable[_T]],
        *,
        operation: str,
    ) -> _T | None:
        headers = {"Authorization": f"Bearer {access_token.reveal()}"}
        for pause in (_RETRY_AFTER_SECONDS, None):
            try:
                return await read(await self._http.get(url, operation=operation, headers=headers))
            except TooLateError:
                # The Veteran has already waited for a whole deadline.
                return None
            except (_NotNowError, ProviderUnavailableError):
                if pause is not None:
                    await anyio.sleep(pause)
        return None

    async def _userinfo_of(self, reply: Reply) -> Document:
        _check_status(reply, "userinfo")
        # A signed answer should have its own media type (OpenID Connect Core 1.0, section 5.3.2).
        text = reply.body.decode("ascii", "replace").strip()
        if reply.media_type == _SIGNED or is_signed(text):
            return await self._verifier.userinfo(text)
        return unsigned_document(reply, reason="userinfo_{}", whole="malformed")

    async def _status_of(self, reply: Reply) -> StatusAnswer:
        if reply.status == _FORBIDDEN:
            # The Veteran didn't grant the scope, so VA doesn't say.
            return StatusAnswer(status=VeteranStatus.UNKNOWN, icn=None)
        _check_status(reply, "status")
        data = unsigned_document(reply, reason="status_malformed").nested("data")
        attributes = None if data is None else data.nested("attributes")
        if data is None or attributes is None:
            raise UpstreamRejectedError("status_malformed")
        if attributes.readable_text("not_confirmed_reason") == "ERROR":
            raise _NotNowError
        said = attributes.readable_text("veteran_status") or ""
        status = _STATUS_OF.get(said, VeteranStatus.UNKNOWN)
        return StatusAnswer(status=status, icn=data.said("id"))


def _check_status(reply: Reply, source: str) -> None:
    if reply.means_not_now:
        raise _NotNowError
    if not reply.is_success:
        raise UpstreamRejectedError(f"{source}_refused")
