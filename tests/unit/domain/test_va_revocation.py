"""How often VA is asked to revoke a token, and for how long."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.va_revocation import GIVE_UP_AFTER
from tests.support.builders import NOW, a_va_revocation

MINUTES = timedelta(minutes=1)


@pytest.mark.parametrize("attempts", [0, 1, 2, 3, 20, 21, 10_000])
def test_the_pause_doubles_up_to_six_hours(attempts: int) -> None:
    first = replace(a_va_revocation(), attempts=1).pause()
    expected = min(first * 2 ** min(max(attempts - 1, 0), 30), timedelta(hours=6))
    assert replace(a_va_revocation(), attempts=attempts).pause() == expected


def test_a_token_that_has_expired_by_itself_is_given_up() -> None:
    entry = replace(a_va_revocation(), created_at=NOW)
    assert not entry.is_hopeless(NOW + GIVE_UP_AFTER - timedelta(microseconds=1))
    assert entry.is_hopeless(NOW + GIVE_UP_AFTER)
