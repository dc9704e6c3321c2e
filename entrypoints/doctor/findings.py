"""The findings of the doctor."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The severity of a finding."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check. It contains no secrets and no personal data.

    Attributes:
        check: What was checked.
        verdict: The severity.
        said: What was found.
        advice: What to do. Empty if there is nothing to do.
    """

    check: str
    verdict: Verdict
    said: str
    advice: str = ""


def passed(check: str, said: str) -> Finding:
    """A finding without a fault."""
    return Finding(check=check, verdict=Verdict.PASS, said=said)


def warned(check: str, said: str, advice: str) -> Finding:
    """A fault that needs attention, although the service works."""
    return Finding(check=check, verdict=Verdict.WARN, said=said, advice=advice)


def failed(check: str, said: str, advice: str) -> Finding:
    """A fault that keeps the service from working, or must be corrected now."""
    return Finding(check=check, verdict=Verdict.FAIL, said=said, advice=advice)


def worst(findings: list[Finding]) -> Verdict:
    """The most severe verdict."""
    verdicts = {finding.verdict for finding in findings}
    return next((each for each in (Verdict.FAIL, Verdict.WARN) if each in verdicts), Verdict.PASS)
