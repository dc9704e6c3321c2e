"""Failures as HTTP answers."""

from datetime import timedelta

import pytest
from starlette.requests import Request

from application.errors import ProviderUnavailableError, UnavailableError
from entrypoints.web.errors import respond

REQUEST = Request({"type": "http", "method": "GET", "path": "/", "headers": []})


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (UnavailableError(), "2"),
        (ProviderUnavailableError(), "2"),
        (ProviderUnavailableError(retry_after=timedelta(minutes=5)), "300"),
        (ProviderUnavailableError(retry_after=timedelta(seconds=1.2)), "2"),
        (ProviderUnavailableError(retry_after=timedelta()), "1"),
    ],
)
async def test_whoever_is_to_come_back_is_told_when(error: UnavailableError, seconds: str) -> None:
    answer = await respond(REQUEST, error)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == seconds
