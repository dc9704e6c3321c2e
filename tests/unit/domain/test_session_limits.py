"""How long a session may last, and what a front end is told of it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.session_limits import LEAST_WARNING, SessionLimits, SessionOutlook
from tests.support.builders import (
    NOW,
    a_refresh_token,
    a_session,
    a_token_id,
    some_login_secrets,
)

A_MOMENT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
WARNING_FAULT = r"^the warning must be at least 20 seconds, and less than each limit$"


def outlook_of(
    token_ends: datetime, session_ends: datetime, absolute_end: datetime, limits: SessionLimits
) -> SessionOutlook:
    return SessionOutlook.of(
        token_expires_at=token_ends,
        expires_at=session_ends,
        absolute_expires_at=absolute_end,
        limits=limits,
    )


def test_by_default_the_limits_are_those_of_nist_for_aal2() -> None:
    limits = SessionLimits()

    assert limits.idle == timedelta(minutes=30)
    assert limits.absolute == timedelta(hours=12)
    assert limits.renew_grace == timedelta(seconds=30)


def test_the_warning_comes_twenty_seconds_before_the_end_at_the_least() -> None:
    assert timedelta(seconds=20) == LEAST_WARNING
    assert SessionLimits(warning=LEAST_WARNING).warning == LEAST_WARNING
    with pytest.raises(ValueError, match=WARNING_FAULT):
        SessionLimits(warning=LEAST_WARNING - A_MOMENT)


def test_the_warning_comes_after_the_beginning() -> None:
    idle, token = timedelta(minutes=10), timedelta(minutes=5)

    for end in ({"idle": idle}, {"token": token}):
        (length,) = end.values()
        assert SessionLimits(**end, warning=length - SECOND).warning == length - SECOND
        with pytest.raises(ValueError, match=WARNING_FAULT):
            SessionLimits(**end, warning=length)


def test_a_session_may_have_no_idle_limit_but_its_absolute_one() -> None:
    assert SessionLimits(idle=timedelta(hours=12)).idle == timedelta(hours=12)
    for idle in (timedelta(hours=12) + A_MOMENT, timedelta(), -SECOND):
        with pytest.raises(
            ValueError, match=r"^the idle limit must be positive and at most the absolute limit$"
        ):
            SessionLimits(idle=idle)


def test_a_session_that_ends_at_its_absolute_limit_cannot_be_extended() -> None:
    limits, end = SessionLimits(), NOW + timedelta(hours=1)

    for session_ends, can_extend in ((end - SECOND, True), (end, False)):
        outlook = outlook_of(end, session_ends, end, limits)
        assert outlook.can_extend is can_extend
        assert outlook.idle_expires_at == session_ends
        assert outlook.absolute_expires_at == end


SPANS = st.timedeltas(min_value=timedelta(minutes=1), max_value=timedelta(days=2))


@st.composite
def sound_limits(draw: st.DrawFn) -> SessionLimits:
    absolute, token = draw(SPANS), draw(SPANS)
    idle = draw(st.timedeltas(min_value=timedelta(minutes=1), max_value=absolute))
    longest = min(idle, token) - A_MOMENT
    warning = draw(st.timedeltas(min_value=LEAST_WARNING, max_value=longest))
    return SessionLimits(idle=idle, absolute=absolute, token=token, warning=warning)


@given(
    limits=sound_limits(),
    begin=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=1)).map(NOW.__add__),
    waits=st.lists(st.floats(min_value=0, max_value=0.999), max_size=20),
)
def test_however_often_a_session_is_renewed_its_limits_hold(
    limits: SessionLimits, begin: datetime, waits: list[float]
) -> None:
    now = begin
    session = a_session(now=now, limits=limits)
    last = session.absolute_expires_at
    for wait in waits:
        now += (session.expires_at - now) * wait
        session = session.renew(
            a_refresh_token(session),
            salt=some_login_secrets().state,
            token_id=a_token_id(),
            now=now,
            limits=limits,
        )
        token_ends = session.token_expires_at(limits)
        outlook = outlook_of(token_ends, session.expires_at, last, limits)

        assert session.absolute_expires_at == last <= begin + limits.absolute
        assert session.expires_at <= min(now + limits.idle, last)
        assert token_ends <= session.expires_at
        assert outlook.warn_at <= token_ends - LEAST_WARNING
