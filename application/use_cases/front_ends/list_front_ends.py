"""Use case: list the front ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from application.front_end_rules import FrontEndRules
from application.ports.front_end_directory import FrontEndDirectory
from domain.front_end import FrontEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFrontEnd:
    """A front end, and whether Veterans can sign in from it."""

    front_end: FrontEnd
    is_served: bool


@final
class ListFrontEnds:
    """Lists all front ends: that of the settings, and the registered ones.

    Args:
        settings: The front end that the settings describe.
        directory: The registered ones.
        rules: Which ones are served.
    """

    def __init__(
        self, *, settings: FrontEnd, directory: FrontEndDirectory, rules: FrontEndRules
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._directory = directory

    async def execute(self) -> Sequence[ListedFrontEnd]:
        """Returns the front end of the settings, and then the others, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """
        return [
            ListedFrontEnd(front_end=each, is_served=self._rules.is_served(each))
            for each in [self._settings, *await self._directory.list_all()]
        ]
