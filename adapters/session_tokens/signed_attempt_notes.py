"""Notes of attempts that are authenticated with an HMAC.

A note has the form `KIND SECONDS.PATH.MAC`: `r` if the attempt can be restarted or `n` if not, the
Unix time until which it is current, the return path in base64url, which may be empty, and the
HMAC-SHA256 of all that and the attempt's id in base64url. A registered front end has its id in hex
before the last dot, with a dot of its own. So nobody can write a note for a `state`
that the service didn't give to this browser, or get a second restart.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Final, final
from uuid import UUID

from application.ports.attempt_notes import AttemptNotes
from domain.attempt_note import AttemptNote
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.return_path import ReturnPath

_SHAPE: Final = re.compile(
    r"(([rn])([0-9]{1,11})\.([A-Za-z0-9_-]*)(?:\.([0-9a-f]{32}))?)\.([A-Za-z0-9_-]{43})", re.ASCII
)
_CAN_RESTART: Final = "r"
_CANNOT_RESTART: Final = "n"
# Derives a separate key from the JWT secret, so that the secret itself signs only JWTs.
_PURPOSE: Final = b"vetassist/attempt-note/v1"


@final
class SignedAttemptNotes(AttemptNotes):
    """Signs with the current secret. Verifies with the current and the previous secret."""

    def __init__(self, *, secret: bytes, previous_secret: bytes | None) -> None:
        secrets = (secret, previous_secret)
        self._keys = tuple(
            hmac.digest(each, _PURPOSE, "sha256") for each in secrets if each is not None
        )

    def write(self, note: AttemptNote) -> str:
        kind = _CAN_RESTART if note.can_restart else _CANNOT_RESTART
        path = "" if note.return_to is None else _encoded(note.return_to.value.encode())
        text = f"{kind}{int(note.forget_at.timestamp())}.{path}"
        if note.front_end != SETTINGS_FRONT_END:
            text += f".{note.front_end.hex}"
        return f"{text}.{_proof(self._keys[0], text, note.attempt_id)}"

    def read(self, text: str, *, attempt_id: str) -> AttemptNote | None:
        match = _SHAPE.fullmatch(text)
        if match is None:
            return None
        signed, kind, seconds, path, front_end, proof = match.groups()
        if not any(
            hmac.compare_digest(_proof(key, signed, attempt_id), proof) for key in self._keys
        ):
            return None
        return AttemptNote(
            attempt_id=attempt_id,
            forget_at=datetime.fromtimestamp(int(seconds), UTC),
            can_restart=kind == _CAN_RESTART,
            return_to=ReturnPath.parse(_decoded(path)) if path else None,
            front_end=FrontEndId(UUID(front_end)) if front_end else SETTINGS_FRONT_END,
        )


def _proof(key: bytes, text: str, attempt_id: str) -> str:
    return _encoded(hmac.digest(key, f"{text}.{attempt_id}".encode(), "sha256"))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> str:
    return urlsafe_b64decode(text + "==").decode()
