"""The two cookies of an attempt.

One holds the secret that binds the attempt to its browser. The answer to the callback takes it
away. So a browser that still has it never received the answer. The other one holds the note, which
outlasts the attempt. Each attempt has its own cookies, so that two tabs don't disturb each other.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from application.login_starts import VALoginStarted
from application.ports.attempt_notes import AttemptNotes
from domain.attempt_note import AttemptNote
from domain.login_attempt import BROWSER_REMEMBERS_FOR, LoginSecrets, attempt_id_of
from domain.secret import Secret, hash_of
from entrypoints.web.cookies import cookie_values

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)
_LOGIN_NAME: Final = "vetassist_login_"
_NOTE_NAME: Final = "vetassist_began_"
#: Where the login and the callback are: nothing else reads notes, which can be long.
_NOTE_PATH: Final = "/api/v1/va"
# With more attempts than this, the oldest is dropped, so that headers stay small. A restart drops
# none, because it takes the place of another attempt.
_MAX_SECRETS: Final = 8
_MAX_SECRETS_AND_RESTARTS: Final = 16
_MAX_NOTES: Final = 16
# All notes together, names included. Proxies accept cookies of about 8,000 characters.
_MAX_NOTE_CHARACTERS: Final = 4_000


@dataclass(frozen=True, slots=True)
class _KeptNote:
    """A note as the browser keeps it. None if it isn't ours, or no longer."""

    attempt_id: str
    note: AttemptNote | None
    size: int

    @property
    def age_key(self) -> float:
        """Sorts the newest first, and what isn't ours last."""
        return 0.0 if self.note is None else -self.note.forget_at.timestamp()


@final
class LoginCookies:
    """Sets, reads and clears the cookies of attempts."""

    def __init__(self, *, public_url: str, notes: AttemptNotes) -> None:
        self._secure = public_url.startswith("https://")
        self._notes = notes
        self._secret_prefix = ("__Host-" if self._secure else "") + _LOGIN_NAME
        # A cookie with a path can't have `__Host-`. The note is signed, so nobody can plant one.
        self._note_prefix = ("__Secure-" if self._secure else "") + _NOTE_NAME
        self._note_path = urlsplit(public_url).path.rstrip("/") + _NOTE_PATH

    def set(
        self,
        request: HTTPConnection,
        response: Response,
        started: VALoginStarted,
        *,
        spent: AttemptNote | None = None,
    ) -> None:
        """Set both cookies of an attempt. Of too many attempts, the oldest ones go.

        Args:
            request: The cookies that the browser has.
            response: The response that sets them.
            started: The attempt.
            spent: The new note of the attempt that this one replaces, if there is one.
        """
        attempt, secrets = started.attempt, started.secrets
        lifetime = attempt.expires_at - attempt.created_at + BROWSER_REMEMBERS_FOR
        max_age = int(lifetime.total_seconds())
        name = self._secret_prefix + secrets.attempt_id
        self._set(response, name, secrets.browser.reveal(), max_age=max_age)
        room = _MAX_NOTE_CHARACTERS
        written = set()
        for note in filter(None, (AttemptNote.of(attempt, secrets), spent)):
            text = self._notes.write(note)
            if len(text) > room:
                text = self._notes.write(replace(note, return_to=None))
            name = self._note_prefix + note.attempt_id
            self._set(response, name, text, max_age=max_age, path=self._note_path)
            room -= len(name) + len(text)
            written.add(note.attempt_id)
        kept = sorted(self._kept_notes(request), key=lambda each: each.age_key)
        most = _MAX_SECRETS if spent is None else _MAX_SECRETS_AND_RESTARTS
        self._drop_old_secrets(request, response, kept, most=most)
        others = [each for each in kept if each.attempt_id not in written]
        self._drop_old_notes(response, others, room=room)

    def secrets(self, request: HTTPConnection, state: str | None) -> LoginSecrets | None:
        """State and secret. None if either is missing or malformed, or appears twice."""
        if state is None or not _SECRET.fullmatch(state):
            return None
        name = self._secret_prefix + attempt_id_of(Secret(state))
        values = cookie_values(request).get(name, [])
        if len(values) != 1 or not _SECRET.fullmatch(values[0]):
            return None
        return LoginSecrets(state=Secret(state), browser=Secret(values[0]))

    def note(self, request: HTTPConnection, state: str | None) -> AttemptNote | None:
        """The note of the attempt. None if there is none, or it isn't ours, or appears twice."""
        if state is None or not _SECRET.fullmatch(state):
            return None
        attempt_id = attempt_id_of(Secret(state))
        values = cookie_values(request).get(self._note_prefix + attempt_id, [])
        return self._notes.read(values[0], attempt_id=attempt_id) if len(values) == 1 else None

    def unanswered(self, request: HTTPConnection, state: str | None) -> frozenset[bytes]:
        """The hashes of the secrets of all other attempts whose answer the browser didn't get."""
        own = None if state is None else self._secret_prefix + attempt_id_of(Secret(state))
        return frozenset(
            hash_of(Secret(values[0]))
            for name, values in cookie_values(request).items()
            if name.startswith(self._secret_prefix) and name != own
            if len(values) == 1 and _SECRET.fullmatch(values[0])
        )

    def clear_secret(self, response: Response, secrets: LoginSecrets) -> None:
        """Take the attempt's secret away, which tells later that the answer arrived."""
        self._clear(response, self._secret_prefix + secrets.attempt_id)

    def _kept_notes(self, request: HTTPConnection) -> list[_KeptNote]:
        # Browsers send older cookies first.
        kept = []
        for name, values in reversed(cookie_values(request).items()):
            attempt_id = name.removeprefix(self._note_prefix)
            if attempt_id == name or not _ID.fullmatch(attempt_id):
                continue
            note = self._notes.read(values[0], attempt_id=attempt_id) if len(values) == 1 else None
            kept.append(_KeptNote(attempt_id, note, len(name) + sum(map(len, values))))
        return kept

    def _drop_old_secrets(
        self, request: HTTPConnection, response: Response, notes: list[_KeptNote], *, most: int
    ) -> None:
        newest_first = [kept.attempt_id for kept in notes if kept.note is not None]
        ages = {attempt_id: age for age, attempt_id in enumerate(newest_first)}
        sent = reversed(cookie_values(request))
        names = [name for name in sent if name.startswith(self._secret_prefix)]
        # A secret without a note counts as older than all others.
        names.sort(key=lambda name: ages.get(name.removeprefix(self._secret_prefix), len(ages)))
        for name in names[most - 1 :]:
            self._clear(response, name)

    def _drop_old_notes(self, response: Response, notes: list[_KeptNote], *, room: int) -> None:
        for position, kept in enumerate(notes, start=1):
            room -= kept.size
            if kept.note is None or position >= _MAX_NOTES or room < 0:
                name = self._note_prefix + kept.attempt_id
                self._clear(response, name, path=self._note_path)

    def _set(
        self, response: Response, name: str, value: str, *, max_age: int, path: str = "/"
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=path,
            secure=self._secure,
            httponly=True,
            # VA's redirect is a navigation from another site. With Strict, it would have no cookie.
            samesite="lax",
        )

    def _clear(self, response: Response, name: str, *, path: str = "/") -> None:
        response.delete_cookie(name, path=path, secure=self._secure, httponly=True, samesite="lax")
