"""Fetches data about the person from userinfo and the Veteran status API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, final

import anyio

from adapters.va_oauth.bounded_http import BoundedHTTP, Reply, TooLateError
from application.errors import ProviderUnavailableError, UpstreamRejectedError
from application.strict_json import NotStrictJSONError, object_of
from domain.secret import Secret
from domain.veteran_status import VeteranStatus

_OK: Final = 200
_FORBIDDEN: Final = 403
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

    def __init__(self, http: BoundedHTTP) -> None:
        self._http = http

    async def userinfo(
        self, url: str, access_token: Secret, *, subject: str
    ) -> Mapping[str, Any] | None:
        """Returns the claims of userinfo (OpenID Connect Core 1.0, section 5.3).

        Raises:
            UpstreamRejectedError: It was refused, is malformed, or is about another person.
        """
        claims = await self._fetched(url, access_token, self._userinfo_of, operation="userinfo")
        if claims is not None and claims.get("sub") != subject:
            raise UpstreamRejectedError("userinfo_sub")
        return claims

    async def veteran_status(self, url: str, access_token: Secret) -> StatusAnswer | None:
        """Returns the person's Veteran status.

        Raises:
            UpstreamRejectedError: It was refused, or is malformed.
        """
        return await self._fetched(url, access_token, self._status_of, operation="status")

    async def _fetched(
        self, url: str, access_token: Secret, read: Callable[[Reply], _T], *, operation: str
    ) -> _T | None:
        headers = {"Authorization": f"Bearer {access_token.reveal()}"}
        for pause in (_RETRY_AFTER_SECONDS, None):
            try:
                return read(await self._http.get(url, operation=operation, headers=headers))
            except TooLateError:
                # The Veteran has already waited for a whole deadline.
                return None
            except (_NotNowError, ProviderUnavailableError):
                if pause is not None:
                    await anyio.sleep(pause)
        return None

    @staticmethod
    def _userinfo_of(reply: Reply) -> Mapping[str, Any]:
        return _answer(reply, "userinfo")

    @staticmethod
    def _status_of(reply: Reply) -> StatusAnswer:
        if reply.status == _FORBIDDEN:
            # The Veteran didn't grant the scope, so VA doesn't say.
            return StatusAnswer(status=VeteranStatus.UNKNOWN, icn=None)
        data = _answer(reply, "status").get("data")
        attributes = data.get("attributes") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(attributes, dict):
            raise UpstreamRejectedError("status_malformed")
        if attributes.get("not_confirmed_reason") == "ERROR":
            raise _NotNowError
        said = str(attributes.get("veteran_status"))
        status = _STATUS_OF.get(said, VeteranStatus.UNKNOWN)
        return StatusAnswer(status=status, icn=data.get("id"))


def _answer(reply: Reply, source: str) -> dict[str, Any]:
    if reply.means_not_now:
        raise _NotNowError
    if reply.status != _OK:
        raise UpstreamRejectedError(f"{source}_refused")
    try:
        return object_of(reply.body)
    except NotStrictJSONError as error:
        raise UpstreamRejectedError(f"{source}_malformed") from error
