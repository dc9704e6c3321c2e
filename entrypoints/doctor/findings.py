"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. Never a secret, nor who anybody is.

    Attributes:
        check: What was looked at.
        said: What was found.
        advice: What to do; empty when there is nothing to do.
    """

    check: str
    verdict: Verdict
    said: str
    advice: str = ""


def passed(check: str, said: str) -> Finding:
    """All is well."""
    return Finding(check=check, verdict=Verdict.PASS, said=said)


def warned(check: str, said: str, advice: str) -> Finding:
    """It works, and somebody should see to it."""
    return Finding(check=check, verdict=Verdict.WARN, said=said, advice=advice)


def failed(check: str, said: str, advice: str) -> Finding:
    """It does not work, or must not be left like that."""
    return Finding(check=check, verdict=Verdict.FAIL, said=said, advice=advice)


def worst(findings: list[Finding]) -> Verdict:
    """The verdict on everything together."""
    verdicts = {finding.verdict for finding in findings}
    return next((each for each in (Verdict.FAIL, Verdict.WARN) if each in verdicts), Verdict.PASS)
