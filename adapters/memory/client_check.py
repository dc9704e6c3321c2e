"""Client credentials of a provider in memory."""

from typing import final

from application.errors import ApplicationError
from application.ports.client_check import ClientCheck


@final
class MemoryClientCheck(ClientCheck):
    """Ends as it is told to.

    Attributes:
        error: What the check raises. None: the credentials are accepted.
        asked: How often it was asked.
    """

    def __init__(self) -> None:
        self.error: ApplicationError | None = None
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error
