"""The codes that errors carry into the audit trail and the log."""

from collections.abc import Callable

import pytest

from application.errors import (
    AuditBrokenError,
    IssuerChangedError,
    ProviderUnavailableError,
    SigningKeyUnknownError,
)
from application.sign_in_errors import (
    AnswerLostError,
    FrontEndGoneError,
    SignInFailedError,
    SignInUncertainError,
)
from domain.sign_in_failure import SignInFailure
from tests.support.builders import a_front_end

FRONT_END = a_front_end().id


@pytest.mark.parametrize(
    ("make", "failure", "reason"),
    [
        (AnswerLostError, SignInFailure.LOGIN_EXPIRED, "answer_lost"),
        (SignInUncertainError, SignInFailure.SERVICE_UNAVAILABLE, "storage_unavailable"),
        (
            lambda: FrontEndGoneError(FRONT_END),
            SignInFailure.SERVICE_UNAVAILABLE,
            "front_end_gone",
        ),
    ],
)
def test_a_failed_sign_in_says_why(
    make: Callable[[], SignInFailedError], failure: SignInFailure, reason: str
) -> None:
    error = make()
    assert (error.failure, error.reason, str(error)) == (failure, reason, failure.value)
    assert error.return_to is None


def test_a_front_end_that_is_gone_is_recorded() -> None:
    assert FrontEndGoneError(FRONT_END).recorded_front_end == FRONT_END


def test_an_upstream_error_says_why() -> None:
    assert SigningKeyUnknownError().reason == "key_unknown"
    assert IssuerChangedError().reason == str(IssuerChangedError()) == "issuer_changed"
    assert str(ProviderUnavailableError("timeout")) == "timeout"
    assert str(ProviderUnavailableError()) == ""


def test_a_broken_trail_says_where() -> None:
    assert str(AuditBrokenError(7)) == "batch 7"
