"""The codes that errors carry into the audit trail and the log."""

import pytest

from application.errors import AuditBrokenError, IssuerChangedError, SigningKeyUnknownError
from application.sign_in_errors import AnswerLostError, FrontEndGoneError, SignInFailedError
from domain.sign_in_failure import SignInFailure
from tests.support.builders import a_front_end

FRONT_END = a_front_end().id


@pytest.mark.parametrize(
    ("error", "failure", "reason"),
    [
        (AnswerLostError(), SignInFailure.LOGIN_EXPIRED, "answer_lost"),
        (FrontEndGoneError(FRONT_END), SignInFailure.SERVICE_UNAVAILABLE, "front_end_gone"),
    ],
)
def test_a_failed_sign_in_says_why(
    error: SignInFailedError, failure: SignInFailure, reason: str
) -> None:
    assert (error.failure, error.reason) == (failure, reason)


def test_a_front_end_that_is_gone_is_recorded() -> None:
    assert FrontEndGoneError(FRONT_END).recorded_front_end == FRONT_END


def test_an_upstream_error_says_why() -> None:
    assert SigningKeyUnknownError().reason == "key_unknown"
    assert IssuerChangedError().reason == "issuer_changed"


def test_a_broken_trail_says_where() -> None:
    assert str(AuditBrokenError(7)) == "batch 7"
