"""What the server is told that the settings say."""

from types import SimpleNamespace
from typing import Any

import pytest

from entrypoints.serving import http_server, server
from tests.support.environment import read, required_settings


@pytest.mark.parametrize(
    ("setting", "seconds"), [({}, 75), ({"VETASSIST_KEEP_ALIVE_SECONDS": "9"}, 9)]
)
def test_idle_connections_are_kept_as_long_as_the_setting_says(
    monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], seconds: int
) -> None:
    told: list[Any] = []

    def noted(config: Any, **_others: object) -> SimpleNamespace:
        told.append(config)
        return SimpleNamespace(run=lambda _listeners: None)

    monkeypatch.setattr(http_server, "HTTPServer", noted)

    server.serve(read(required_settings() | setting), [], checks_client=False)

    (config,) = told
    assert config.timeout_keep_alive == seconds
