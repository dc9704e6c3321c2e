"""A session, and the rules that end it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.outage import Outage
from domain.refresh_token import Rotation
from domain.session import RENEWAL_UNDER_WAY, RenewalVerdict, Session
from domain.session_limits import SessionLimits, SessionOutlook
from tests.support.builders import (
    LIMITS,
    NOW,
    a_refresh_token,
    a_session,
    a_token_id,
    a_user_id,
    a_visitor,
    some_login_secrets,
)
from tests.support.storage import a_revocation, standing_of

A_MOMENT = timedelta(microseconds=1)
LATER = NOW + timedelta(minutes=5)


def renewed(session: Session, *, at: timedelta) -> Session:
    """Renewed at so long after its sign-in; the tokens do not matter."""
    return session.renew(
        a_refresh_token(session),
        salt=some_login_secrets().state,
        token_id=a_token_id(),
        now=NOW + at,
        limits=LIMITS,
    )


def test_a_session_begins_with_its_users_sign_in() -> None:
    user_id, visitor = a_user_id(), a_visitor()
    session = a_session(user_id, visitor=visitor)

    assert session.user_id == user_id
    assert session.user_agent == visitor.user_agent
    assert session.issued_at == session.renewed_at == NOW
    assert session.expires_at == NOW + timedelta(minutes=30)
    assert session.absolute_expires_at == NOW + timedelta(hours=12)
    assert session.rotation == Rotation()
    assert session.revocation is None


@pytest.mark.parametrize("fraction", [timedelta(), A_MOMENT, timedelta(microseconds=999_999)])
def test_a_session_ends_on_whole_seconds_as_a_jwt_can_say_no_more(fraction: timedelta) -> None:
    session = a_session(now=NOW + fraction)

    assert session.expires_at == NOW + LIMITS.idle
    assert session.absolute_expires_at == NOW + LIMITS.absolute
    limits = replace(LIMITS, token=LIMITS.idle / 2)
    assert session.token_expires_at(limits) == NOW + LIMITS.idle / 2


@pytest.mark.case(65)
@pytest.mark.parametrize(
    ("before_the_end", "is_active"),
    [
        (timedelta(seconds=1), True),
        (A_MOMENT, True),
        (timedelta(), False),
        (-timedelta(seconds=1), False),
        (-timedelta(days=1), False),
    ],
)
def test_a_session_admits_until_the_instant_of_its_end(
    before_the_end: timedelta,
    is_active: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    session = a_session()
    instant = session.expires_at - before_the_end

    assert session.is_active(instant) is is_active
    assert standing_of(session).is_active(instant) is is_active


def test_a_revoked_session_admits_nobody_at_any_time() -> None:
    session = replace(a_session(), revocation=a_revocation(now=LATER))

    for instant in (NOW, LATER, LATER + timedelta(days=1)):
        assert not session.is_active(instant)
        assert not standing_of(session).is_active(instant)


def test_a_renewal_moves_the_idle_limit_and_nothing_else_of_the_session() -> None:
    session = a_session()
    token, salt = a_refresh_token(session), some_login_secrets().state
    token_id = a_token_id()
    after = session.renew(token, salt=salt, token_id=token_id, now=LATER, limits=LIMITS)

    assert after == replace(
        session,
        token_id=token_id,
        renewed_at=LATER,
        expires_at=LATER + LIMITS.idle,
        rotation=Rotation(current=token.successor(salt).hash, previous=token.hash, salt=salt),
    )


def test_a_session_is_beyond_renewal_once_no_renewal_can_be_under_way_any_more() -> None:
    session = a_session()
    beyond = session.expires_at + RENEWAL_UNDER_WAY

    assert not session.is_beyond_renewal(session.expires_at)
    assert not session.is_beyond_renewal(beyond - A_MOMENT)
    assert session.is_beyond_renewal(beyond)
    revoked = replace(session, revocation=a_revocation(now=LATER))
    assert revoked.is_beyond_renewal(NOW)


def test_no_renewal_carries_a_session_past_its_absolute_limit() -> None:
    session = a_session()
    end = session.absolute_expires_at
    for at in (LIMITS.absolute - timedelta(minutes=10), LIMITS.absolute - A_MOMENT):
        after = renewed(session, at=at)
        assert after.expires_at == after.absolute_expires_at == end
        assert after.token_expires_at(LIMITS) == end
        assert not after.is_active(end)


def test_a_jwt_never_outlives_its_session() -> None:
    limits = SessionLimits(token=timedelta(hours=2))

    session = a_session(limits=limits)
    assert session.token_expires_at(limits) == session.expires_at


def test_the_current_refresh_token_renews() -> None:
    session = a_session()
    token = a_refresh_token(session)
    session = session.hand_out(token, token_id=session.token_id)

    last = session.expires_at - A_MOMENT
    for now in (NOW, LATER, last):
        assert session.verdict(token, now=now, limits=LIMITS) is RenewalVerdict.ROTATE


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (timedelta(), RenewalVerdict.REPEAT),
        (timedelta(seconds=29), RenewalVerdict.REPEAT),
        (timedelta(seconds=30) - A_MOMENT, RenewalVerdict.REPEAT),
        (timedelta(seconds=30), RenewalVerdict.THEFT),
        (timedelta(minutes=5), RenewalVerdict.THEFT),
    ],
)
def test_a_replaced_refresh_token_is_good_for_its_successor_for_thirty_seconds(
    after: timedelta, verdict: RenewalVerdict
) -> None:
    opened = a_session()
    token = a_refresh_token(opened)
    session = opened.hand_out(token, token_id=opened.token_id).renew(
        token, salt=some_login_secrets().state, token_id=a_token_id(), now=LATER, limits=LIMITS
    )

    assert session.verdict(token, now=LATER + after, limits=LIMITS) is verdict


SECONDS = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("began", "ended", "after", "verdict"),
    [
        # From the renewal itself to the end of its grace, an outage is waited for.
        (-60 * SECONDS, timedelta(), 30 * SECONDS - A_MOMENT, RenewalVerdict.REPEAT),
        (-60 * SECONDS, 5 * SECONDS, 35 * SECONDS - A_MOMENT, RenewalVerdict.REPEAT),
        (-60 * SECONDS, 5 * SECONDS, 35 * SECONDS, RenewalVerdict.THEFT),
        (30 * SECONDS, 90 * SECONDS, 120 * SECONDS - A_MOMENT, RenewalVerdict.REPEAT),
        (30 * SECONDS, 90 * SECONDS, 120 * SECONDS, RenewalVerdict.THEFT),
        # One that was over, or that came later, excuses nothing.
        (-60 * SECONDS, -A_MOMENT, 30 * SECONDS, RenewalVerdict.THEFT),
        (30 * SECONDS + A_MOMENT, 90 * SECONDS, 31 * SECONDS, RenewalVerdict.THEFT),
    ],
)
def test_the_time_of_an_outage_does_not_count(
    began: timedelta, ended: timedelta, after: timedelta, verdict: RenewalVerdict
) -> None:
    opened = a_session()
    token = a_refresh_token(opened)
    session = opened.hand_out(token, token_id=opened.token_id).renew(
        token, salt=some_login_secrets().state, token_id=a_token_id(), now=LATER, limits=LIMITS
    )
    outage = Outage(began_at=LATER + began, ended_at=LATER + ended)

    assert session.verdict(token, now=LATER + after, limits=LIMITS, outage=outage) is verdict


def test_a_refresh_token_from_before_the_last_one_is_stolen() -> None:
    session = a_session()
    token = oldest = a_refresh_token(session)
    session = session.hand_out(token, token_id=session.token_id)
    for _ in range(2):
        salt = some_login_secrets().state
        session = session.renew(token, salt=salt, token_id=a_token_id(), now=LATER, limits=LIMITS)
        token = token.successor(salt)

    assert session.verdict(oldest, now=LATER, limits=LIMITS) is RenewalVerdict.THEFT
    assert session.verdict(token, now=LATER, limits=LIMITS) is RenewalVerdict.ROTATE
    unknown = a_refresh_token(session)
    assert session.verdict(unknown, now=LATER, limits=LIMITS) is RenewalVerdict.THEFT


def test_a_token_of_a_session_that_has_ended_is_told_apart_from_a_stolen_one() -> None:
    session = a_session()
    token, unknown = a_refresh_token(session), a_refresh_token(session)
    session = session.hand_out(token, token_id=session.token_id)
    logged_out = replace(session, revocation=a_revocation(now=LATER))

    for shown in (token, unknown):
        assert logged_out.verdict(shown, now=LATER, limits=LIMITS) is RenewalVerdict.ENDED
        end = session.expires_at
        assert session.verdict(shown, now=end, limits=LIMITS) is RenewalVerdict.EXPIRED


def test_a_session_that_never_handed_out_a_refresh_token_is_not_renewed() -> None:
    session = a_session()

    for token in (a_refresh_token(session), a_refresh_token(session)):
        assert session.verdict(token, now=NOW, limits=LIMITS) is not RenewalVerdict.ROTATE


def test_handing_out_takes_back_what_was_handed_out_before() -> None:
    session = a_session()
    first, second = a_refresh_token(session), a_refresh_token(session)
    session = session.hand_out(first, token_id=a_token_id())
    token_id = a_token_id()
    session = session.hand_out(second, token_id=token_id)

    assert session.token_id == token_id
    assert session.verdict(second, now=NOW, limits=LIMITS) is RenewalVerdict.ROTATE
    assert session.verdict(first, now=NOW, limits=LIMITS) is RenewalVerdict.THEFT


def test_a_successor_follows_from_token_and_salt_together() -> None:
    token = a_refresh_token(a_session())
    salt, other_salt = some_login_secrets().state, some_login_secrets().state

    successor = token.successor(salt)
    assert token.successor(salt) == successor
    assert (successor.user_id, successor.session_id) == (token.user_id, token.session_id)
    assert len(successor.secret.reveal()) == 43
    assert len({token.hash, successor.hash, token.successor(other_salt).hash}) == 3


@pytest.mark.parametrize(
    "limits",
    [
        {"idle": timedelta()},
        {"idle": timedelta(hours=13)},
        {"warning": timedelta(seconds=19)},
        {"warning": timedelta(minutes=30)},
        {"token": timedelta(minutes=2)},
    ],
)
def test_limits_that_contradict_each_other_are_refused(limits: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match=r"limit|warning"):
        SessionLimits(**limits)


def test_the_outlook_tells_when_to_warn_and_whether_renewing_helps() -> None:
    session = a_session()
    last = renewed(session, at=LIMITS.absolute - A_MOMENT)

    for each, can_extend in ((session, True), (last, False)):
        outlook = SessionOutlook.of(
            token_expires_at=each.token_expires_at(LIMITS),
            expires_at=each.expires_at,
            absolute_expires_at=each.absolute_expires_at,
            limits=LIMITS,
        )
        assert outlook == SessionOutlook(
            idle_expires_at=each.expires_at,
            absolute_expires_at=session.absolute_expires_at,
            can_extend=can_extend,
            warn_at=each.expires_at - LIMITS.warning,
        )


def test_the_warning_comes_before_the_first_of_the_ends() -> None:
    session = a_session()
    first = session.expires_at - timedelta(minutes=10)
    outlook = SessionOutlook.of(
        token_expires_at=first,
        expires_at=session.expires_at,
        absolute_expires_at=session.absolute_expires_at,
        limits=LIMITS,
    )

    assert outlook.warn_at == first - LIMITS.warning
