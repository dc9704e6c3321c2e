"""Reads the settings: all of them, or those that a command needs."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import EnumType
from importlib.util import find_spec
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from annotated_types import Interval

from domain.front_end import SessionDelivery
from domain.secret import Secret
from entrypoints import setting_rules
from entrypoints.setting_rules import ReadBy
from entrypoints.settings import (
    DEFAULT_DISCOVERY_URL,
    PREFIX,
    SECRETS_DIRECTORY,
    Settings,
)
from entrypoints.settings_sources import clean_variables, given_texts

_T = TypeVar("_T")

#: Installed by the extra `tracing`.
_TRACER: Final = "opentelemetry.exporter.otlp.proto.http"
_NAMES: Final = tuple(PREFIX + field.name.upper() for field in fields(Settings))
#: Where an empty value isn't an unset one.
_MEANINGFUL_IF_EMPTY: Final = frozenset({f"{PREFIX}VA_STATUS_URL"})
#: What to write for a setting that has no default.
_TO_WRITE: Final = {
    "database_url": "postgresql://USER:PASSWORD@HOST/DATABASE",
    "jwt_secret": "64 random hex digits",
    "token_keys": "k1: and 32 random bytes in base64url",
    "audit_key": "64 random hex digits",
    "va_client_id": "the client ID that VA gave you",
    "va_client_secret": "the client secret that VA gave you",
    "console_discovery_url": "the discovery document of your operators' identity provider",
    "console_issuer": "the `issuer` of that document",
    "console_client_id": "the console's client ID at that provider",
    "console_client_secret": "the console's client secret at that provider",
}


class SettingsError(Exception):
    """Settings are unusable.

    Attributes:
        faults: One line for each fault, with the name of the setting but never its value.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """What a command needs that works on the database alone."""

    database_url: Secret
    database_prepared_statements: bool = Settings.database_prepared_statements
    operator: str | None = Settings.operator


@dataclass(frozen=True, kw_only=True)
class ConsoleSettings:
    """What the console can't do without, besides what every server needs."""

    console_discovery_url: str
    console_issuer: str
    console_client_id: str
    console_client_secret: Secret
    console_role_claim: str = Settings.console_role_claim
    console_public_url: str = Settings.console_public_url

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the console over TLS."""
        return self.console_public_url.startswith("https://")


@dataclass(frozen=True, kw_only=True)
class _Read:
    """The values by field, a line for each unknown name, and one for each other fault."""

    values: dict[str, Any]
    unknown: list[str]
    faults: list[str]


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read all settings.

    Raises:
        SettingsError: A setting is missing, unknown or unusable.
    """
    read = _read(environment, Settings)
    if read.faults:
        raise SettingsError(read.unknown + read.faults)
    settings = Settings(**read.values)
    faults = read.unknown + _faults_together(settings, read.values)
    if faults:
        raise SettingsError(faults)
    return settings


def read_part(
    environment: Mapping[str, str], kind: type[_T], *, refuses_unknown: bool = True
) -> _T:
    """Read the settings that a command needs, by the same rules.

    Args:
        environment: The environment variables.
        kind: A dataclass. Each field is a setting, and has a default unless it is required.
        refuses_unknown: Whether an unknown name is a fault, as in every command but the doctor.

    Raises:
        SettingsError: One of them is missing or unusable, or there is an unknown name.
    """
    read = _read(environment, kind)
    faults = (read.unknown if refuses_unknown else []) + read.faults
    if faults:
        raise SettingsError(faults)
    return kind(**read.values)


def set_by_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that environment variables set, by name, as clean text."""
    return clean_variables(
        environment,
        known={*_NAMES, SECRETS_DIRECTORY},
        meaningful_if_empty=_MEANINGFUL_IF_EMPTY,
    )


def _read(environment: Mapping[str, str], kind: Any) -> _Read:
    names = {field.name: PREFIX + field.name.upper() for field in fields(kind)}
    given = given_texts(
        environment,
        known=_NAMES,
        wanted=tuple(names.values()),
        meaningful_if_empty=_MEANINGFUL_IF_EMPTY,
    )
    values: dict[str, Any] = {}
    faults = list(given.faults)
    faulty = {fault.partition(":")[0] for fault in faults}
    for field in fields(kind):
        name = names[field.name]
        if name in given.texts:
            try:
                values[field.name] = _RULES[field.name](given.texts[name])
            except ValueError as fault:
                faults.append(f"{name}: {fault}")
        elif field.default is MISSING and faulty.isdisjoint({name, SECRETS_DIRECTORY}):
            faults.append(f"{name}: is required: {_TO_WRITE[field.name]}")
    return _Read(values=values, unknown=given.unknown, faults=faults)


def _rule_of(hint: Any) -> Callable[[str], Any]:
    """The rule that reads a setting of this type."""
    if type(None) in get_args(hint):
        # A setting that may be None is None unless it is set.
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    kind, metadata = getattr(hint, "__origin__", hint), getattr(hint, "__metadata__", ())
    for each in metadata:
        if isinstance(each, ReadBy):
            return each.rule
        if isinstance(each, Interval):
            return setting_rules.whole_number(each.ge, each.le)
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
        faults.append(
            "VETASSIST_VA_ISSUER: must be set when VETASSIST_VA_DISCOVERY_URL is: to the `issuer` "
            "of that document"
        )
    if settings.tracing and not _is_installed(_TRACER):
        faults.append("VETASSIST_TRACING: needs the extra `tracing` to be installed")
    if settings.app_sign_in and settings.session_delivery is not SessionDelivery.CODE:
        faults.append("VETASSIST_APP_SIGN_IN: needs VETASSIST_SESSION_DELIVERY=code")
    if "openid" not in settings.va_scopes:
        faults.append("VETASSIST_VA_SCOPES: must contain openid")
    if settings.session_idle_minutes > settings.session_absolute_minutes:
        faults.append(
            "VETASSIST_SESSION_IDLE_MINUTES: must be at most VETASSIST_SESSION_ABSOLUTE_MINUTES"
        )
    shortest = min(settings.session_idle_minutes, settings.jwt_expiry_minutes) * 60
    if (settings.session_warning_seconds or 0) >= shortest:
        faults.append(
            "VETASSIST_SESSION_WARNING_SECONDS: must be less than VETASSIST_SESSION_IDLE_MINUTES "
            f"and VETASSIST_JWT_EXPIRY_MINUTES, so less than {shortest}"
        )
    return faults


def _reused_secrets(settings: Settings) -> list[str]:
    """One key, one purpose (ASVS 5.0, 11.1.2): no two secrets may have the same bytes."""
    secrets: dict[str, bytes] = {
        "VETASSIST_JWT_SECRET": setting_rules.bytes_of(settings.jwt_secret.reveal()),
        "VETASSIST_AUDIT_KEY": settings.audit_key.reveal(),
        "VETASSIST_VA_CLIENT_SECRET": setting_rules.bytes_of(settings.va_client_secret.reveal()),
    }
    if settings.console_client_secret is not None:
        ours = settings.console_client_secret.reveal()
        secrets["VETASSIST_CONSOLE_CLIENT_SECRET"] = setting_rules.bytes_of(ours)
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
            faults.append(f"{name}: must not be the same as {seen[secret]}: generate another")
        seen.setdefault(secret, name)
    return faults


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
