"""Every use case has one public method."""

import inspect
import pkgutil
from importlib import import_module

import pytest

from application import use_cases

# A sign-in joins two use cases in one transaction, and a renewal records strangers on its own.
_MORE = {
    "IssueSession": {"join"},
    "LinkVAIdentity": {"join"},
}


def all_use_cases() -> list[type]:
    modules = [
        import_module(module.name)
        for module in pkgutil.walk_packages(use_cases.__path__, f"{use_cases.__name__}.")
    ]
    return [
        each
        for module in modules
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__ and hasattr(each, "execute")
    ]


@pytest.mark.parametrize("use_case", all_use_cases(), ids=lambda each: each.__name__)
def test_a_use_case_only_executes_and_may_count(use_case: type) -> None:
    public = {
        name for name, _ in inspect.getmembers(use_case, inspect.isfunction) if name[0] != "_"
    }
    assert public - _MORE.get(use_case.__name__, set()) <= {"execute", "count"}


def test_there_is_one_use_case_in_each_module() -> None:
    modules = [
        module.name
        for module in pkgutil.walk_packages(use_cases.__path__, f"{use_cases.__name__}.")
        if not module.ispkg
    ]
    assert sorted(each.__module__ for each in all_use_cases()) == sorted(modules)
