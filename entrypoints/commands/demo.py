"""The whole product on one machine: database, simulated VA and service."""

import os
import secrets
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from entrypoints.storage import migrate, with_role

_FOLDER: Final = Path(".vetassist")
_SERVICE_PORT: Final = 8000
_SANDBOX_PORT: Final = 8001
_SERVICE: Final = f"http://localhost:{_SERVICE_PORT}"
_SANDBOX: Final = f"http://localhost:{_SANDBOX_PORT}"
_CLIENT_ID: Final = "vetassist_demo"
_ROLE: Final = "vetassist_service"
_STOP_SECONDS: Final = 35
_START_TRIES: Final = 150
_SECRETS: Final[Mapping[str, Callable[[], str]]] = {
    "VETASSIST_JWT_SECRET": lambda: secrets.token_hex(32),
    "VETASSIST_AUDIT_KEY": lambda: secrets.token_hex(32),
    "VETASSIST_TOKEN_KEYS": lambda: "k1:" + urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "VETASSIST_VA_CLIENT_SECRET": lambda: secrets.token_hex(32),
}


class DemoError(Exception):
    """The demo can't continue. The text says why."""


def run_demo(say: Callable[[str], None]) -> None:
    """Start everything, say which URL to open, and stop everything on Ctrl-C or SIGTERM.

    Raises:
        DemoError: A part didn't start, or ended by itself.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    secrets_folder = _generated_secrets(_FOLDER / "secrets")
    with ExitStack() as stack:
        own_database = os.environ.get("VETASSIST_DATABASE_URL")
        if own_database:
            database_url = own_database
            migrate(database_url)
        else:
            from entrypoints.embedded_postgres import (
                embedded_postgres,
            )

            owner = stack.enter_context(embedded_postgres(_FOLDER / "postgres"))
            # As in a deployment: the role of `serve` can add audit events, but can't change them.
            migrate(owner, application_role=_ROLE)
            database_url = with_role(owner, _ROLE)
        environment = _environment(database_url, secrets_folder)
        sandbox = stack.enter_context(_child("sandbox", _SANDBOX_PORT, environment))
        service = stack.enter_context(_child("serve", _SERVICE_PORT, environment))
        _await_ready(sandbox, _SANDBOX_PORT, "/oauth2/veteran-verification/v1/keys")
        _await_ready(service, _SERVICE_PORT, "/readyz")
        say(
            f"VetAssist is up. Open {_SERVICE} and sign in as one of VA's published test "
            f"Veterans.\nThe simulated VA is at {_SANDBOX}; data and secrets are kept in "
            f"{_FOLDER}/.\nCtrl-C stops everything."
        )
        try:
            os.wait()
        except KeyboardInterrupt:
            say("Stopping.")
            return
        raise DemoError("a part of the demo ended by itself; its last lines are above")


def _generated_secrets(folder: Path) -> Path:
    """Generate the secrets that don't exist yet. Only the owner can read the files."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, generate in _SECRETS.items():
        path = folder / name
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(generate())
    return folder


def _environment(database_url: str, secrets_folder: Path) -> dict[str, str]:
    va = f"{_SANDBOX}/oauth2/veteran-verification/v1"
    ours = {
        "VETASSIST_DATABASE_URL": database_url,
        "VETASSIST_SECRETS_DIR": str(secrets_folder),
        "VETASSIST_PUBLIC_URL": _SERVICE,
        "VETASSIST_FRONTEND_URL": _SERVICE,
        "VETASSIST_VA_DISCOVERY_URL": f"{va}/.well-known/openid-configuration",
        "VETASSIST_VA_ISSUER": "https://deptva-eval.okta.com/oauth2/aus7y0sefudDrg2HI2p7",
        "VETASSIST_VA_CLIENT_ID": _CLIENT_ID,
        "VETASSIST_VA_STATUS_URL": f"{_SANDBOX}/services/veteran_verification/v2/status",
        "VETASSIST_SESSION_DELIVERY": "cookie",
        "VETASSIST_LOG_LEVEL": "WARNING",
    }
    return ours | dict(os.environ) | {"VETASSIST_DATABASE_URL": database_url}


@contextmanager
def _child(
    command: str, port: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [command, "--host", "localhost", "--port", str(port)]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "entrypoints.cli", *arguments], env=dict(environment)
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    for _ in range(_START_TRIES):
        if _answers(port, path):
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise DemoError(f"http://localhost:{port}{path} does not answer; is the port free?")


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("localhost", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
