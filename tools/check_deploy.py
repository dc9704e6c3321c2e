"""Check the files in `deploy/` with the tools of what they are for.

``python tools/check_deploy.py`` prints a line for each check. It says which checks it couldn't do,
because a program isn't installed. The exit code is 1 if a file is faulty.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import compose_spec
import kubernetes_validate
import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
DEPLOY: Final = ROOT / "deploy"
ALERTS: Final = ROOT / "docs" / "prometheus" / "alerts.yml"
KUBERNETES: Final = ("1.30", kubernetes_validate.latest_version())
#: What kubectl and the Prometheus operator read; Kubernetes itself has no schema of it.
_NOT_OF_KUBERNETES: Final = frozenset({"Kustomization", "Component", "ServiceMonitor"})
#: The least that `systemd-analyze security` may say, from 0 (safe) to 100.
_EXPOSURE: Final = 20
_COMMAND: Final = "/opt/vetassist/venv/bin/vetassist"


class FaultyError(Exception):
    """A file is faulty. The message says why."""


def check_kubernetes() -> str:
    """Check each manifest against the schemas of two versions of Kubernetes."""
    manifests = [
        (path, manifest)
        for path in sorted((DEPLOY / "kubernetes").rglob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text())
        if manifest["kind"] not in _NOT_OF_KUBERNETES
    ]
    for version in KUBERNETES:
        for path, manifest in manifests:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                raise FaultyError(f"{path.name}: {error.message}") from error
    return f"{len(manifests)} manifests, for Kubernetes {' and '.join(KUBERNETES)}"


def check_compose() -> str:
    """Check the Compose file against the Compose Specification."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    try:
        compose = compose_spec.PyCompose.from_json(json.dumps(read))
        compose.validate()
    except ValueError as error:
        raise FaultyError(f"compose.yaml: {error}") from error
    return f"{len(read['services'])} services"


def check_systemd() -> str | None:
    """Check the units, and how much each may do; None without systemd."""
    if shutil.which("systemd-analyze") is None:
        return None
    with _installed_units() as folder:
        units = [
            path.name.replace("@.", "@8000.")
            for path in sorted(folder.iterdir())
            if path.suffix in {".service", ".timer"}
        ]
        path = {"SYSTEMD_UNIT_PATH": f"{folder}:"}
        for unit in units:
            _run(["systemd-analyze", "verify", unit], path)
            if unit.endswith(".service"):
                limit = f"--threshold={_EXPOSURE}"
                _run(["systemd-analyze", "security", "--offline=yes", limit, unit], path)
    return f"{len(units)} units"


def check_prometheus() -> str | None:
    """Check the configuration and the alert rules; None without promtool."""
    if shutil.which("promtool") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "prometheus.yml")
        text = (DEPLOY / "compose" / "prometheus.yml").read_text()
        config.write_text(text.replace("/etc/prometheus/alerts.yml", str(ALERTS)))
        _run(["promtool", "check", "config", str(config)], {})
    _run(["promtool", "check", "rules", str(ALERTS)], {})
    return "the configuration and the alert rules"


def check_scripts() -> str:
    """Check the syntax of the shell scripts."""
    scripts = sorted(DEPLOY.rglob("*.sh"))
    for script in scripts:
        _run(["sh", "-n", str(script)], {})
    return f"{len(scripts)} scripts"


@contextmanager
def _installed_units() -> Iterator[Path]:
    """The units in a folder of their own, with a command that exists on this machine."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(DEPLOY / "systemd", folder, dirs_exist_ok=True)
        for unit in folder.glob("*.service"):
            unit.write_text(unit.read_text().replace(_COMMAND, str(shutil.which("true"))))
        yield folder


def _run(command: Sequence[str], variables: dict[str, str]) -> None:
    """Run a checker.

    Raises:
        FaultyError: It found a fault.
    """
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    ended = subprocess.run(
        command, env=path | variables, capture_output=True, text=True, check=False
    )
    # `systemd-analyze verify` exits with 0 for some of what it prints.
    said = ended.stderr.strip()
    if ended.returncode or (said and command[1] == "verify"):
        raise FaultyError(f"{' '.join(command[:2])}: {said or ended.stdout.strip()}")


def main() -> int:
    """Run every check. The result is the exit code."""
    code = 0
    for check in (
        check_kubernetes,
        check_compose,
        check_systemd,
        check_prometheus,
        check_scripts,
    ):
        subject = check.__name__.removeprefix("check_")
        try:
            found = check()
        except FaultyError as error:
            print(f"{subject}: faulty: {error}")
            code = 1
        else:
            print(f"{subject}: {found or 'not checked, because its tool is not installed'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
