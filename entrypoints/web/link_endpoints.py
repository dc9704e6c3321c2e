"""The link between a user and VA."""

from http import HTTPStatus
from typing import final

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from application.errors import UnavailableError
from application.use_cases.sessions.validate_session import ValidSession
from application.use_cases.va_access.revoke_at_va import RevokeAtVA
from application.use_cases.va_access.unlink_va_identity import (
    UnlinkVAIdentity,
    UnlinkVAIdentityCommand,
)
from domain.visitor import Visitor
from entrypoints.web.authentication import Authenticator
from entrypoints.web.calling_front_ends import CallingFrontEnds
from entrypoints.web.visitors import VisitorReader

_log = structlog.stdlib.get_logger("vetassist.link")


@final
class Unlinking:
    """Removes the link to VA, for the API and for the pages."""

    def __init__(self, *, unlink_va_identity: UnlinkVAIdentity, revoke_at_va: RevokeAtVA) -> None:
        self._unlink_va_identity = unlink_va_identity
        self._revoke_at_va = revoke_at_va

    async def execute(self, valid: ValidSession, visitor: Visitor) -> None:
        """Remove the link to VA, together with VA's tokens and all sessions.

        Raises:
            FreshSignInNeededError: The sign-in was too long ago.
            UnavailableError: Storage did not answer.
        """
        await self._unlink_va_identity.execute(
            UnlinkVAIdentityCommand(session=valid.session, visitor=visitor)
        )

    async def ask_va_at_once(self) -> None:
        """Revoke at VA now rather than at the next interval. A failure is retried later."""
        try:
            await self._revoke_at_va.execute()
        except UnavailableError:
            _log.warning("revocation_postponed")


@final
class LinkEndpoints:
    """Parses the request, and runs one use case."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        unlinking: Unlinking,
        front_ends: CallingFrontEnds,
        visitors: VisitorReader,
    ) -> None:
        self._authenticator = authenticator
        self._unlinking = unlinking
        self._front_ends = front_ends
        self._visitors = visitors

    @property
    def routes(self) -> list[BaseRoute]:
        """The route, which needs a session with a recent sign-in."""
        return [Route("/api/v1/va/link", self.unlink, methods=["DELETE"])]

    async def unlink(self, request: Request) -> Response:
        """Remove the link to VA, together with VA's tokens and all sessions."""
        valid = await self._authenticator.session(request)
        await self._unlinking.execute(valid, self._visitors.read(request))
        response = Response(
            status_code=HTTPStatus.NO_CONTENT,
            background=BackgroundTask(self._unlinking.ask_va_at_once),
        )
        self._front_ends.cookies(request).clear(response)
        return response
