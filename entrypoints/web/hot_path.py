"""The two routes that other services call for each of their requests.

They are answered here in plain ASGI, without routing, request objects, middleware or a log line.
The response is the same as the application's. Only the plain case takes this path: a GET with one
bearer token whose session stands. Everything else goes to the application: a cookie, a call from
a page (CORS), and refusals, outages and bugs. The application renders and logs those, with the
result of the validation that was made here.
"""

import json
from collections.abc import Callable
from time import perf_counter
from typing import Final, final

from starlette.types import Scope, Send

from application.front_end_roster import FrontEndRoster
from application.use_cases.sessions.validate_session import (
    ValidateSession,
    ValidateSessionCommand,
    ValidSession,
)
from domain.secret import Secret
from entrypoints.metrics.measurements import SESSION, VERIFY, Measurements
from entrypoints.metrics.timings import Timings
from entrypoints.request_ids import request_ids
from entrypoints.web.authentication import REFUSAL
from entrypoints.web.middleware import security_headers
from entrypoints.web.session_endpoints import session_fields

_RawHeaders = list[tuple[bytes, bytes]]
_Answer = Callable[[ValidSession], tuple[_RawHeaders, bytes]]

# The usual spelling. The application reads all others.
_BEARER: Final = b"Bearer "


@final
class HotPath:
    """Responds on both routes in the plain case."""

    def __init__(
        self,
        *,
        validate_session: ValidateSession,
        front_ends: FrontEndRoster,
        is_public_https: bool,
        measurements: Measurements,
    ) -> None:
        self._validate_session = validate_session
        self._limits_of = front_ends.limits_of
        self._headers = [
            (name.lower().encode(), value.encode())
            for name, value in security_headers(is_public_https=is_public_https).items()
        ]
        self._request_ids = request_ids()
        self._measurements = measurements
        self._answers: dict[str, tuple[_Answer, Timings]] = {
            VERIFY: (self._verified, measurements.at_once[VERIFY]),
            SESSION: (self._shown, measurements.at_once[SESSION]),
        }

    async def answers(self, scope: Scope, send: Send) -> bool:
        """Respond if this is the plain case. Returns False if the application must respond."""
        asked = self._answers.get(scope.get("path", ""))
        if asked is None or scope["type"] != "http" or scope["method"] != "GET":
            return False
        token = _plain_bearer_token(scope)
        if token is None:
            return False
        answer, timings = asked
        began = perf_counter()
        try:
            valid = await self._validate_session.execute(ValidateSessionCommand(token=token))
        except Exception as refusal:  # noqa: BLE001 - a bug as well: it is answered there
            scope[REFUSAL] = refusal
            self._measurements.count_validation(refusal, perf_counter() - began)
            return False
        timings.add(perf_counter() - began)
        headers, body = answer(valid)
        await send(
            {"type": "http.response.start", "status": 200, "headers": headers + self._headers}
        )
        await send({"type": "http.response.body", "body": body})
        return True

    def _verified(self, valid: ValidSession) -> tuple[_RawHeaders, bytes]:
        session = valid.session
        return [
            (b"x-auth-user", str(session.user_id).encode()),
            (b"x-auth-session", str(session.session_id).encode()),
            (b"x-request-id", next(self._request_ids).encode()),
            (b"content-length", b"0"),
        ], b""

    def _shown(self, valid: ValidSession) -> tuple[_RawHeaders, bytes]:
        limits = self._limits_of(valid.session.front_end)
        body = json.dumps(session_fields(valid, limits), separators=(",", ":")).encode()
        return [
            (b"content-type", b"application/json"),
            (b"x-request-id", next(self._request_ids).encode()),
            (b"content-length", str(len(body)).encode()),
        ], body


def _plain_bearer_token(scope: Scope) -> Secret | None:
    """The bearer token of a request that carries one, and nothing that needs more care."""
    given: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if given is not None:
                return None
            given = value
        elif name == b"origin":
            return None
    if given is None or not given.startswith(_BEARER):
        return None
    return Secret(given[len(_BEARER) :].decode("latin-1"))
