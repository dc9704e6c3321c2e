"""What a client's assertion has to say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.client_assertion import CLOCK_SKEW, MAX_ASSERTION_LIFETIME, ClientAssertion
from domain.errors import InvalidAssertionError
from tests.support.builders import NOW
from tests.support.service_clients import a_client, assertion_claims

CLIENT = a_client().id
OTHER = a_client().id
US, ENDPOINT = "https://us.example", "https://us.example/oauth/token"
SECOND = timedelta(seconds=1)


def judge(claims: dict[str, Any], now: datetime = NOW) -> ClientAssertion:
    return ClientAssertion.of(
        claims, client_id=CLIENT, audiences=frozenset({US, ENDPOINT}), now=now
    )


def good(**changes: Any) -> dict[str, Any]:
    return assertion_claims(CLIENT, US, **changes)


def at(instant: datetime) -> int:
    return int(instant.timestamp())


def test_an_assertion_that_says_what_it_must_holds() -> None:
    assertion = judge(good())

    assert assertion.client_id == CLIENT
    assert assertion.forget_at == NOW + timedelta(minutes=1) + CLOCK_SKEW


@pytest.mark.parametrize(
    "audience",
    [
        US,
        ENDPOINT,
        [US],
        f"{US}/",
        "HTTPS://Us.Example",
        f"{US}:443/oauth/token",
        "https://us.example.",
        f"{ENDPOINT}/",
    ],
)
def test_it_may_name_us_in_any_form_of_our_url(audience: object) -> None:
    assert judge(good(aud=audience)).client_id == CLIENT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": str(OTHER)}, "assertion_client"),
        ({"sub": str(OTHER)}, "assertion_client"),
        ({"iss": str(OTHER), "sub": str(OTHER)}, "assertion_client"),
        ({"iss": None}, "assertion_client"),
        ({"sub": None}, "assertion_client"),
        ({"iss": 1, "sub": 1}, "assertion_client"),
        ({"iss": str(CLIENT).upper(), "sub": str(CLIENT).upper()}, "assertion_client"),
        ({"aud": None}, "assertion_audience"),
        ({"aud": []}, "assertion_audience"),
        ({"aud": [US, ENDPOINT]}, "assertion_audience"),
        ({"aud": [[US]]}, "assertion_audience"),
        ({"aud": f"{US}/other"}, "assertion_audience"),
        ({"aud": ENDPOINT.upper()}, "assertion_audience"),
        ({"aud": f"{ENDPOINT}X"}, "assertion_audience"),
        ({"jti": ""}, "assertion_jti"),
        ({"jti": 1}, "assertion_jti"),
        ({"jti": "x" * 257}, "assertion_jti"),
        ({"jti": "a b"}, "assertion_jti"),
        ({"jti": "\x00"}, "assertion_jti"),
    ],
)
def test_a_claim_of_another_kind_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidAssertionError) as refused:
        judge(good(**changes))

    assert refused.value.reason == reason


@pytest.mark.case(38)
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value", ["1", True, [1], {}, float("inf"), float("nan"), 10**400, -1, 1e300]
)
def test_a_time_that_is_none_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidAssertionError) as refused:
        judge(good(**{name: value}))

    assert refused.value.reason == f"assertion_{name}"


@pytest.mark.parametrize("value", [0, 0.5])
def test_a_time_may_be_the_first_instant(value: float) -> None:
    assert judge(good(iat=value, nbf=value)).client_id == CLIENT


def test_a_refusal_says_its_reason() -> None:
    assert str(InvalidAssertionError("assertion_jti")) == "assertion_jti"


def test_a_time_may_be_a_fraction() -> None:
    assert judge(good(exp=at(NOW) + 30.5)).forget_at == NOW + timedelta(seconds=30.5) + CLOCK_SKEW


@pytest.mark.parametrize(
    ("expires_in", "reason"),
    [
        (-CLOCK_SKEW, "assertion_expired"),
        (-CLOCK_SKEW + SECOND, None),
        (MAX_ASSERTION_LIFETIME + CLOCK_SKEW, None),
        (MAX_ASSERTION_LIFETIME + CLOCK_SKEW + SECOND, "assertion_lives_too_long"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW, "assertion_lives_too_long"),
    ],
)
def test_an_assertion_lives_for_minutes(expires_in: timedelta, reason: str | None) -> None:
    claims = good(exp=at(NOW + expires_in))
    if reason is None:
        assert judge(claims).forget_at > NOW
        return
    with pytest.raises(InvalidAssertionError) as refused:
        judge(claims)
    assert refused.value.reason == reason


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_an_assertion_from_the_future_is_refused(name: str) -> None:
    judge(good(**{name: at(NOW + CLOCK_SKEW)}))
    with pytest.raises(InvalidAssertionError) as refused:
        judge(good(**{name: at(NOW + CLOCK_SKEW + SECOND)}))

    assert refused.value.reason == "assertion_from_the_future"


@given(forgotten_for=st.integers(0, 10**6), lives_for=st.integers(1, 300))
def test_what_is_forgotten_would_be_refused_for_its_age(forgotten_for: int, lives_for: int) -> None:
    claims = good(exp=at(NOW) + lives_for)
    forget_at = judge(claims).forget_at

    with pytest.raises(InvalidAssertionError):
        judge(claims, now=forget_at + timedelta(seconds=forgotten_for))
