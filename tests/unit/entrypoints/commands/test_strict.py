"""What every command refuses, whatever it does: and that none ends in a traceback."""

import os
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from entrypoints.cli import app
from entrypoints.commands import running
from entrypoints.commands.strict import StrictCommand
from tests.support.commands import COMMANDS
from tests.support.environment import required_settings

SOMEBODY = "00000000-0000-4000-8000-000000000001"


SINGLE = [
    (words, option)
    for words, command in COMMANDS.items()
    for option in command.params
    if option.param_type_name == "option" and not option.multiple and option.name != "help"
]


def vetassist(*arguments: str) -> Result:
    with patch.dict(os.environ, {}, clear=True):
        return CliRunner().invoke(app, list(arguments))


def test_every_command_is_strict() -> None:
    assert len(COMMANDS) > 20
    assert {type(command) for command in COMMANDS.values()} == {StrictCommand}


@pytest.mark.parametrize(
    ("words", "option"), SINGLE, ids=[" ".join((*words, option.name)) for words, option in SINGLE]
)
def test_an_option_that_takes_one_value_is_refused_when_it_comes_twice(
    words: tuple[str, ...], option: Any
) -> None:
    name = max(option.opts, key=len)
    once = [name] if option.is_flag else [name, "1"]
    required = ["x" for each in COMMANDS[words].params if each.param_type_name == "argument"]

    result = vetassist(*words, *required, *once, *once)

    assert result.exit_code == 2
    assert result.stderr == f"vetassist: {name} may be given only once\n"


def test_help_is_shown_whatever_else_is_given() -> None:
    result = vetassist("audit", "show", "--help", "--json", "--json")
    assert result.exit_code == 0
    assert "--operator" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "show", SOMEBODY, "1012667145V762142"),
        ("user", "show", "1012667145V762142"),
        ("user", "end-session", SOMEBODY, "1012667145V762142", "--reason", "x"),
        ("user", "change-icn", "1012667145V762142", SOMEBODY, "--reason", "x"),
        ("user", "change-icn", SOMEBODY, "1012667145V76214", "--reason", "x"),
        ("user", "change-icn", SOMEBODY, "x", "--merge-into", "1012667145V762142", "--reason", "x"),
        ("audit", "show", "--user", "1012667145V762142"),
        ("audit", "show", "--session", "1012667145V762142"),
        ("audit", "show", "--client", "1012667145V762142"),
        ("audit", "export", "file", "1012667145V762142"),
    ],
)
def test_what_is_in_the_wrong_place_is_refused_and_not_repeated(arguments: tuple[str, ...]) -> None:
    result = vetassist(*arguments)
    assert result.exit_code == 2
    assert "1012667145V7" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("user", "find"), "missing argument 'text'; `vetassist user find --help` says more"),
        (("user", "fnd"), "`vetassist user` has no such command; did you mean find?"),
        (("USER", "find"), "`vetassist` has no such command; did you mean user or serve?"),
        (("user", "1012667145V762142"), "`vetassist user` has no such command; it is one of find,"),
        (("--json",), "no such option: --json; `vetassist --help` says more"),
        (("user", "find", "x", "--jsn"), "no such option: --jsn (Possible options: --json);"),
        (("audit", "show", "--limit"), "option '--limit' requires an argument;"),
        (("audit", "show", "--since", "now"), "invalid value for '--since': must be an instant,"),
        (("audit", "show", "--limit", "1_0"), "invalid value for '--limit': must be a whole numb"),
        (("user", "find", "x", "--limit", "2.0"), "invalid value for '--limit': must be a whole"),
        (("user", "find", "x", "--limit", "0"), "invalid value for '--limit': must be 1 to 100;"),
        (("serve", "--port", "65536"), "invalid value for '--port': must be 0 to 65535;"),
        (("serve", "--workers", "0"), "invalid value for '--workers': must be 1 to 1000;"),
        (("audit", "show", "--reference", "0baadf"), "--reference must be a whole one, such as 0"),
        (("audit", "show", "--reference", ""), "--reference must be a whole one, such as 0baad"),
        (("audit", "show", "--operator", " "), "--operator must not be empty"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    result = vetassist(*arguments)
    (line,) = result.output.splitlines()
    assert line.startswith(f"vetassist: {said}")
    assert "1012667145V7" not in line
    assert result.exit_code == 2


def test_a_group_without_a_command_lists_its_commands() -> None:
    assert "change-icn" in vetassist("user").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "find", "\udcff"),
        ("user", "change-icn", SOMEBODY, "\udcff", "--reason", "x"),
        ("audit", "show", "--operator", "\udcff"),
        ("audit", "show", "--reference", "\udcff"),
        ("client", "add", "\udcff", "--purpose", "x", "--scope", "x", "--secret"),
        ("client", "add", "x", "--purpose", "x", "--scope", "\udcff", "--secret"),
        ("migrate", "--application-role", "\udcff"),
    ],
)
def test_text_that_is_not_utf_8_is_refused_in_one_line(arguments: tuple[str, ...]) -> None:
    result = vetassist(*arguments)
    assert (result.exit_code, result.stderr) == (2, "vetassist: an argument is not valid UTF-8\n")


def test_a_bug_is_one_line_that_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise KeyError("1012667145V762142")

    monkeypatch.setattr(running, "run", fail)
    with patch.dict(os.environ, required_settings(), clear=True):
        result = CliRunner().invoke(app, ["user", "find", "ellis"])

    (line,) = result.stderr.splitlines()
    assert result.exit_code == 1
    assert line.startswith("vetassist: unforeseen KeyError at ")
    assert "1012667145V762142" not in line
