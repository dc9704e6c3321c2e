"""One attempt to sign in, and the two secrets everything about it follows from."""

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.system.secret_source import SystemSecretSource
from domain.app_challenge import AppChallenge
from domain.attempt_note import AttemptNote
from domain.front_end import SETTINGS_FRONT_END
from domain.login_attempt import (
    BROWSER_REMEMBERS_FOR,
    AttemptRefusal,
    LoginAttempt,
    LoginSecrets,
    attempt_id_of,
)
from domain.return_path import ReturnPath
from domain.secret import Secret
from tests.support.builders import (
    LOGIN_LIFETIME,
    NOW,
    a_front_end,
    a_login_attempt,
    some_login_secrets,
)

A_MOMENT = timedelta(microseconds=1)


def refusal(
    attempt: LoginAttempt, secrets: LoginSecrets, age: timedelta = A_MOMENT
) -> AttemptRefusal | None:
    return attempt.refusal(browser_hash=secrets.browser_hash, now=NOW + age)


@pytest.mark.case(1)
def test_of_10_000_starts_no_two_share_state_nonce_or_verifier() -> None:
    source = SystemSecretSource()
    starts = [LoginSecrets(state=source.token(), browser=source.token()) for _ in range(10_000)]

    assert len({start.state for start in starts}) == len(starts)
    assert len({start.nonce for start in starts}) == len(starts)
    assert len({start.code_verifier for start in starts}) == len(starts)


@pytest.mark.case(1)
def test_the_challenge_is_the_s256_of_the_verifier() -> None:
    for secrets in (some_login_secrets() for _ in range(100)):
        digest = hashlib.sha256(secrets.code_verifier.reveal().encode("ascii")).digest()
        assert secrets.code_challenge == urlsafe_b64encode(digest).decode().rstrip("=")
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secrets.code_challenge)


def test_the_verifier_has_43_unreserved_characters() -> None:
    for secrets in (some_login_secrets() for _ in range(100)):
        # Source: RFC 7636, section 4.1.
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43}", secrets.code_verifier.reveal())
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secrets.nonce)


def test_what_is_derived_is_the_same_when_the_browser_brings_the_secrets_back() -> None:
    secrets = some_login_secrets()
    brought = LoginSecrets(
        state=Secret(secrets.state.reveal()), browser=Secret(secrets.browser.reveal())
    )

    assert brought.nonce == secrets.nonce
    assert brought.code_verifier == secrets.code_verifier
    assert (brought.state_hash, brought.browser_hash) == (secrets.state_hash, secrets.browser_hash)


def test_what_is_derived_is_the_same_in_every_version() -> None:
    """A sign-in may begin at a process of one version and end at one of another."""
    secrets = LoginSecrets(state=Secret("state"), browser=Secret("browser"))

    assert secrets.nonce == "VbKayBqClPszaiF0xi6Jgvlel8tDNbs3odHfPec1I-Y"
    assert secrets.code_verifier.reveal() == "-cW7gjgn3lOFBSVBQ4U5GMGAgI0rayG57Z-Rp1cPNoA"


@pytest.mark.parametrize("kept", ["state", "browser"])
def test_nonce_and_verifier_hang_on_both_secrets(kept: str) -> None:
    secrets = some_login_secrets()
    other = replace(some_login_secrets(), **{kept: getattr(secrets, kept)})

    assert other.nonce != secrets.nonce
    assert other.code_verifier != secrets.code_verifier
    assert other.code_challenge != secrets.code_challenge


def test_all_that_is_derived_differs_from_each_other_and_from_the_secrets() -> None:
    secrets = some_login_secrets()
    texts = {
        secrets.state.reveal(),
        secrets.browser.reveal(),
        secrets.nonce,
        secrets.code_verifier.reveal(),
        secrets.code_challenge,
    }

    assert len(texts) == 5


def test_the_store_gets_hashes_of_both_secrets() -> None:
    secrets = some_login_secrets()

    assert secrets.state_hash == hashlib.sha256(secrets.state.reveal().encode()).digest()
    assert secrets.browser_hash == hashlib.sha256(secrets.browser.reveal().encode()).digest()


@pytest.mark.parametrize("is_restart", [False, True])
def test_an_attempt_lasts_as_long_as_it_is_given(
    is_restart: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    secrets, path = some_login_secrets(), ReturnPath("/claims")
    lifetime, front_end = timedelta(minutes=7), a_front_end().id
    challenge = AppChallenge.of(Secret("v" * 43))

    begun = LoginAttempt.begin(
        secrets,
        return_to=path,
        now=NOW,
        lifetime=lifetime,
        is_restart=is_restart,
        replaces=b"hash",
        app_challenge=challenge,
        front_end=front_end,
    )

    assert begun == LoginAttempt(
        state_hash=secrets.state_hash,
        browser_hash=secrets.browser_hash,
        return_to=path,
        created_at=NOW,
        expires_at=NOW + lifetime,
        is_restart=is_restart,
        replaces=b"hash",
        consumed_at=None,
        app_challenge=challenge,
        front_end=front_end,
    )
    plain = LoginAttempt.begin(secrets, return_to=path, now=NOW, lifetime=lifetime)
    assert plain == replace(
        begun,
        is_restart=False,
        replaces=None,
        app_challenge=None,
        front_end=SETTINGS_FRONT_END,
    )


@pytest.mark.case(12)
@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(), None),
        (LOGIN_LIFETIME - timedelta(seconds=1), None),
        (LOGIN_LIFETIME - A_MOMENT, None),
        (LOGIN_LIFETIME, AttemptRefusal.EXPIRED),
        (LOGIN_LIFETIME + timedelta(seconds=1), AttemptRefusal.EXPIRED),
        (timedelta(days=365), AttemptRefusal.EXPIRED),
    ],
)
def test_an_attempt_ends_to_the_instant(age: timedelta, expected: AttemptRefusal | None) -> None:
    secrets = some_login_secrets()

    assert refusal(a_login_attempt(secrets), secrets, age) is expected


@pytest.mark.parametrize("is_restart", [False, True])
@pytest.mark.parametrize("return_to", [None, ReturnPath("/claims?a=b")])
def test_the_note_of_an_attempt_outlasts_it_by_a_day(
    return_to: ReturnPath | None,
    is_restart: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    secrets = some_login_secrets()
    attempt = a_login_attempt(secrets, return_to=return_to, is_restart=is_restart)
    note = AttemptNote.of(attempt, secrets)

    assert note.attempt_id == secrets.attempt_id == attempt_id_of(secrets.state)
    front_end = a_front_end().id
    assert AttemptNote.of(replace(attempt, front_end=front_end), secrets).front_end == front_end
    # A restart isn't restarted, and nothing is restarted twice.
    assert (note.return_to, note.can_restart) == (return_to, not is_restart)
    assert note.spent() == replace(note, can_restart=False)
    assert note.forget_at == attempt.expires_at + BROWSER_REMEMBERS_FOR
    assert note.is_current(note.forget_at - A_MOMENT)
    assert not note.is_current(note.forget_at)


def test_the_id_of_an_attempt_gives_nothing_else_away() -> None:
    secrets = some_login_secrets()
    others = {
        secrets.state.reveal(),
        secrets.nonce,
        secrets.code_challenge,
        secrets.code_verifier.reveal(),
    }

    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", secrets.attempt_id)
    assert not any(secrets.attempt_id in other for other in others)
    assert secrets.attempt_id != some_login_secrets().attempt_id


@pytest.mark.case(11)
@pytest.mark.parametrize("age", [A_MOMENT, timedelta(hours=1)])
def test_an_attempt_that_was_taken_is_a_replay_however_old(age: timedelta) -> None:
    secrets = some_login_secrets()
    taken = replace(a_login_attempt(secrets), consumed_at=NOW)

    assert refusal(taken, secrets, age) is AttemptRefusal.REPLAYED


@pytest.mark.case(13)
@pytest.mark.parametrize("age", [A_MOMENT, timedelta(hours=1)])
@pytest.mark.parametrize("consumed", [False, True])
def test_another_browser_learns_nothing_of_the_attempts_state(
    age: timedelta,
    consumed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    attempt = replace(a_login_attempt(), consumed_at=NOW if consumed else None)

    assert refusal(attempt, some_login_secrets(), age) is AttemptRefusal.OTHER_BROWSER
