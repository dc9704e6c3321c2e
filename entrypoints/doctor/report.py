"""Reports findings."""

import json
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from entrypoints.doctor.findings import Finding, Verdict, worst

_STYLES: Final = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


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


def print_table(findings: list[Finding], console: Console | None = None) -> None:
    """Print a table for people."""
    table = Table(title="vetassist doctor", title_justify="left")
    for heading in ("Check", "Verdict", "Found", "What to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        verdict = Text(finding.verdict.value, style=_STYLES[finding.verdict])
        table.add_row(finding.check, verdict, Text(finding.said), Text(finding.advice))
    (console or Console()).print(table)
