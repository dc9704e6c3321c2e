"""What the server is told that the settings say."""

from types import SimpleNamespace
from typing import Any

import pytest

from entrypoints.serving import http_server, server
from tests.support.environment import read, required_settings
from tests.support.product import CALLBACK, LOGIN


def told(monkeypatch: pytest.MonkeyPatch, setting: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """The server's configuration, and what else it is told."""
    calls: list[tuple[Any, dict[str, Any]]] = []

    def noted(config: Any, **others: Any) -> SimpleNamespace:
        calls.append((config, others))
        return SimpleNamespace(run=lambda _listeners: None)

    monkeypatch.setattr(http_server, "HTTPServer", noted)

    server.serve(read(required_settings() | setting), [], checks_client=False)

    (call,) = calls
    return call


@pytest.mark.parametrize(
    ("setting", "seconds"), [({}, 75), ({"VETASSIST_KEEP_ALIVE_SECONDS": "9"}, 9)]
)
def test_idle_connections_are_kept_as_long_as_the_setting_says(
    monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], seconds: int
) -> None:
    config, _ = told(monkeypatch, setting)
    assert config.timeout_keep_alive == seconds


@pytest.mark.parametrize("path", ["", "/auth"])
def test_a_crowd_is_expected_where_sign_ins_start_and_come_back(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    _, others = told(monkeypatch, {"VETASSIST_PUBLIC_URL": f"https://va.example{path}"})
    # A proxy may take the path away.
    both = {root + each for root in ("", path) for each in (LOGIN, CALLBACK)}
    assert sorted(others["crowded"]) == sorted(both)
