"""Using VA's tokens as a back end does."""

from dataclasses import replace
from typing import Any

from application.use_cases.va_access.use_va_token import UsableVAToken, UseVATokenCommand
from domain.session_grant import SessionGrant
from domain.va_token_use import TokenPurpose
from entrypoints.container import Container
from tests.support.builders import a_visitor


def a_use(grant: SessionGrant, **changes: Any) -> UseVATokenCommand:
    """What a back end asks for, for the session of a sign-in."""
    command = UseVATokenCommand(
        user_id=grant.session.user_id,
        session_id=grant.session.id,
        client_id="claims-service",
        purpose=TokenPurpose.VETERAN_STATUS,
        scopes=frozenset({"veteran_status.read"}),
        visitor=a_visitor(),
    )
    return replace(command, **changes)


async def use(container: Container, command: UseVATokenCommand) -> UsableVAToken:
    return await container.use_va_token().execute(command)
