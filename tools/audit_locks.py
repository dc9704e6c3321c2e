"""Look for known vulnerabilities in the locked packages.

``python tools/audit_locks.py PIP_AUDIT LOCK...`` runs pip-audit over the locks. pip-audit exits
with 0 for packages that its vulnerability service doesn't know, so this script tells "nothing
found" from "not checked". The exit code is 1 if there are vulnerabilities, and 2 if a package
could not be checked.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

VULNERABLE: Final = 1
NOT_CHECKED: Final = 2


def audited(pip_audit: str, locks: Sequence[str]) -> str:
    """Returns pip-audit's report as JSON, or an empty text if pip-audit failed."""
    command = [pip_audit, "--require-hashes", "--disable-pip", "--progress-spinner=off"]
    command += ["--format=json", *(f"--requirement={lock}" for lock in locks)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def verdict(report: str) -> tuple[int, list[str]]:
    """Returns the exit code and the lines to print."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        return NOT_CHECKED, ["Not checked: the vulnerability service can't be reached."]
    vulnerable = [
        f"{package['name']} {package['version']}: {found['id']}, fixed in "
        f"{', '.join(found['fix_versions']) or 'no version'}"
        for package in packages
        for found in package.get("vulns", [])
    ]
    skipped = [package for package in packages if "skip_reason" in package]
    count = f"{len(skipped)} of {len(packages)}"
    gaps = [f"Not checked: the vulnerability service has no data on {count} packages."]
    if vulnerable:
        return VULNERABLE, vulnerable + (gaps if skipped else [])
    if skipped:
        return NOT_CHECKED, gaps
    return 0, [f"No known vulnerabilities in {len(packages)} packages."]


if __name__ == "__main__":
    code, printed = verdict(audited(sys.argv[1], sys.argv[2:]))
    print("\n".join(printed))
    sys.exit(code)
