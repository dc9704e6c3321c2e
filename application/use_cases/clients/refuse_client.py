"""Use case: refuse a back end that sent no usable credentials."""

from dataclasses import dataclass
from typing import NoReturn, final

from application.client_refusals import ClientRefusals
from application.errors import ClientRefusedError
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseClientCommand:
    """What was wrong with the credentials, and who sent them."""

    refusal: ClientRefusedError
    visitor: Visitor


@final
class RefuseClient:
    """Refuses a request whose credentials can't be read, so that no client can be admitted."""

    def __init__(self, *, refusals: ClientRefusals) -> None:
        self._refusals = refusals

    async def execute(self, command: RefuseClientCommand) -> NoReturn:
        """Records the refusal in the audit trail.

        Raises:
            ClientRefusedError: The given refusal, or TooManyRefusalsError instead of it.
            UnavailableError: The store did not answer.
        """
        await self._refusals.refuse(command.refusal, command.visitor)
