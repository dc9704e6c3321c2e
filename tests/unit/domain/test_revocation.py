"""The end of a session before its time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.revocation import RevokedBy
from domain.session import RENEWAL_UNDER_WAY
from tests.support.builders import NOW, a_session
from tests.support.storage import a_revocation


def test_the_names_that_stand_in_stored_rows_stay_what_they_are() -> None:
    assert {by.name: by.value for by in RevokedBy} == {
        "USER": "user",
        "OPERATOR": "operator",
        "THEFT": "theft",
        "LIMIT": "limit",
        "UNLINK": "unlink",
    }


@pytest.mark.case(84)
@pytest.mark.parametrize(
    ("after", "is_beyond"),
    [
        (-timedelta(seconds=1), False),
        (timedelta(), False),
        (RENEWAL_UNDER_WAY - timedelta(microseconds=1), False),
        (RENEWAL_UNDER_WAY, True),
    ],
)
def test_a_session_that_has_just_ended_may_still_be_under_renewal(
    after: timedelta,
    is_beyond: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    session = a_session()

    assert session.is_beyond_renewal(session.expires_at + after) is is_beyond
    revoked = replace(session, revocation=a_revocation())
    assert revoked.is_beyond_renewal(NOW)
