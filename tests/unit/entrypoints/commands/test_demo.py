"""The demo's file of settings, and whose settings count."""

import os
import secrets
import subprocess
from pathlib import Path
from unittest.mock import patch

import pytest

from domain.secret import Secret
from entrypoints.commands import demo
from entrypoints.commands.demo import DemoSettings
from entrypoints.commands.demo_file import remove_demo_file, written_demo_file
from entrypoints.settings_reader import SettingsError
from entrypoints.storage import parameter_of, url_with

OWN_URL = url_with("postgresql://localhost/x", application_name="vetassist_demo")
ODD = 'it\'s "odd" $HOME `id` \\ #; &'


def sourced(file: Path, name: str) -> str:
    """What a shell finds in a variable after it has read the file."""
    script = f'set -a; . ./{file.name}; env | sed -n "s/^{name}=//p"'
    told = subprocess.run(
        ["sh", "-e", "-u", "-c", script],
        cwd=file.parent,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.removesuffix("\n")


def test_a_shell_reads_each_value_as_it_is(tmp_path: Path) -> None:
    with written_demo_file(tmp_path, {"VETASSIST_X": ODD}, owner_database_url=ODD) as file:
        assert sourced(file, "VETASSIST_X") == ODD
        assert sourced(file, "OWNER_DATABASE_URL") == ODD
        assert sourced(file, "PATH").endswith(":/usr/bin:/bin")


def test_the_file_is_for_its_owner_and_goes_with_the_demo(tmp_path: Path) -> None:
    (tmp_path / "demo.env").write_text("of a demo that was killed")
    with written_demo_file(tmp_path, {}, owner_database_url="x") as file:
        assert file.stat().st_mode & 0o777 == 0o600
        assert "killed" not in file.read_text()
        assert list(tmp_path.iterdir()) == [file]
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_demo_that_was_killed_is_removed(tmp_path: Path) -> None:
    remove_demo_file(tmp_path)
    (tmp_path / "demo.env").write_text("of a demo that was killed")
    remove_demo_file(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def secrets_folder(tmp_path: Path) -> Path:
    return demo._generated_secrets(tmp_path / "secrets")


def variables(settings: DemoSettings, folder: Path, **environment: str) -> dict[str, str]:
    with patch.dict(os.environ, environment, clear=True):
        return demo._variables(settings, folder)


def test_the_operators_variables_win_and_empty_ones_do_not(secrets_folder: Path) -> None:
    given = variables(
        DemoSettings(demo_port=9000),
        secrets_folder,
        VETASSIST_SESSION_DELIVERY=" cookie ",
        VETASSIST_LOG_LEVEL="",
        VETASSIST_VA_STATUS_URL="",
        VETASSIST_FRONTEND_URL="https://app.example.org",
        VETASSIST_SERVICE_HOST="10.96.0.12",
        VETASSIST_PORT="tcp://10.96.0.12:8000",
        OTHER="of another program",
    )
    assert given["VETASSIST_PUBLIC_URL"] == "http://localhost:9000"
    assert given["VETASSIST_FRONTEND_URL"] == "https://app.example.org"
    assert given["VETASSIST_SESSION_DELIVERY"] == "cookie"
    assert given["VETASSIST_LOG_LEVEL"] == "WARNING"
    # Empty means that VA's status API isn't called.
    assert given["VETASSIST_VA_STATUS_URL"] == ""
    assert not given.keys() & {"VETASSIST_SERVICE_HOST", "VETASSIST_PORT", "OTHER"}


def test_in_a_shell_that_has_read_an_earlier_file_the_demo_does_not_take_it_for_the_operators(
    secrets_folder: Path,
) -> None:
    settings = DemoSettings(database_url=Secret(OWN_URL), demo_port=9000)
    assert settings.has_own_database
    given = variables(
        settings,
        secrets_folder,
        VETASSIST_DATABASE_URL=OWN_URL,
        VETASSIST_PUBLIC_URL="http://localhost:8000",
        VETASSIST_SESSION_DELIVERY="cookie",
    )
    assert given["VETASSIST_PUBLIC_URL"] == "http://localhost:9000"
    assert given["VETASSIST_SESSION_DELIVERY"] == "cookie"


def test_a_database_of_the_operator_is_theirs() -> None:
    assert not DemoSettings().has_own_database
    assert not DemoSettings(database_url=Secret("postgresql://localhost/x")).has_own_database


def test_an_unusable_setting_is_refused_before_anything_starts(secrets_folder: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        variables(DemoSettings(), secrets_folder, VETASSIST_POOL_SIZE="0")
    assert refused.value.faults == ["VETASSIST_POOL_SIZE: must be 1 to 1000"]


def test_secrets_are_generated_once_and_kept(tmp_path: Path) -> None:
    folder = demo._generated_secrets(tmp_path / "secrets")
    first = {path.name: path.read_text() for path in folder.iterdir()}
    demo._generated_secrets(tmp_path / "secrets")
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(secrets.token_hex(1))
    with pytest.raises(demo.DemoError, match=r"cannot write to .*file/secrets/: "):
        demo._generated_secrets(tmp_path / "file" / "secrets")


def test_a_url_for_another_role_keeps_everything_else() -> None:
    url = url_with("postgresql://owner:p%40ss@/x?host=/run/a%20b&port=5433", user="service")
    expected = {"user": "service", "password": "p@ss", "host": "/run/a b", "port": "5433"}
    assert {name: parameter_of(url, name) for name in expected} == expected
    assert parameter_of(url, "application_name") is None
