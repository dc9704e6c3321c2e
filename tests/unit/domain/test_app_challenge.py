"""The challenge and the verifier of an app that redeems a code without a cookie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.app_challenge import AppChallenge
from domain.errors import InvalidAppChallengeError, InvalidAppVerifierError
from domain.secret import Secret

# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_example_of_the_standard() -> None:
    assert AppChallenge.parse(CHALLENGE) == AppChallenge.of(Secret(VERIFIER))


@given(st.text(alphabet="ABCxyz019-._~", min_size=43, max_size=128))
def test_every_verifier_of_the_standard_has_a_challenge(verifier: str) -> None:
    assert len(AppChallenge.of(Secret(verifier)).digest) == 32


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        CHALLENGE[:-1],
        CHALLENGE + "=",
        CHALLENGE + "A",
        # Another spelling of the same bytes.
        CHALLENGE[:-1] + "N",
        CHALLENGE.replace("-", "+"),
        CHALLENGE.replace("-", "/"),
        f" {CHALLENGE}",
        f"{CHALLENGE}\n",
        "é" + CHALLENGE[1:],
    ],
)
def test_what_is_no_s256_challenge_is_refused(challenge: str) -> None:
    with pytest.raises(InvalidAppChallengeError):
        AppChallenge.parse(challenge)


@pytest.mark.parametrize(
    "verifier",
    ["", "a" * 42, "a" * 129, VERIFIER + " ", VERIFIER + "\n", VERIFIER + "+", "é" * 50],
)
def test_what_is_no_verifier_is_refused(verifier: str) -> None:
    with pytest.raises(InvalidAppVerifierError):
        AppChallenge.of(Secret(verifier))


def test_a_challenge_is_not_shown() -> None:
    assert str(AppChallenge.of(Secret(VERIFIER)).digest) not in repr(AppChallenge.parse(CHALLENGE))
