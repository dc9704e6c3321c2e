"""Reports findings."""

import json
from typing import Final

import typer

from entrypoints.doctor.findings import Finding, Verdict, worst

_COLORS: Final = {
    Verdict.PASS: typer.colors.GREEN,
    Verdict.WARN: typer.colors.YELLOW,
    Verdict.FAIL: typer.colors.RED,
}
_GAP: Final = "  "


def as_json(findings: list[Finding]) -> str:
    """JSON for scripts."""
    checks = [
        {
            "check": finding.check,
            "verdict": finding.verdict.value,
            "said": finding.said,
            "advice": finding.advice,
        }
        for finding in findings
    ]
    return json.dumps({"verdict": worst(findings).value, "checks": checks}, indent=2)


def print_report(findings: list[Finding]) -> None:
    """Print a line for each finding, and what to do below it.

    No line is wrapped or cut, so that the name of a setting stays whole.
    """
    verdicts = max(len(finding.verdict.value) for finding in findings)
    checks = max(len(finding.check) for finding in findings)
    for finding in findings:
        verdict = typer.style(finding.verdict.value.ljust(verdicts), fg=_COLORS[finding.verdict])
        typer.echo(_GAP.join((verdict, finding.check.ljust(checks), finding.said)))
        if finding.advice:
            typer.echo(" " * (verdicts + checks + 2 * len(_GAP)) + f"To do: {finding.advice}")
