"""The image's recipe, read line by line; no engine is needed for that."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[3]
PACKAGES: Final = ("domain", "application", "adapters", "entrypoints")
#: What only builds or tests need.
TOOLS: Final = ("hatchling", "pytest", "mypy", "ruff", "hypothesis", "playwright", "pixeltable")


@dataclass(frozen=True)
class Instruction:
    name: str
    value: str

    @property
    def words(self) -> list[str]:
        """The exec form's words."""
        words = json.loads(self.value)
        assert isinstance(words, list)
        return words


def instructions() -> list[Instruction]:
    text = (REPOSITORY / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    return [
        Instruction(name=name.upper(), value=" ".join(value.split()))
        for name, _, value in (line.strip().partition(" ") for line in whole.splitlines())
    ]


def stages() -> list[list[Instruction]]:
    made: list[list[Instruction]] = []
    for each in instructions():
        if each.name == "FROM":
            made.append([])
        made[-1].append(each)
    return made


def final(name: str) -> list[Instruction]:
    """What the final stage says under a name, in order."""
    return [each for each in stages()[-1] if each.name == name]


def environment() -> dict[str, str]:
    words = " ".join(each.value for each in final("ENV")).split()
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def test_it_is_built_in_one_stage_and_shipped_in_another() -> None:
    assert len(stages()) == 2
    assert [copy.value.split() for copy in final("COPY")] == [["--from=build", "/app", "/app"]]


def test_each_base_is_named_in_full_with_a_version() -> None:
    for stage in stages():
        image = stage[0].value.split()[0]
        registry, _, rest = image.partition("/")
        assert "." in registry
        name, _, tag = rest.rpartition(":")
        assert name == "library/python"
        assert re.fullmatch(r"3\.11-slim(-\w+)?", tag)
    # One interpreter: the virtual environment of the first stage runs on that of the second.
    assert len({stage[0].value.split()[0] for stage in stages()}) == 1


def test_it_runs_as_a_numbered_user_who_is_not_root() -> None:
    (user,) = final("USER")
    user_id, _, group_id = user.value.partition(":")
    assert int(user_id) >= 1000
    assert int(group_id) >= 1000
    # Whatever needs root comes before.
    after = stages()[-1][stages()[-1].index(user) + 1 :]
    assert not {each.name for each in after} & {"RUN", "COPY", "ADD"}


def test_nothing_shipped_belongs_to_the_user_it_runs_as() -> None:
    for each in (*final("COPY"), *final("RUN")):
        assert "--chown" not in each.value
        assert "chown" not in each.value
        assert "chmod" not in each.value


def test_no_tool_that_builds_or_installs_is_left_in_the_final_stage() -> None:
    (run,) = final("RUN")
    assert run.value == "python -m pip uninstall --yes pip setuptools wheel"
    (venvs,) = {
        each.value.count("python -m venv --without-pip")
        for each in stages()[0]
        if "python -m venv" in each.value
    }
    assert venvs == 2


def test_every_package_that_is_installed_has_to_match_a_hash() -> None:
    installs = [
        part
        for each in instructions()
        if each.name == "RUN"
        for part in each.value.split("&&")
        if " install " in part
    ]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-index --no-deps" in install
    assert not any("--no-build-isolation" in each.value for each in instructions())
    fetching = re.compile(r"\b(curl|wget|apt|apt-get|apk)\b|https?://")
    assert not any(fetching.search(each.value) for each in instructions() if each.name == "RUN")


def test_it_is_started_without_a_shell_in_between() -> None:
    # A shell would keep SIGTERM to itself.
    (entry,), (command,) = final("ENTRYPOINT"), final("CMD")
    assert entry.words == ["vetassist"]
    assert command.words[:3] == ["serve", "--host", "0.0.0.0"]
    assert [each.value for each in final("STOPSIGNAL")] == ["SIGTERM"]


def test_its_health_is_asked_for_without_a_shell_and_by_what_is_there() -> None:
    (check,) = final("HEALTHCHECK")
    options, _, words = check.value.partition(" CMD ")
    assert "--timeout=" in options
    program, flag, code = json.loads(words)
    assert (program, flag) == ("python", "-c")
    assert "/healthz" in code
    compile(code, "health check", "exec")


def test_the_port_is_the_one_that_is_served_and_asked() -> None:
    (expose,), (command,), (check,) = final("EXPOSE"), final("CMD"), final("HEALTHCHECK")
    assert command.words[-2:] == ["--port", expose.value]
    assert expose.value in check.value


def test_no_module_is_taken_from_the_working_directory() -> None:
    assert environment()["PYTHONSAFEPATH"] == "1"
    assert environment()["PATH"].startswith("/app/bin:")


def test_no_secret_is_baked_in() -> None:
    for each in instructions():
        assert each.name not in {"ARG", "ADD"}
        assert "VETASSIST_" not in each.value


def test_what_is_copied_is_let_through_and_nothing_else_is() -> None:
    lines = (REPOSITORY / ".containerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert rules[-1] == "**/__pycache__"
    let_through = {rule.removeprefix("!") for rule in rules[1:-1]}
    copied = {
        source for each in stages()[0] if each.name == "COPY" for source in each.value.split()[:-1]
    }
    assert let_through == copied
    assert copied >= set(PACKAGES)
    assert all((REPOSITORY / source).exists() for source in copied)


def pins(lock: str) -> dict[str, set[str]]:
    """Each pinned requirement and its hashes."""
    pinned: dict[str, set[str]] = {}
    for line in (REPOSITORY / lock).read_text().splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            hashes = pinned.setdefault(line.partition(" ")[0], set())
        elif "--hash=" in line:
            hashes.add(line.strip(" \\"))
    return pinned


@pytest.mark.parametrize("lock", ["requirements-serve.lock", "requirements-build.lock"])
def test_the_image_is_made_of_what_the_tests_have_run_with(lock: str) -> None:
    tested = pins("requirements.lock")
    assert pins(lock)
    for requirement, hashes in pins(lock).items():
        assert hashes
        assert tested[requirement] == hashes


def test_only_what_serves_is_locked_for_serving() -> None:
    names = {requirement.partition("==")[0] for requirement in pins("requirements-serve.lock")}
    assert {"starlette", "uvicorn", "psycopg", "cryptography", "pyjwt"} <= names
    assert not [name for name in names if name.startswith(TOOLS)]
