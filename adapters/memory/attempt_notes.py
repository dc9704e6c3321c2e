"""Notes of attempts, in memory."""

import secrets
from typing import Final, final

from application.ports.attempt_notes import AttemptNotes
from domain.attempt_note import AttemptNote

_TEXT_BYTES: Final = 32


@final
class MemoryAttemptNotes(AttemptNotes):
    """Writes random texts and remembers the note of each one."""

    def __init__(self) -> None:
        self._notes: dict[str, AttemptNote] = {}

    def write(self, note: AttemptNote) -> str:
        text = secrets.token_urlsafe(_TEXT_BYTES)
        self._notes[text] = note
        return text

    def read(self, text: str, *, attempt_id: str) -> AttemptNote | None:
        note = self._notes.get(text)
        return note if note is not None and note.attempt_id == attempt_id else None
