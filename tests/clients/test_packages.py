"""The client libraries as packages: versions, licenses, and what is in them."""

import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / "clients" / "python"


def version_of(project: Path) -> str:
    version = tomllib.loads(project.read_text())["project"]["version"]
    assert isinstance(version, str)
    return version


def test_the_python_library_has_the_version_and_the_license_of_the_product() -> None:
    assert version_of(PYTHON / "pyproject.toml") == version_of(REPOSITORY / "pyproject.toml")
    assert (PYTHON / "LICENSE").read_text() == (REPOSITORY / "LICENSE").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=PYTHON,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_its_types_and_its_license(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = {
        path.relative_to(PYTHON).as_posix()
        for path in (PYTHON / "vetassist_client").iterdir()
        if path.suffix in {".py", ".typed"}
    }
    assert {name for name in names if ".dist-info/" not in name} == files
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_what_is_optional_is_imported_only_where_it_is_needed(wheel: Path) -> None:
    """From the wheel, and with httpx as the only library."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import vetassist_client, vetassist_client.asgi\n"
        "assert sys.argv[1] in vetassist_client.__file__\n"
        "print([n for n in ('fastapi', 'starlette', 'jwt', 'cryptography') if n in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(wheel)], check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == "[]"
