"""What an operator can set: from the environment, or from files of a secrets directory."""

import difflib
import ipaddress
import re
import stat
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Self

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretBytes,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.safe_url import is_safe_url
from domain.session_limits import DEFAULT_WARNING, SessionLimits

PREFIX: Final = "VETASSIST_"
SECRETS_DIRECTORY: Final = "VETASSIST_SECRETS_DIR"
#: How many processes serve together, as uvicorn names it; `serve --workers` sets it.
PROCESSES: Final = "WEB_CONCURRENCY"
CALLBACK_PATH: Final = "/api/v1/va/callback"

_KEY_BYTES: Final = 32
_HEX: Final = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)
_PLACEHOLDER: Final = re.compile(
    r"change.?me|placeholder|example|your.?(secret|key)|password|<[^>]*>", re.IGNORECASE
)
# VA chooses the client's secret, so only what is plainly none is refused.
_NO_SECRET: Final = re.compile(
    r"change.?me|placeholder|(your.?)?(client.?)?secret|<[^>]*>", re.IGNORECASE
)
# 32 random bytes hold about 30 different values; this few means that nobody rolled dice.
_MIN_DISTINCT: Final = 12
#: What the extra `tracing` installs, and nothing else does.
_TRACER: Final = "opentelemetry.exporter.otlp.proto.http"
_VA: Final = "https://sandbox-api.va.gov"
_DEFAULT_DISCOVERY_URL: Final = (
    f"{_VA}/oauth2/veteran-verification/v1/.well-known/openid-configuration"
)
# VA's sandbox signs as this, not as its API host.
_DEFAULT_ISSUER: Final = "https://deptva-eval.okta.com/oauth2/aus7y0sefudDrg2HI2p7"


Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class SettingsError(Exception):
    """Settings cannot be used.

    Attributes:
        faults: One line each, naming the setting and never its value.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class SessionDelivery(StrEnum):
    """How the callback hands the session to the front end."""

    QUERY = "query"
    FRAGMENT = "fragment"
    CODE = "code"
    COOKIE = "cookie"


def _http_url(value: str) -> str:
    if not is_safe_url(value):
        raise ValueError(
            "must be an https URL without credentials or fragment; http is for loopback hosts only"
        )
    return value


def _origin(value: str) -> str:
    if "?" in _http_url(value):
        raise ValueError("must not carry a query")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    try:
        parameters = conninfo_to_dict(value)
    except ProgrammingError:
        parameters = {}
    # An empty one would mean whatever this machine's libpq takes for its default.
    if not parameters:
        raise ValueError("is not a PostgreSQL connection URL")
    return value


def _strong(key: bytes) -> bytes:
    if len(key) < _KEY_BYTES:
        raise ValueError("is too short: 32 random bytes at least (64 hex digits)")
    if len(set(key)) < _MIN_DISTINCT:
        raise ValueError("is too regular to be random; generate it")
    return key


def _client_secret(value: str) -> str:
    if _NO_SECRET.fullmatch(value):
        raise ValueError("is a placeholder; VA gives the secret")
    return value


def _signing_secret(value: str) -> str:
    if _PLACEHOLDER.search(value):
        raise ValueError("is a placeholder; generate a secret")
    # A text of hex digits holds half as many bytes as it has digits.
    is_hex = _HEX.fullmatch(value) and len(value) % 2 == 0
    _strong(bytes.fromhex(value) if is_hex else value.encode())
    return value


def _hex_key(value: object) -> object:
    if not isinstance(value, str):
        return value
    if _PLACEHOLDER.search(value):
        raise ValueError("is a placeholder; generate a key")
    if not _HEX.fullmatch(value) or len(value) % 2:
        raise ValueError("must be hex digits: 64 at least")
    return _strong(bytes.fromhex(value))


def _hex_keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    keys = []
    # Counted, not quoted.
    for position, entry in enumerate(value.split(",") if value else [], start=1):
        try:
            keys.append(_hex_key(entry.strip()))
        except ValueError as fault:
            raise ValueError(f"key {position} {fault}") from None
    return tuple(keys)


def _token_keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    keys: dict[str, bytes] = {}
    for position, entry in enumerate(value.split(","), start=1):
        # Counted, not quoted: where the kid was forgotten, the key stands in its place.
        key_id, _, encoded = entry.strip().partition(":")
        if not _KEY_ID.fullmatch(key_id) or not encoded or key_id in keys:
            raise ValueError(
                "needs entries of the form kid:key with different kids, comma-separated"
            )
        if not _BASE64URL.fullmatch(encoded):
            raise ValueError(f"key {position} is not base64url")
        try:
            key = urlsafe_b64decode(encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4))
        except ValueError:
            raise ValueError(f"key {position} is not base64url") from None
        if len(key) != _KEY_BYTES:
            raise ValueError(f"key {position} is not 32 bytes long")
        keys[key_id] = _strong(key)
    return keys


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    try:
        return tuple(ipaddress.ip_network(entry) for entry in entries)
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, comma-separated") from None


def _no_wildcard(networks: Networks) -> Networks:
    four = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    joined: Networks = (*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six))
    if any(network.prefixlen == 0 for network in joined):
        raise ValueError("must not trust every address")
    return networks


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


HTTPURL = Annotated[str, AfterValidator(_http_url)]
Origin = Annotated[str, AfterValidator(_origin)]
SigningSecret = Annotated[
    SecretStr, BeforeValidator(lambda value: _on_text(value, _signing_secret))
]


def _on_text(value: object, check: Any) -> object:
    return check(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """The service's settings, checked; frozen."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database_url: Annotated[SecretStr, BeforeValidator(lambda v: _on_text(v, _database_url))]
    public_url: Origin = "http://localhost:8000"
    frontend_url: Origin = "https://vetassist.ganuda.us"

    jwt_secret: SigningSecret
    jwt_previous_secret: SigningSecret | None = None
    jwt_issuer: str = Field(default="vetassist.ganuda.us", min_length=1)
    jwt_audience: str = Field(default="vetassist-frontend", min_length=1)
    jwt_expiry_minutes: int = Field(default=30, ge=1, le=24 * 60)
    jwt_include_icn: bool = True
    jwt_cache_size: int = Field(default=20_000, ge=0, le=1_000_000)

    token_keys: Annotated[dict[str, SecretBytes], NoDecode, BeforeValidator(_token_keys)]
    audit_key: Annotated[SecretBytes, BeforeValidator(_hex_key)]
    audit_previous_keys: Annotated[
        tuple[SecretBytes, ...], NoDecode, BeforeValidator(_hex_keys)
    ] = ()
    audit_seal_interval_seconds: int = Field(default=5, ge=0)
    audit_retention_months: int | None = Field(default=None, ge=1)
    audit_checkpoints: Annotated[str | None, BeforeValidator(_none_if_empty)] = None

    va_discovery_url: HTTPURL = _DEFAULT_DISCOVERY_URL
    va_issuer: HTTPURL = _DEFAULT_ISSUER
    va_client_id: str = Field(min_length=1)
    va_client_secret: Annotated[
        SecretStr, Field(min_length=1), BeforeValidator(lambda v: _on_text(v, _client_secret))
    ]
    va_scopes: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = (
        "openid",
        "profile",
        "offline_access",
        "veteran_status.read",
    )
    va_status_url: Annotated[HTTPURL | None, BeforeValidator(_none_if_empty)] = (
        f"{_VA}/services/veteran_verification/v2/status"
    )

    session_idle_minutes: int = Field(default=30, ge=1)
    session_absolute_minutes: int = Field(default=12 * 60, ge=1)
    session_renew_grace_seconds: int = Field(default=30, ge=0, le=300)
    session_warning_seconds: int | None = Field(default=None, ge=20)
    session_retention_days: int = Field(default=90, ge=0)
    purge_interval_minutes: int = Field(default=10, ge=0)
    va_token_retention_days: int = Field(default=42, ge=1)
    va_token_min_seconds: int = Field(default=60, ge=1, le=1800)
    fresh_sign_in_minutes: int = Field(default=10, ge=1)
    outbox_interval_seconds: int = Field(default=15, ge=0)
    logout_all_revokes_at_va: bool = False
    session_delivery: SessionDelivery = SessionDelivery.QUERY
    trusted_proxies: Annotated[
        Networks,
        NoDecode,
        BeforeValidator(_networks),
        AfterValidator(_no_wildcard),
    ] = ()
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")] = "INFO"
    pool_size: int = Field(default=10, ge=1, le=1000)
    login_rate: int = Field(default=600, ge=0)
    tracing: bool = False
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    metrics_host: str = Field(default="127.0.0.1", min_length=1)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        faults = self._reused_secrets()
        if (
            self.va_discovery_url != _DEFAULT_DISCOVERY_URL
            and "va_issuer" not in self.model_fields_set
        ):
            faults.append("VETASSIST_VA_ISSUER: must be set when VETASSIST_VA_DISCOVERY_URL is")
        if self.tracing and not _is_installed(_TRACER):
            faults.append("VETASSIST_TRACING: needs the extra `tracing` to be installed")
        if "openid" not in self.va_scopes:
            faults.append("VETASSIST_VA_SCOPES: must contain openid")
        try:
            _ = self.session_limits
        except ValueError as error:
            faults.append(f"VETASSIST_SESSION_*: {error}")
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def session_limits(self) -> SessionLimits:
        """Every limit of a session."""
        idle = timedelta(minutes=self.session_idle_minutes)
        token = timedelta(minutes=self.jwt_expiry_minutes)
        warning = timedelta(seconds=self.session_warning_seconds or 0)
        if self.session_warning_seconds is None:
            warning = min(DEFAULT_WARNING, min(idle, token) / 2)
        return SessionLimits(
            idle=idle,
            absolute=timedelta(minutes=self.session_absolute_minutes),
            token=token,
            renew_grace=timedelta(seconds=self.session_renew_grace_seconds),
            warning=warning,
        )

    def _reused_secrets(self) -> list[str]:
        """One key, one purpose (ASVS 5.0, 11.1.2): the same bytes may not stand twice."""
        secrets: dict[str, bytes] = {
            "VETASSIST_JWT_SECRET": _key_bytes(self.jwt_secret),
            "VETASSIST_AUDIT_KEY": self.audit_key.get_secret_value(),
            "VETASSIST_VA_CLIENT_SECRET": _key_bytes(self.va_client_secret),
        }
        if self.jwt_previous_secret is not None:
            secrets["VETASSIST_JWT_PREVIOUS_SECRET"] = _key_bytes(self.jwt_previous_secret)
        for position, key in enumerate(self.audit_previous_keys, start=1):
            secrets[f"VETASSIST_AUDIT_PREVIOUS_KEYS ({position})"] = key.get_secret_value()
        for key_id, key in self.token_keys.items():
            secrets[f"VETASSIST_TOKEN_KEYS ({key_id})"] = key.get_secret_value()
        faults = []
        seen: dict[bytes, str] = {}
        for name, secret in secrets.items():
            if secret in seen:
                faults.append(f"{name}: must not be the same as {seen[secret]}")
            seen.setdefault(secret, name)
        return faults

    @property
    def redirect_uri(self) -> str:
        """Where VA sends the browser back to."""
        return self.public_url + CALLBACK_PATH

    @property
    def is_public_https(self) -> bool:
        """Whether browsers reach the service over TLS."""
        return self.public_url.startswith("https://")

    @property
    def serves_front_end(self) -> bool:
        """Whether the front end is the service itself."""
        return self.frontend_url == self.public_url


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _key_bytes(secret: SecretStr) -> bytes:
    value = secret.get_secret_value()
    if _HEX.fullmatch(value) and len(value) % 2 == 0:
        return bytes.fromhex(value)
    return value.encode()


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
        settings = Settings(_secrets_dir=directory)
    except ValidationError as error:
        raise SettingsError(faults + _lines(error)) from None
    if faults:
        raise SettingsError(faults)
    return settings


def read_database_url(environment: Mapping[str, str]) -> str:
    """The database's URL alone: for commands that need no other setting.

    Raises:
        SettingsError: It is missing or unusable.
    """
    name = PREFIX + "DATABASE_URL"
    value = raw_setting(environment, name)
    if value is None:
        raise SettingsError([f"{name}: is required"])
    try:
        return _database_url(value)
    except ValueError as fault:
        raise SettingsError([f"{name}: {fault}"]) from None


def raw_setting(environment: Mapping[str, str], name: str) -> str | None:
    """One setting as the operator wrote it, unchecked: for commands that need no others."""
    if name in environment:
        return environment[name]
    path = Path(environment.get(SECRETS_DIRECTORY, "")) / name
    return path.read_text().strip() if SECRETS_DIRECTORY in environment and path.is_file() else None


def _known_names() -> list[str]:
    return [PREFIX + name.upper() for name in Settings.model_fields]


def _unknown_names(environment: Mapping[str, str]) -> list[str]:
    names = [name for name in environment if name.startswith(PREFIX) and name != SECRETS_DIRECTORY]
    return [_unknown(name) for name in names if name not in _known_names()]


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, _known_names(), n=1, cutoff=0.0)
    return f"{name}: no such setting; did you mean {nearest[0]}?"


def _unreadable(directory: Path) -> list[str]:
    if not directory.is_dir():
        return [f"{SECRETS_DIRECTORY}: no such directory"]
    faults = []
    for name in _known_names():
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
        if path.name not in _known_names():
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
