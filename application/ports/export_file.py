"""Port: the file that an export of the audit trail is written to."""

from abc import abstractmethod
from typing import Protocol


class ExportFile(Protocol):
    """A new file. It gets its name when it is kept; until then, it can be discarded.

    Every method but ``discard`` raises OSError if the file can't be written.
    """

    @abstractmethod
    def open(self) -> None:
        """Creates the file for its owner only. Raises FileExistsError if the name is taken."""

    @abstractmethod
    def write(self, line: str) -> None:
        """Writes a line and a line feed."""

    @abstractmethod
    def settle(self) -> bytes:
        """Makes the file durable, and returns the SHA-256 of its contents."""

    @abstractmethod
    def keep(self) -> None:
        """Gives the settled file its name. If that fails, it is kept under a provisional one."""

    @abstractmethod
    def discard(self) -> None:
        """Removes the file, if it was opened. It isn't kept."""
