"""The link between a user and VA."""

from http import HTTPStatus
from typing import final

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from application.errors import UnavailableError
from application.use_cases.va_access.revoke_at_va import RevokeAtVA
from application.use_cases.va_access.unlink_va_identity import (
    UnlinkVAIdentity,
    UnlinkVAIdentityCommand,
)
from entrypoints.web.authentication import Authenticator
from entrypoints.web.session_cookies import SessionCookies
from entrypoints.web.visitors import VisitorReader

_log = structlog.stdlib.get_logger("vetassist.link")


@final
class LinkEndpoints:
    """Parses the request, runs one use case."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        unlink_va_identity: UnlinkVAIdentity,
        revoke_at_va: RevokeAtVA,
        cookies: SessionCookies,
        visitors: VisitorReader,
    ) -> None:
        self._authenticator = authenticator
        self._unlink_va_identity = unlink_va_identity
        self._revoke_at_va = revoke_at_va
        self._cookies = cookies
        self._visitors = visitors

    @property
    def routes(self) -> list[BaseRoute]:
        """The one route needs a session whose sign-in was only just now."""
        return [Route("/api/v1/va/link", self.unlink, methods=["DELETE"])]

    async def unlink(self, request: Request) -> Response:
        """Take the link to VA back, with everything that hangs on it."""
        valid = await self._authenticator.session(request)
        await self._unlink_va_identity.execute(
            UnlinkVAIdentityCommand(session=valid.session, visitor=self._visitors.read(request))
        )
        response = Response(
            status_code=HTTPStatus.NO_CONTENT, background=BackgroundTask(self._ask_va_at_once)
        )
        self._cookies.clear(response)
        return response

    async def _ask_va_at_once(self) -> None:
        """Spare the outbox the wait; whatever fails now is tried again by itself."""
        try:
            await self._revoke_at_va.execute()
        except UnavailableError:
            _log.warning("revocation_postponed")
