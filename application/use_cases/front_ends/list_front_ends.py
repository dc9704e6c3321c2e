"""Use case: list the front ends."""

from collections.abc import Sequence
from typing import final

from application.ports.front_end_directory import FrontEndDirectory
from domain.front_end import FrontEnd


@final
class ListFrontEnds:
    """Lists all front ends: that of the settings, and the registered ones.

    Args:
        settings: The front end that the settings describe.
        directory: The registered ones.
    """

    def __init__(self, *, settings: FrontEnd, directory: FrontEndDirectory) -> None:
        self._settings = settings
        self._directory = directory

    async def execute(self) -> Sequence[FrontEnd]:
        """Returns the front end of the settings, and then the others, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """
        return [self._settings, *await self._directory.list_all()]
