"""Port: notes of attempts, which browsers keep."""

from abc import abstractmethod
from typing import Protocol

from domain.attempt_note import AttemptNote


class AttemptNotes(Protocol):
    """Writes notes that nobody else can write or change."""

    @abstractmethod
    def write(self, note: AttemptNote) -> str:
        """Returns the text of a note: letters, digits, and the characters `.`, `-` and `_`.

        The text isn't secret from its browser. It doesn't contain the attempt's id.
        """

    @abstractmethod
    def read(self, text: str, *, attempt_id: str) -> AttemptNote | None:
        """Returns the note, or None if ``text`` wasn't written for this attempt.

        It doesn't check whether the note is still current.
        """
