"""Reads the settings: from the environment, or from files of a secrets directory."""

import difflib
import stat
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, get_type_hints

from pydantic import TypeAdapter, ValidationError, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.secret import Secret
from entrypoints import setting_rules
from entrypoints.settings import DEFAULT_DISCOVERY_URL, PREFIX, SECRETS_DIRECTORY, Settings

#: What the extra `tracing` installs, and nothing else does.
_TRACER: Final = "opentelemetry.exporter.otlp.proto.http"
_NAMES: Final = tuple(PREFIX + field.name.upper() for field in fields(Settings))


class SettingsError(Exception):
    """Settings cannot be used.

    Attributes:
        faults: One line each, naming the setting and never its value.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class _Texts(BaseSettings):
    """Where settings are written: as plain text, in no other notation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        hide_input_in_errors=True,
        enable_decoding=False,
        validate_default=False,
    )


def _written_settings() -> type[_Texts]:
    """Pydantic's form of `Settings`: the same names, rules and defaults."""
    rules = get_type_hints(Settings, include_extras=True)
    members: dict[str, Any] = {
        field.name: (rules[field.name], ... if field.default is MISSING else field.default)
        for field in fields(Settings)
    }
    return create_model("_WrittenSettings", __base__=_Texts, **members)


_WrittenSettings: Final = _written_settings()


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; ``environment`` is os.environ, which pydantic reads as well.

    Raises:
        SettingsError: A setting is missing, unknown or unusable.
    """
    directory = environment.get(SECRETS_DIRECTORY)
    faults = _unknown_names(environment)
    if directory is not None:
        unreadable = _unreadable(Path(directory))
        if unreadable:
            raise SettingsError(faults + unreadable)
        faults += _directory_faults(Path(directory))
    try:
        written = _WrittenSettings(_secrets_dir=directory)
    except ValidationError as error:
        raise SettingsError(faults + _lines(error)) from None
    settings = Settings(**{field.name: getattr(written, field.name) for field in fields(Settings)})
    faults += _faults_together(settings, written.model_fields_set)
    if faults:
        raise SettingsError(faults)
    return settings


def read_database_url(environment: Mapping[str, str]) -> Secret:
    """The database's URL alone: for commands that need no other setting.

    Raises:
        SettingsError: It is missing or unusable.
    """
    name = PREFIX + "DATABASE_URL"
    value = raw_setting(environment, name)
    if value is None:
        raise SettingsError([f"{name}: is required"])
    try:
        return setting_rules.database_url(value)
    except ValueError as fault:
        raise SettingsError([f"{name}: {fault}"]) from None


def read_prepared_statements(environment: Mapping[str, str]) -> bool:
    """Whether prepared statements may be used, for commands that need hardly any other setting.

    Raises:
        SettingsError: It is unusable.
    """
    name = PREFIX + "DATABASE_PREPARED_STATEMENTS"
    value = raw_setting(environment, name)
    if value is None:
        return Settings.database_prepared_statements
    try:
        return TypeAdapter(bool).validate_python(value)
    except ValidationError as error:
        raise SettingsError([f"{name}: {error.errors()[0]['msg']}"]) from None


def read_operator(environment: Mapping[str, str]) -> str | None:
    """Who is said to run a command, for commands that need hardly any other setting.

    Raises:
        SettingsError: It is unusable.
    """
    name = PREFIX + "OPERATOR"
    try:
        return setting_rules.operator_or_none(raw_setting(environment, name) or "")
    except ValueError as fault:
        raise SettingsError([f"{name}: {fault}"]) from None


def raw_setting(environment: Mapping[str, str], name: str) -> str | None:
    """One setting as the operator wrote it, unchecked: for commands that need no others."""
    if name in environment:
        return environment[name]
    path = Path(environment.get(SECRETS_DIRECTORY, "")) / name
    return path.read_text().strip() if SECRETS_DIRECTORY in environment and path.is_file() else None


def _faults_together(settings: Settings, given: Collection[str]) -> list[str]:
    """What is wrong with settings that are each right."""
    faults = _reused_secrets(settings)
    if settings.va_discovery_url != DEFAULT_DISCOVERY_URL and "va_issuer" not in given:
        faults.append("VETASSIST_VA_ISSUER: must be set when VETASSIST_VA_DISCOVERY_URL is")
    if settings.tracing and not _is_installed(_TRACER):
        faults.append("VETASSIST_TRACING: needs the extra `tracing` to be installed")
    if "openid" not in settings.va_scopes:
        faults.append("VETASSIST_VA_SCOPES: must contain openid")
    try:
        _ = settings.session_limits
    except ValueError as error:
        faults.append(f"VETASSIST_SESSION_*: {error}")
    return faults


def _reused_secrets(settings: Settings) -> list[str]:
    """One key, one purpose (ASVS 5.0, 11.1.2): the same bytes may not stand twice."""
    secrets: dict[str, bytes] = {
        "VETASSIST_JWT_SECRET": setting_rules.bytes_of(settings.jwt_secret.reveal()),
        "VETASSIST_AUDIT_KEY": settings.audit_key.reveal(),
        "VETASSIST_VA_CLIENT_SECRET": setting_rules.bytes_of(settings.va_client_secret.reveal()),
    }
    if settings.jwt_previous_secret is not None:
        previous = settings.jwt_previous_secret.reveal()
        secrets["VETASSIST_JWT_PREVIOUS_SECRET"] = setting_rules.bytes_of(previous)
    for position, key in enumerate(settings.audit_previous_keys, start=1):
        secrets[f"VETASSIST_AUDIT_PREVIOUS_KEYS ({position})"] = key.reveal()
    for key_id, key in settings.token_keys.items():
        secrets[f"VETASSIST_TOKEN_KEYS ({key_id})"] = key.reveal()
    faults = []
    seen: dict[bytes, str] = {}
    for name, secret in secrets.items():
        if secret in seen:
            faults.append(f"{name}: must not be the same as {seen[secret]}")
        seen.setdefault(secret, name)
    return faults


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _unknown_names(environment: Mapping[str, str]) -> list[str]:
    names = [name for name in environment if name.startswith(PREFIX) and name != SECRETS_DIRECTORY]
    return [_unknown(name) for name in names if name not in _NAMES]


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.0)
    return f"{name}: no such setting; did you mean {nearest[0]}?"


def _unreadable(directory: Path) -> list[str]:
    if not directory.is_dir():
        return [f"{SECRETS_DIRECTORY}: no such directory"]
    faults = []
    for name in _NAMES:
        path = directory / name
        try:
            if path.exists():
                path.read_text()
        except (OSError, UnicodeError):
            faults.append(f"{name}: the file cannot be read as text")
    return faults


def _directory_faults(directory: Path) -> list[str]:
    faults = []
    for path in sorted(directory.iterdir()):
        if not path.name.startswith(PREFIX):
            continue
        if path.name not in _NAMES:
            faults.append(_unknown(path.name))
        # Kubernetes mounts secrets as links into a directory that is the pod's own.
        elif not path.is_symlink() and path.stat().st_mode & stat.S_IROTH:
            faults.append(f"{path.name}: the file is readable by everybody; chmod 600 it")
    return faults


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "missing":
            message = "is required"
        elif fault["type"] in {"string_too_short", "too_short"}:
            message = "must not be empty"
        name = PREFIX + str(fault["loc"][0]).upper() + ": " if fault["loc"] else ""
        lines += [name + line for line in message.splitlines()]
    return lines
