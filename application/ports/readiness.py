"""Port: whether the store is ready to serve requests."""

from abc import abstractmethod
from enum import StrEnum
from typing import Protocol


class ReadinessCheck(StrEnum):
    """What a request needs from the store."""

    #: It answers in time.
    DATABASE = "database"
    #: It is known which server is the primary.
    PRIMARY = "primary"
    #: It accepts rows: it isn't read-only, its disk isn't full, its tables aren't locked.
    WRITABLE = "writable"
    #: Its schema is the one that this service needs.
    SCHEMA = "schema"
    #: Its encoding can store every character.
    ENCODING = "encoding"
    #: Its clock agrees with the clock of this machine.
    CLOCK = "clock"


class Readiness(Protocol):
    """Checks the store on the same path that requests take."""

    @abstractmethod
    async def failing(self) -> frozenset[ReadinessCheck]:
        """Returns the checks that currently fail. Empty means that requests can be served.

        It returns within three seconds even if the store hangs. If a check fails, the checks
        that depend on it are skipped.
        """
