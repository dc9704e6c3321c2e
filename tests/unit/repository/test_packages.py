"""Our package names are plain words: that each one is ours, and whole."""

import importlib
from pathlib import Path

import pytest

PACKAGES = ("domain", "application", "adapters", "entrypoints", "tests")
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_the_one_of_this_repository(name: str) -> None:
    module = importlib.import_module(name)
    # None for a namespace package, which another distribution could add to.
    assert module.__file__ is not None
    assert Path(module.__file__).resolve() == REPOSITORY / name / "__init__.py"
    assert list(module.__path__) == [str(REPOSITORY / name)]


@pytest.mark.parametrize("name", PACKAGES)
def test_no_folder_with_code_is_a_namespace_package(name: str) -> None:
    folders = {path.parent for path in (REPOSITORY / name).rglob("*.py")}
    assert folders
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_every_module_can_be_imported_by_itself(name: str) -> None:
    for path in sorted((REPOSITORY / name).rglob("*.py")):
        if path.name.startswith(("test_", "conftest")):
            continue
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        dotted = ".".join(parts).removesuffix(".__init__")
        assert importlib.import_module(dotted).__name__ == dotted
