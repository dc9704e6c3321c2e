"""The library for front ends: its own tests, its types, and its package."""

import json
import re
from pathlib import Path

import pytest

from domain.sign_in_failure import SignInFailure
from tests.clients.test_packages import version_of
from tests.support.javascript import LIBRARY, SAMPLE, made, npm
from tests.support.processes import REPOSITORY
from tests.support.product import running_product

INSTALLED = "clients/js/node_modules/.installed"
PACKAGES = (LIBRARY, SAMPLE)


def described(file: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(file.read_text())
    return content


def test_the_library_passes_its_own_tests() -> None:
    made(INSTALLED)
    told = npm("test")
    assert re.search(r"^# pass [1-9]\d+$", told, re.MULTILINE), told
    assert "# fail 0\n" in told


async def test_its_types_are_those_that_the_description_generates() -> None:
    made(INSTALLED)
    async with running_product() as product:
        answer = await product.browser().get("/openapi.json")
    build = LIBRARY / "build"
    build.mkdir(exist_ok=True)
    (build / "openapi.json").write_bytes(answer.content)

    npm("run", "types", "--", "build/openapi.json", "--output", "build/openapi.ts")
    npm("exec", "--offline", "--", "tsc", "--project", "tsconfig.types.json")


def test_it_knows_every_reason_why_a_sign_in_fails() -> None:
    text = (LIBRARY / "src" / "answers.ts").read_text().partition("type SignInFailure =")[2]
    assert set(re.findall(r'"(\w+)"', text)) == {failure.value for failure in SignInFailure}


def test_the_package_holds_the_compiled_library_its_types_and_its_license() -> None:
    made("clients/js/dist/index.js")
    (packed,) = json.loads(npm("pack", "--dry-run", "--ignore-scripts", "--json"))
    modules = [path.stem for path in (LIBRARY / "src").iterdir()]
    assert {file["path"] for file in packed["files"]} == {
        "LICENSE",
        "README.md",
        "package.json",
        *(f"dist/{module}{ending}" for module in modules for ending in (".js", ".d.ts")),
    }


def test_it_has_the_version_and_the_license_of_the_product_and_no_dependency() -> None:
    version = version_of(REPOSITORY / "pyproject.toml")
    package = described(LIBRARY / "package.json")
    assert (package["version"], package["license"]) == (version, "Apache-2.0")
    assert (LIBRARY / "LICENSE").read_text() == (REPOSITORY / "LICENSE").read_text()
    assert "dependencies" not in package


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: path.name)
def test_a_lock_is_up_to_date_and_names_no_registry(folder: Path) -> None:
    package, lock = described(folder / "package.json"), described(folder / "package-lock.json")
    packages = lock["packages"]
    assert isinstance(packages, dict)
    own = packages[""]
    for key in ("version", "dependencies", "devDependencies", "peerDependencies"):
        assert own.get(key) == package.get(key)
    assert not any("resolved" in each for each in packages.values())
    assert all("integrity" in each for name, each in packages.items() if name)
