"""What every AttemptNotes promises, run against each adapter."""

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.attempt_notes import MemoryAttemptNotes
from adapters.session_tokens.signed_attempt_notes import SignedAttemptNotes
from adapters.session_tokens.signed_refresh_tokens import SignedRefreshTokens
from application.ports.attempt_notes import AttemptNotes
from domain.attempt_note import AttemptNote
from domain.return_path import MAX_CHARACTERS, ReturnPath
from tests.support.builders import (
    a_front_end,
    a_login_attempt,
    a_refresh_token,
    a_session,
    some_login_secrets,
)

#: Makes notes of a key of their own.
MakeNotes = Callable[[], AttemptNotes]
LONGEST = ReturnPath("/" + "a" * (MAX_CHARACTERS - 1))


def signed_notes() -> AttemptNotes:
    return SignedAttemptNotes(secret=secrets.token_bytes(32), previous_secret=None)


make_notes = pytest.mark.parametrize("make", [signed_notes, MemoryAttemptNotes])


def a_note(return_to: ReturnPath | None = None) -> AttemptNote:
    login = some_login_secrets()
    return AttemptNote.of(a_login_attempt(login, return_to=return_to), login)


def variants() -> list[AttemptNote]:
    """Notes that differ in everything a note says."""
    texts = ("/", "/claims", "/aW", "/claims?a=b;c,d#e%20")
    paths = (None, *map(ReturnPath, texts), LONGEST)
    notes = [a_note(path) for path in paths]
    notes += [replace(note, front_end=a_front_end().id) for note in notes]
    return notes + [note.spent() for note in notes]


@make_notes
def test_what_was_written_reads_back(make: MakeNotes) -> None:
    notes = make()

    for note in variants():
        assert notes.read(notes.write(note), attempt_id=note.attempt_id) == note


@make_notes
def test_a_note_is_a_text_that_a_cookie_can_hold(make: MakeNotes) -> None:
    notes = make()

    for note in variants():
        text = notes.write(note)
        assert re.fullmatch(r"[A-Za-z0-9._-]+", text)
        assert note.attempt_id not in text
        assert len(text) < 3_000


@make_notes
def test_a_note_is_worth_nothing_for_another_attempt(make: MakeNotes) -> None:
    notes, note = make(), a_note()

    assert notes.read(notes.write(note), attempt_id=a_note().attempt_id) is None


@make_notes
def test_a_note_of_another_key_is_worth_nothing(make: MakeNotes) -> None:
    note = a_note()

    assert make().read(make().write(note), attempt_id=note.attempt_id) is None


@make_notes
def test_a_note_with_any_character_changed_is_worth_nothing(make: MakeNotes) -> None:
    notes, note = make(), a_note(ReturnPath("/claims")).spent()
    text = notes.write(note)

    for position, character in enumerate(text):
        for other in {"A", "a", "n", "r", "1", "-", ".", "="} - {character}:
            changed = text[:position] + other + text[position + 1 :]
            assert notes.read(changed, attempt_id=note.attempt_id) is None
    for length in range(len(text)):
        assert notes.read(text[:length], attempt_id=note.attempt_id) is None
    for extra in ("=", ".", "A", "0", " ", "\n"):
        assert notes.read(text + extra, attempt_id=note.attempt_id) is None
        assert notes.read(extra + text, attempt_id=note.attempt_id) is None


@given(junk=st.text(max_size=200))
@make_notes
def test_junk_is_worth_nothing(make: MakeNotes, junk: str) -> None:
    assert make().read(junk, attempt_id=a_note().attempt_id) is None


def test_nobody_can_give_an_attempt_another_restart() -> None:
    notes, note = signed_notes(), a_note()
    spent = notes.write(note.spent())
    assert (notes.write(note)[0], spent[0]) == ("r", "n")

    assert notes.read("r" + spent[1:], attempt_id=note.attempt_id) is None


def test_a_note_cannot_be_made_to_last() -> None:
    notes, note = signed_notes(), a_note()
    proof = notes.write(note).rpartition(".")[2]
    later = notes.write(replace(note, forget_at=note.forget_at + timedelta(days=1)))

    forged = f"{later.rpartition('.')[0]}.{proof}"
    assert notes.read(forged, attempt_id=note.attempt_id) is None


def test_notes_of_the_previous_key_are_read_during_a_change_of_the_key() -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    note = a_note()
    before = SignedAttemptNotes(secret=old, previous_secret=None)
    during = SignedAttemptNotes(secret=new, previous_secret=old)
    after = SignedAttemptNotes(secret=new, previous_secret=None)
    text = before.write(note)

    assert during.read(text, attempt_id=note.attempt_id) == note
    assert after.read(text, attempt_id=note.attempt_id) is None
    assert after.read(during.write(note), attempt_id=note.attempt_id) == note


def test_the_key_of_notes_is_not_the_key_of_refresh_tokens() -> None:
    secret = secrets.token_bytes(32)
    token = SignedRefreshTokens(secret=secret, previous_secret=None).write(
        a_refresh_token(a_session())
    )
    ids, _, proof = token.reveal().split(".")
    notes, note = SignedAttemptNotes(secret=secret, previous_secret=None), a_note()

    for forged in (token.reveal(), f"r1769020200.{ids}.{proof}", f"r1769020200..{proof}"):
        assert notes.read(forged, attempt_id=note.attempt_id) is None
