"""`make audit` tells "nothing found" from "not checked"."""

import json

import pytest

from tools.audit_locks import NOT_CHECKED, VULNERABLE, verdict

CLEAN = {"name": "anyio", "version": "4.16.0", "vulns": []}
SKIPPED = {"name": "httpx", "skip_reason": "Dependency not found on PyPI"}
BAD = {
    "name": "jinja2",
    "version": "3.1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"], "aliases": [], "description": ""}],
}


def report(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_clean_report_passes() -> None:
    assert verdict(report(CLEAN)) == (0, ["No known vulnerabilities in 1 packages."])


@pytest.mark.parametrize("packages", [(BAD,), (CLEAN, BAD, SKIPPED)])
def test_a_vulnerability_is_named_with_its_fix(packages: tuple[object, ...]) -> None:
    code, lines = verdict(report(*packages))
    assert code == VULNERABLE
    assert lines[0] == "jinja2 3.1.0: PYSEC-1, fixed in 3.1.6"


@pytest.mark.parametrize("answer", ["", "Traceback", "{}", report(SKIPPED), report(CLEAN, SKIPPED)])
def test_a_package_that_was_not_checked_does_not_pass(answer: str) -> None:
    code, lines = verdict(answer)
    assert code == NOT_CHECKED
    assert lines[-1].startswith("Not checked: ")
