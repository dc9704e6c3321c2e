"""The whole product on one machine: database, simulated VA, service and console."""

import os
import secrets
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from domain.secret import Secret
from entrypoints.commands.demo_file import remove_demo_file, written_demo_file
from entrypoints.console.acts import SIGN_IN
from entrypoints.sandbox.settings import OPERATORS_BASE, VA_SANDBOX_ISSUER
from entrypoints.settings import PREFIX, SECRETS_DIRECTORY, Settings
from entrypoints.settings_reader import SettingsError, read_part, read_settings, set_by_variables
from entrypoints.sockets import CannotListenError, require_free
from entrypoints.storage import migrate, parameter_of, url_with

_FOLDER: Final = Path(".vetassist")
_HOST: Final = "localhost"
_CLIENT_ID: Final = "vetassist_demo"
_ROLE: Final = "vetassist_service"
#: What tells the demo's own database from one that the operator has set.
_APPLICATION: Final = "vetassist_demo"
_STOP_SECONDS: Final = 35
_START_TRIES: Final = 150
_SECRETS: Final[Mapping[str, Callable[[], str]]] = {
    "VETASSIST_JWT_SECRET": lambda: secrets.token_hex(32),
    "VETASSIST_AUDIT_KEY": lambda: secrets.token_hex(32),
    "VETASSIST_TOKEN_KEYS": lambda: "k1:" + urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "VETASSIST_VA_CLIENT_SECRET": lambda: secrets.token_hex(32),
    "VETASSIST_CONSOLE_CLIENT_SECRET": lambda: secrets.token_hex(32),
}


class DemoError(Exception):
    """The demo can't continue. The text says why."""


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """What the demo itself reads. Its service and its sandbox read the rest."""

    database_url: Secret | None = None
    demo_port: int = Settings.demo_port
    sandbox_port: int = Settings.sandbox_port
    demo_console_port: int = Settings.demo_console_port

    @property
    def has_own_database(self) -> bool:
        """Whether the URL is from an earlier demo, as in a shell that has read its demo.env."""
        if self.database_url is None:
            return False
        return parameter_of(self.database_url.reveal(), "application_name") == _APPLICATION


def run_demo(say: Callable[[str], None]) -> None:
    """Start everything, say which URL to open, and stop everything on Ctrl-C or SIGTERM.

    Raises:
        SettingsError: A setting is unusable. Nothing was started.
        DemoError: A part didn't start, or ended by itself.
    """
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler)
    settings = read_part(os.environ, DemoSettings)
    _require_free_ports(settings)
    remove_demo_file(_FOLDER)
    variables = _variables(settings, _generated_secrets(_FOLDER / "secrets"))
    with ExitStack() as stack:
        owner, service_url = _database(settings, stack)
        variables |= {"VETASSIST_DATABASE_URL": service_url}
        public_url = read_settings(variables).public_url
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(PREFIX)
        } | variables
        sandbox = stack.enter_context(_child("sandbox", settings.sandbox_port, environment))
        service = stack.enter_context(_child("serve", settings.demo_port, environment))
        _await_ready(sandbox, settings.sandbox_port, "/oauth2/veteran-verification/v1/keys")
        console = stack.enter_context(_child("console", settings.demo_console_port, environment))
        _await_ready(service, settings.demo_port, "/readyz")
        _await_ready(console, settings.demo_console_port, SIGN_IN)
        file = stack.enter_context(written_demo_file(_FOLDER, variables, owner_database_url=owner))
        say(
            f"VetAssist is up. Open {public_url} and sign in as one of VA's published test "
            f"Veterans.\nThe simulated VA is at {_origin(settings.sandbox_port)}; the operators' "
            f"console is at {_origin(settings.demo_console_port)}, with two made-up operators. "
            f"Data and secrets are kept in {_FOLDER}/.\nTo run commands beside it: "
            f"set -a; . {file}\n"
            "Ctrl-C stops everything."
        )
        try:
            os.wait()
        except KeyboardInterrupt:
            say("Stopping.")
            return
        raise DemoError("a part of the demo ended by itself; its last lines are above")


def _require_free_ports(settings: DemoSettings) -> None:
    seen: dict[int, str] = {}
    for name in ("demo_port", "sandbox_port", "demo_console_port"):
        variable, port = f"{PREFIX}{name.upper()}", getattr(settings, name)
        if port in seen:
            raise SettingsError([f"{variable}: must not be the same as {seen[port]}"])
        seen[port] = variable
    for name in ("demo_port", "sandbox_port", "demo_console_port"):
        try:
            require_free(_HOST, getattr(settings, name))
        except CannotListenError as error:
            raise DemoError(f"{PREFIX}{name.upper()}: {error}") from error


def _generated_secrets(folder: Path) -> Path:
    """Generate the secrets that don't exist yet. Only the owner can read the files."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, generate in _SECRETS.items():
            path = folder / name
            if not path.exists():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(generate())
    except OSError as error:
        raise DemoError(f"cannot write to {folder}/: {error.strerror}") from error
    return folder.resolve()


def _variables(settings: DemoSettings, secrets_folder: Path) -> dict[str, str]:
    """The settings of both programs, except for the database.

    The operator's variables win, unless they are those of an earlier demo.
    """
    service, sandbox = _origin(settings.demo_port), _origin(settings.sandbox_port)
    va = f"{sandbox}/oauth2/veteran-verification/v1"
    operators = f"{sandbox}{OPERATORS_BASE}"
    ours = {
        SECRETS_DIRECTORY: str(secrets_folder),
        "VETASSIST_PUBLIC_URL": service,
        "VETASSIST_FRONTEND_URL": service,
        "VETASSIST_VA_DISCOVERY_URL": f"{va}/.well-known/openid-configuration",
        "VETASSIST_VA_ISSUER": VA_SANDBOX_ISSUER,
        "VETASSIST_VA_CLIENT_ID": _CLIENT_ID,
        "VETASSIST_VA_STATUS_URL": f"{sandbox}/services/veteran_verification/v2/status",
        "VETASSIST_AUDIT_CHECKPOINTS": str((_FOLDER / "checkpoints.jsonl").resolve()),
        "VETASSIST_CONSOLE_PUBLIC_URL": _origin(settings.demo_console_port),
        "VETASSIST_CONSOLE_DISCOVERY_URL": f"{operators}/.well-known/openid-configuration",
        "VETASSIST_CONSOLE_ISSUER": operators,
        "VETASSIST_CONSOLE_CLIENT_ID": _CLIENT_ID,
        "VETASSIST_SESSION_DELIVERY": "cookie",
        "VETASSIST_LOG_LEVEL": "WARNING",
    }
    given = set_by_variables(os.environ)
    variables = given | ours if settings.has_own_database else ours | given
    # Refused before anything starts, and in one line each.
    read_settings({**variables, "VETASSIST_DATABASE_URL": "postgresql://localhost/vetassist"})
    return variables


def _database(settings: DemoSettings, stack: ExitStack) -> tuple[str, str]:
    """The URLs of the database for the owner of the tables, and for the service."""
    if settings.database_url is not None and not settings.has_own_database:
        given = settings.database_url.reveal()
        migrate(given)
        return given, given
    from entrypoints.embedded_postgres import embedded_postgres

    owner = stack.enter_context(embedded_postgres(_FOLDER / "postgres"))
    # As in a deployment: the role of `serve` can add audit events, but can't change them.
    migrate(owner, application_role=_ROLE)
    return owner, url_with(owner, user=_ROLE, application_name=_APPLICATION)


def _origin(port: int) -> str:
    return f"http://{_HOST}:{port}"


@contextmanager
def _child(
    command: str, port: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [command, "--host", _HOST, "--port", str(port)]
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
        # Only while the process runs, or another program may have answered.
        if _answers(port, path) and process.poll() is None:
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise DemoError(f"{_origin(port)}{path} does not answer; its last lines are above")


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection(_HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
