"""When VA may be asked for newer tokens."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain.va_token_refresh import KeptVATokens, RefreshState, TokenGeneration
from tests.support.builders import NOW, a_user_id, some_sealed_tokens

SECOND = timedelta(seconds=1)
STATE = RefreshState(generation=TokenGeneration(sign_in=UUID(int=1), number=1), account=None)


@pytest.mark.parametrize(
    ("retry_at", "lease_until", "expected"),
    [
        (None, None, None),
        (NOW + 5 * SECOND, None, 5 * SECOND),
        (None, NOW + 7 * SECOND, 7 * SECOND),
        (NOW + 5 * SECOND, NOW + 7 * SECOND, 7 * SECOND),
        (NOW - SECOND, NOW - 2 * SECOND, 0 * SECOND),
    ],
)
def test_it_is_said_when_to_come_again(
    retry_at: datetime | None, lease_until: datetime | None, expected: timedelta | None
) -> None:
    state = replace(STATE, retry_at=retry_at, lease_until=lease_until)
    assert (
        KeptVATokens(sealed=some_sealed_tokens(a_user_id()), state=state).retry_after(NOW)
        == expected
    )
