"""What userinfo and the Veteran status API say of the person."""

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
# One more try after this long: VA's word for a passing fault is "try again".
_RETRY_AFTER_SECONDS: Final = 0.2

_STATUS_OF: Final = {
    status.value: status for status in (VeteranStatus.CONFIRMED, VeteranStatus.NOT_CONFIRMED)
}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """What the status API said: a status, and whose."""

    status: VeteranStatus
    icn: object = field(repr=False)


class _NotNowError(Exception):
    """The endpoint cannot answer at present."""


@final
class PersonSource:
    """Asks with the Veteran's own access token. None always means: it could not be heard."""

    def __init__(self, http: BoundedHTTP) -> None:
        self._http = http

    async def userinfo(
        self, url: str, access_token: Secret, *, subject: str
    ) -> Mapping[str, Any] | None:
        """The claims of userinfo (OpenID Connect Core 1.0, section 5.3).

        Raises:
            UpstreamRejectedError: Refused, malformed, or about somebody else.
        """
        claims = await self._heard(url, access_token, self._userinfo_of, operation="userinfo")
        if claims is not None and claims.get("sub") != subject:
            raise UpstreamRejectedError("userinfo_sub")
        return claims

    async def veteran_status(self, url: str, access_token: Secret) -> StatusAnswer | None:
        """What VA says of the person's status.

        Raises:
            UpstreamRejectedError: Refused or malformed.
        """
        return await self._heard(url, access_token, self._status_of, operation="status")

    async def _heard(
        self, url: str, access_token: Secret, read: Callable[[Reply], _T], *, operation: str
    ) -> _T | None:
        headers = {"Authorization": f"Bearer {access_token.reveal()}"}
        for pause in (_RETRY_AFTER_SECONDS, None):
            try:
                return read(await self._http.get(url, operation=operation, headers=headers))
            except TooLateError:
                # The person has waited for a whole deadline, which is long enough.
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
            # The Veteran did not grant the scope: VA has nothing to say, and that is an answer.
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
