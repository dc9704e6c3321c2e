"""The console as a process of its own."""

from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from entrypoints.console.acts import HOME, SIGN_IN
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import run, running

pytestmark = pytest.mark.postgres

_NEEDED = {
    "VETASSIST_CONSOLE_DISCOVERY_URL": "http://localhost:9/.well-known/openid-configuration",
    "VETASSIST_CONSOLE_ISSUER": "http://localhost:9",
    "VETASSIST_CONSOLE_CLIENT_ID": "a-client",
    "VETASSIST_CONSOLE_CLIENT_SECRET": "a-secret-of-the-console",
}


def test_it_names_each_setting_that_it_lacks() -> None:
    given = plain_environment() | required_settings()
    ended = run("console", environment=given)

    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == list(_NEEDED)
    assert all("is required: " in line for line in lines)


def test_it_refuses_a_secret_that_another_purpose_has() -> None:
    settings = required_settings()
    reused = {"VETASSIST_CONSOLE_CLIENT_SECRET": settings["VETASSIST_VA_CLIENT_SECRET"]}
    ended = run("console", environment=plain_environment() | settings | _NEEDED | reused)

    assert ended.returncode == 2
    assert "VETASSIST_CONSOLE_CLIENT_SECRET: must not be the same as" in ended.stderr


@pytest.mark.parametrize("url", ["https://host.example/console", "http://host.example"])
def test_it_refuses_an_address_with_a_path_or_without_tls(url: str) -> None:
    settings = required_settings() | _NEEDED | {"VETASSIST_CONSOLE_PUBLIC_URL": url}
    ended = run("console", environment=plain_environment() | settings)

    assert ended.returncode == 2
    assert ended.stderr.startswith("vetassist: VETASSIST_CONSOLE_PUBLIC_URL: must ")


def test_it_starts_while_its_provider_is_down_says_so_and_ends_when_told(
    database_url: str, tmp_path: Path
) -> None:
    given = plain_environment() | required_settings(database_url) | _NEEDED
    with running("console", environment=given, log=tmp_path / "log", ready=SIGN_IN) as console:
        with httpx.Client(base_url=console.url, trust_env=False) as browser:
            start = browser.get(f"{SIGN_IN}/start")
            home = browser.get(HOME)
        assert console.stop() == 0

    assert start.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert home.headers["location"] == SIGN_IN
