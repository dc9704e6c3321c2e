"""Reads the settings from the environment, or from files in a secrets directory."""

import difflib
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields
from enum import EnumType
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Interval, MinLen

from domain.secret import Secret
from entrypoints import setting_rules
from entrypoints.setting_rules import ReadBy
from entrypoints.settings import (
    DEFAULT_DISCOVERY_URL,
    PREFIX,
    SECRETS_DIRECTORY,
    SessionDelivery,
    Settings,
)

#: Installed by the extra `tracing`.
_TRACER: Final = "opentelemetry.exporter.otlp.proto.http"
_NAMES: Final = tuple(PREFIX + field.name.upper() for field in fields(Settings))


class SettingsError(Exception):
    """Settings are unusable.

    Attributes:
        faults: One line for each fault, with the name of the setting but never its value.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read all settings.

    Raises:
        SettingsError: A setting is missing, unknown or unusable.
    """
    faults = _unknown_names(environment)
    directory = environment.get(SECRETS_DIRECTORY)
    if directory is not None:
        unreadable = _unreadable(Path(directory))
        if unreadable:
            raise SettingsError(faults + unreadable)
        faults += _directory_faults(Path(directory))
    given: dict[str, Any] = {}
    unusable: list[str] = []
    for field in fields(Settings):
        text = raw_setting(environment, PREFIX + field.name.upper())
        try:
            if text is not None:
                given[field.name] = _value_of(field.name, text)
            elif field.default is MISSING:
                unusable.append(f"{PREFIX}{field.name.upper()}: is required")
        except SettingsError as error:
            unusable += error.faults
    if unusable:
        raise SettingsError(faults + unusable)
    settings = Settings(**given)
    faults += _faults_together(settings, given)
    if faults:
        raise SettingsError(faults)
    return settings


def read_database_url(environment: Mapping[str, str]) -> Secret:
    """The connection URL alone, for commands that need no other setting.

    Raises:
        SettingsError: It is missing or unusable.
    """
    text = raw_setting(environment, PREFIX + "DATABASE_URL")
    if text is None:
        raise SettingsError([f"{PREFIX}DATABASE_URL: is required"])
    url: Secret = _value_of("database_url", text)
    return url


def read_prepared_statements(environment: Mapping[str, str]) -> bool:
    """Whether connections keep prepared statements, for commands that need few settings.

    Raises:
        SettingsError: The setting is unusable.
    """
    text = raw_setting(environment, PREFIX + "DATABASE_PREPARED_STATEMENTS")
    if text is None:
        return Settings.database_prepared_statements
    is_on: bool = _value_of("database_prepared_statements", text)
    return is_on


def read_operator(environment: Mapping[str, str]) -> str | None:
    """The name of the operator, for commands that need few settings.

    Raises:
        SettingsError: The setting is unusable.
    """
    text = raw_setting(environment, PREFIX + "OPERATOR")
    name: str | None = None if text is None else _value_of("operator", text)
    return name


def raw_setting(environment: Mapping[str, str], name: str) -> str | None:
    """The text of one setting, unchecked. None if it isn't set."""
    if name in environment:
        return environment[name]
    path = Path(environment.get(SECRETS_DIRECTORY, "")) / name
    return path.read_text().strip() if SECRETS_DIRECTORY in environment and path.is_file() else None


def _value_of(field: str, text: str) -> Any:
    try:
        return _RULES[field](text)
    except ValueError as fault:
        raise SettingsError([f"{PREFIX}{field.upper()}: {fault}"]) from None


def _rule_of(hint: Any) -> Callable[[str], Any]:
    """The rule that reads a setting of this type."""
    if type(None) in get_args(hint):
        # A setting that may be None is None unless it is set.
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    kind, metadata = getattr(hint, "__origin__", hint), getattr(hint, "__metadata__", ())
    for each in metadata:
        if isinstance(each, ReadBy):
            return each.rule
        if isinstance(each, Ge | Interval):
            return setting_rules.whole_number(each.ge, getattr(each, "le", None))
        if isinstance(each, MinLen):
            return setting_rules.non_empty
    if kind is bool:
        return setting_rules.flag
    if isinstance(kind, EnumType):
        members: Mapping[str, Any] = kind.__members__
        return setting_rules.one_of({each.value: each for each in members.values()})
    if get_origin(hint) is Literal:
        return setting_rules.one_of({each: each for each in get_args(hint)})
    raise TypeError(f"no rule reads {hint}")


_RULES: Final[Mapping[str, Callable[[str], Any]]] = {
    name: _rule_of(hint) for name, hint in get_type_hints(Settings, include_extras=True).items()
}


def _faults_together(settings: Settings, given: Collection[str]) -> list[str]:
    """Faults of settings that are valid on their own, but not together."""
    faults = _reused_secrets(settings)
    if settings.va_discovery_url != DEFAULT_DISCOVERY_URL and "va_issuer" not in given:
        faults.append("VETASSIST_VA_ISSUER: must be set when VETASSIST_VA_DISCOVERY_URL is")
    if settings.tracing and not _is_installed(_TRACER):
        faults.append("VETASSIST_TRACING: needs the extra `tracing` to be installed")
    if settings.app_sign_in and settings.session_delivery is not SessionDelivery.CODE:
        faults.append("VETASSIST_APP_SIGN_IN: needs VETASSIST_SESSION_DELIVERY=code")
    if "openid" not in settings.va_scopes:
        faults.append("VETASSIST_VA_SCOPES: must contain openid")
    try:
        _ = settings.session_limits
    except ValueError as error:
        faults.append(f"VETASSIST_SESSION_*: {error}")
    return faults


def _reused_secrets(settings: Settings) -> list[str]:
    """One key, one purpose (ASVS 5.0, 11.1.2): no two secrets may have the same bytes."""
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
    names = [name for name in environment if name.upper().startswith(PREFIX)]
    return [_unknown(name) for name in names if name not in {*_NAMES, SECRETS_DIRECTORY}]


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name.upper(), _NAMES, n=1, cutoff=0.0)
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
        # Kubernetes mounts secrets as links into a directory that only the pod can read.
        elif not path.is_symlink() and path.stat().st_mode & stat.S_IROTH:
            faults.append(f"{path.name}: the file is readable by everybody; chmod 600 it")
    return faults
