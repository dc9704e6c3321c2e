"""The programs of a cluster, as Debian packages them."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

#: Debian puts the servers where only root's PATH looks.
_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"
_PACKAGES: Final = {
    "etcd": "etcd-server",
    "haproxy": "haproxy",
    "patroni": "patroni",
    "pgbouncer": "pgbouncer",
}
#: Patroni lists several stores and needs the library of one of them.
_WITH_PATRONI: Final = ("python3-etcd",)
_SERVERS: Final = Path("/usr/lib/postgresql")


class MissingError(Exception):
    """What isn't installed, and can't be."""


def program(name: str) -> str:
    """The path of an installed program."""
    path = shutil.which(name, path=_PATH)
    assert path is not None, name
    return path


def server_programs() -> Path:
    """The folder with the newest PostgreSQL's programs."""
    return max(_SERVERS.glob("*/bin/postgres"), key=_version).parent


def ensure_installed() -> None:
    """Install what is missing, with apt.

    Raises:
        MissingError: Something is missing and this isn't root, or apt failed.
    """
    missing = _missing()
    if not missing:
        return
    install = " ".join(["apt-get install --no-install-recommends", *missing])
    if os.geteuid() != 0:
        raise MissingError(f"as root, run: {install}")
    words = ["install", "--yes", "--no-install-recommends", *missing]
    if not (_apt("update") and _apt(*words)):
        raise MissingError(f"this failed: {install}")


def _missing() -> list[str]:
    missing = [
        package for name, package in _PACKAGES.items() if shutil.which(name, path=_PATH) is None
    ]
    if "patroni" in missing:
        missing += _WITH_PATRONI
    if not list(_SERVERS.glob("*/bin/postgres")):
        missing.append("postgresql")
    return missing


def _apt(*words: str) -> bool:
    # Debian starts what it installs, unless it is in the single-user runlevel. What starts
    # nevertheless listens on the usual ports, and the bench uses none of them.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = shutil.which("apt-get", path=_PATH)
    if apt is None:
        return False
    command = [apt, "--quiet", "--quiet", *words]
    return subprocess.run(command, env=environment, check=False).returncode == 0


def _version(path: Path) -> int:
    return int(path.parts[-3])
