"""Failures as HTTP answers."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from application.errors import ProviderBusyError, ProviderUnavailableError, UnavailableError
from entrypoints.web.errors import problem, respond, respond_to_http

REQUEST = Request({"type": "http", "method": "GET", "path": "/", "headers": []})


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (UnavailableError(), "2"),
        (ProviderUnavailableError(), "2"),
        (ProviderUnavailableError(retry_after=timedelta(minutes=5)), "300"),
        (ProviderUnavailableError(retry_after=timedelta(seconds=1.2)), "2"),
        (ProviderUnavailableError(retry_after=timedelta()), "1"),
        (ProviderBusyError(retry_after=timedelta(seconds=5)), "5"),
    ],
)
async def test_whoever_is_to_come_back_is_told_when(error: UnavailableError, seconds: str) -> None:
    answer = await respond(REQUEST, error)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == seconds


def kinds_of(kind: type[UnavailableError]) -> Iterator[type[UnavailableError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from kinds_of(narrower)


async def test_no_503_goes_without_saying_when_to_come_back() -> None:
    answers = [
        problem(503, "unavailable"),
        await respond_to_http(REQUEST, HTTPException(503)),
        *[await respond(REQUEST, kind()) for kind in kinds_of(UnavailableError)],
    ]

    for answer in answers:
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
