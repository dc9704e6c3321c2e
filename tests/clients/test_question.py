"""What the Python client asks about a request, and how it reads the answer."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

import httpx
import pytest

from vetassist_client import (
    Caller,
    CrossSiteRequestError,
    NoSessionError,
    RequestRefusedError,
    UnavailableError,
)
from vetassist_client.question import Answer, Question

USER = "11111111-1111-4111-8111-111111111111"
SESSION = "22222222-2222-4222-8222-22222222222a"
IDENTITY = {"X-Auth-User": USER, "X-Auth-Session": SESSION}
BEARER = Question.about("GET", [(b"authorization", b"Bearer e30.e30.c2ln")])

Pairs = list[tuple[bytes, bytes]]


def an_answer(status: int, headers: dict[str, str] | Pairs | None = None) -> Answer:
    return Answer(status=status, headers=httpx.Headers(headers or {}), body=b"")


def test_only_the_credential_the_origin_and_the_method_are_passed_on() -> None:
    question = Question.about(
        "PUT",
        [
            (b"Authorization", b"Bearer x"),
            (b"cookie", b"vetassist_session=y"),
            (b"origin", b"https://app.example.org"),
            (b"sec-fetch-site", b"same-site"),
            (b"x-auth-user", USER.encode()),
            (b"user-agent", b"z"),
        ],
    )

    assert question.headers == [
        (b"Authorization", b"Bearer x"),
        (b"origin", b"https://app.example.org"),
        (b"sec-fetch-site", b"same-site"),
        (b"X-Forwarded-Method", b"PUT"),
    ]


def test_of_all_cookies_only_the_sessions_are_passed_on() -> None:
    question = Question.about(
        "GET",
        [
            (b"cookie", b"theme=dark; vetassist_session=a; x=vetassist_session=b"),
            (b"cookie", b"vetassist_session_x=c;vetassist_session=d"),
        ],
    )

    assert question.headers[0] == (b"Cookie", b"vetassist_session=a; vetassist_session=d")


def test_the_cookie_of_https_counts_before_one_that_another_host_may_have_set() -> None:
    question = Question.about(
        "GET", [("Cookie", "vetassist_session=a; __Host-vetassist_session=b")]
    )

    caller = question.caller(an_answer(200, IDENTITY))

    assert (caller.jwt, caller.by_cookie) == ("b", True)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b" "), (b"cookie", b"theme=dark")],
        [(b"cookie", b"vetassist_session")],
        [(b"x-auth-user", USER.encode())],
        [(b"authorization", b"Bearer a\x00b")],
        [(b"authorization", b"Bearer a"), (b"origin", b"a\nb")],
    ],
)
def test_without_a_readable_credential_there_is_nothing_to_ask(headers: Pairs) -> None:
    with pytest.raises(NoSessionError) as refusal:
        Question.about("GET", headers)

    assert refusal.value.status == 401
    assert refusal.value.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("method", ["", "GET x", "G\r\nX: y", "GÉT"])
def test_a_method_that_is_none_is_not_passed_on(method: str) -> None:
    with pytest.raises(NoSessionError):
        Question.about(method, [(b"authorization", b"Bearer x")])


def test_an_answer_names_the_caller() -> None:
    assert BEARER.caller(an_answer(200, IDENTITY)) == Caller(
        user_id=UUID(USER), session_id=UUID(SESSION), jwt="e30.e30.c2ln", by_cookie=False
    )


def test_a_token_is_never_shown() -> None:
    caller = BEARER.caller(an_answer(200, IDENTITY))

    assert "c2ln" not in repr(caller)
    assert "c2ln" not in repr(BEARER)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (an_answer(401), NoSessionError),
        (an_answer(403), CrossSiteRequestError),
        (an_answer(503), UnavailableError),
        (an_answer(500), UnavailableError),
        (an_answer(404), UnavailableError),
        (an_answer(302, IDENTITY), UnavailableError),
        (an_answer(204, IDENTITY), UnavailableError),
        (an_answer(200), UnavailableError),
        (an_answer(200, {"X-Auth-User": USER}), UnavailableError),
        (an_answer(200, {**IDENTITY, "X-Auth-User": USER.upper()[:-1] + "A"}), UnavailableError),
        (an_answer(200, {**IDENTITY, "X-Auth-User": f"{{{USER}}}"}), UnavailableError),
        (
            an_answer(200, [*((k.encode(), v.encode()) for k, v in IDENTITY.items())] * 2),
            UnavailableError,
        ),
    ],
)
def test_each_answer_has_a_type(answer: Answer, kind: type[RequestRefusedError]) -> None:
    with pytest.raises(RequestRefusedError) as refusal:
        BEARER.caller(answer)

    assert type(refusal.value) is kind


def test_the_challenge_of_the_service_is_passed_on() -> None:
    challenge = 'Bearer realm="vetassist", error="invalid_token"'
    with pytest.raises(NoSessionError) as refusal:
        BEARER.caller(an_answer(401, {"WWW-Authenticate": challenge}))

    assert refusal.value.headers == {"WWW-Authenticate": challenge}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("999999999", 3600), ("", 2), ("soon", 2), ("-1", 2), ("1.5", 2)],
)
def test_retry_after_is_a_bounded_number_of_seconds(value: str, seconds: int) -> None:
    with pytest.raises(UnavailableError) as refusal:
        BEARER.caller(an_answer(503, {"Retry-After": value}))

    assert refusal.value.retry_after == seconds
    assert refusal.value.headers == {"Retry-After": str(seconds)}


def test_retry_after_may_be_a_date() -> None:
    past, ahead = (
        format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
        for hours in (-1, 2)
    )

    for value, seconds in ((past, 0), (ahead, 3600)):
        with pytest.raises(UnavailableError) as refusal:
            BEARER.caller(an_answer(503, {"Retry-After": value}))
        assert refusal.value.retry_after == seconds
