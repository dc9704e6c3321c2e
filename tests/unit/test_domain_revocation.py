"""The end of a session before its time."""

from datetime import timedelta

import pytest

from domain.revocation import Revocation, RevokedBy
from domain.session import RENEWAL_UNDER_WAY
from tests.support.builders import NOW, a_session


def test_the_names_that_stand_in_stored_rows_stay_what_they_are() -> None:
    assert {by.name: by.value for by in RevokedBy} == {
        "USER": "user",
        "OPERATOR": "operator",
        "THEFT": "theft",
        "LIMIT": "limit",
        "UNLINK": "unlink",
    }


@pytest.mark.parametrize("by", RevokedBy)
def test_a_revocation_tells_when_by_whom_and_why(by: RevokedBy) -> None:
    later = NOW + timedelta(minutes=1)
    session = a_session().revoke(later, by=by, reason="a_reason")

    assert session.revocation == Revocation(at=later, by=by, reason="a_reason")
    assert not session.is_active(NOW)


@pytest.mark.parametrize("by", RevokedBy)
def test_case_75_whoever_comes_second_ends_nothing(by: RevokedBy) -> None:
    first = a_session().revoke(NOW, by=RevokedBy.THEFT, reason="refresh_token_reused")

    assert first.revoke(NOW + timedelta(days=1), by=by, reason="another") is first


@pytest.mark.parametrize(
    ("after", "is_beyond"),
    [
        (-timedelta(seconds=1), False),
        (timedelta(), False),
        (RENEWAL_UNDER_WAY - timedelta(microseconds=1), False),
        (RENEWAL_UNDER_WAY, True),
    ],
)
def test_case_84_a_session_that_has_just_ended_may_still_be_under_renewal(
    after: timedelta,
    is_beyond: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    session = a_session()

    assert session.is_beyond_renewal(session.expires_at + after) is is_beyond
    ended = session.revoke(NOW, by=RevokedBy.USER, reason="logout")
    assert ended.is_beyond_renewal(NOW)
