"""Port: whether the store is fit to serve."""

from abc import abstractmethod
from enum import StrEnum
from typing import Protocol


class ReadinessCheck(StrEnum):
    """What a request needs of the store."""

    #: It answers in time.
    DATABASE = "database"
    #: It is certain which server is the primary.
    PRIMARY = "primary"
    #: It takes rows: it is not read-only, its disk is not full, its tables are not locked.
    WRITABLE = "writable"
    #: Its schema is the one this service needs.
    SCHEMA = "schema"
    #: It stores every character.
    ENCODING = "encoding"
    #: Its clock and this machine's agree.
    CLOCK = "clock"


class Readiness(Protocol):
    """Asks the store, on the path that requests take."""

    @abstractmethod
    async def failing(self) -> frozenset[ReadinessCheck]:
        """The checks that fail at this moment; empty when a request can be served.

        It returns within three seconds, whatever the store does. Where one check fails, those
        that depend on it are not made.
        """
