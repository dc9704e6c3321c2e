"""What is shipped: the wheel, installed where nothing of the repository is in reach."""

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from tests.support.databases import new_database
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import REPOSITORY, running

pytestmark = pytest.mark.postgres


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A virtual environment with the wheel in it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def command(self) -> tuple[str]:
        return (str(self.folder / "bin" / "vetassist"),)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command, from a folder that holds nothing."""
        return self._ended([*self.command, *arguments], environment)

    def evaluate(self, code: str) -> str:
        """What a program prints."""
        ended = self._ended([str(self.python), "-c", code], {})
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def _ended(
        self, command: list[str], environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=plain_environment() | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by what is installed; nothing is fetched."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel from its file, and its dependencies from where these tests have theirs."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    new = Installed(folder=folder)
    pip = [sys.executable, "-m", "pip", "--python", str(new.python)]
    offline = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *offline, str(wheel)], check=True, capture_output=True)
    # A path in a .pth file is searched, but no .pth file in it is read: so the repository, which
    # stands here as an editable install, does not come along.
    own = Path(new.evaluate("import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return new


@pytest.fixture
def migrated(installed: Installed, database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        assert installed.run("migrate", VETASSIST_DATABASE_URL=url).returncode == 0
        yield url


def names_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_four_packages_and_its_own_papers(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in names_in(wheel)}
    (papers,) = [top for top in tops if top.endswith(".dist-info")]
    assert tops == {"domain", "application", "adapters", "entrypoints", papers}
    assert f"{papers}/licenses/LICENSE" in names_in(wheel)


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    files = {
        path.relative_to(REPOSITORY).as_posix()
        for package in ("domain", "application", "adapters", "entrypoints")
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in names_in(wheel) if ".dist-info/" not in name} == files
    assert {Path(name).suffix for name in files} >= {".py", ".sql", ".html", ".css", ".js", ".svg"}


def test_the_repository_is_out_of_reach(installed: Installed) -> None:
    where = installed.evaluate(
        "import adapters, application, domain, entrypoints\n"
        "print(adapters.__file__, application.__file__, domain.__file__, entrypoints.__file__)"
    )
    assert all(Path(file).is_relative_to(installed.folder) for file in where.split())
    missing = "import importlib.util; print(importlib.util.find_spec('tests'))"
    assert installed.evaluate(missing).strip() == "None"


def test_the_command_explains_itself(installed: Installed) -> None:
    helped = installed.run("--help")
    assert helped.returncode == 0
    for command in ("demo", "serve", "sandbox", "migrate"):
        assert command in helped.stdout


def test_the_command_brings_the_schema_along(installed: Installed, database_url: str) -> None:
    with new_database(database_url) as url:
        first, second = (installed.run("migrate", VETASSIST_DATABASE_URL=url) for _ in range(2))
    assert "applied 0001_" in first.stdout
    assert second.stdout == "The schema is up to date.\n"


def test_the_service_brings_its_pages_along(
    installed: Installed, migrated: str, tmp_path: Path
) -> None:
    settings = required_settings(migrated) | {
        "VETASSIST_PUBLIC_URL": "http://localhost:8000",
        "VETASSIST_FRONTEND_URL": "http://localhost:8000",
    }
    with running(
        "serve",
        environment=plain_environment() | settings,
        log=tmp_path / "log",
        ready="/readyz",
        command=installed.command,
        cwd=installed.folder,
    ) as service:
        for path in ("/", "/va-success", "/va-error", "/static/style.css"):
            assert httpx.get(service.url + path, trust_env=False).status_code == 200, path
        assert service.stop() == 0


def test_the_simulated_va_brings_its_pages_along(installed: Installed, tmp_path: Path) -> None:
    with running(
        "sandbox",
        environment=plain_environment(),
        log=tmp_path / "log",
        ready="/oauth2/veteran-verification/v1/keys",
        command=installed.command,
        cwd=installed.folder,
    ) as sandbox:
        assert "simulated VA" in httpx.get(sandbox.url, trust_env=False).text
