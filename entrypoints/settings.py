"""The settings of the service. `settings_reader` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal

from annotated_types import Ge, Interval, MinLen

from domain.secret import Secret, SecretBytes
from domain.session_limits import DEFAULT_WARNING, SessionLimits
from entrypoints.setting_rules import (
    Networks,
    ReadBy,
    base_url,
    client_secret,
    database_url,
    hex_key,
    hex_keys,
    http_url,
    http_url_or_none,
    networks,
    operator_or_none,
    signing_secret,
    text_or_none,
    token_keys,
    words,
)

PREFIX: Final = "VETASSIST_"
SECRETS_DIRECTORY: Final = "VETASSIST_SECRETS_DIR"
#: The number of server processes, by uvicorn's name. `serve --workers` sets it.
PROCESSES: Final = "WEB_CONCURRENCY"
CALLBACK_PATH: Final = "/api/v1/va/callback"

_VA: Final = "https://sandbox-api.va.gov"
DEFAULT_DISCOVERY_URL: Final = (
    f"{_VA}/oauth2/veteran-verification/v1/.well-known/openid-configuration"
)


class SessionDelivery(StrEnum):
    """How the callback hands the session to the front end."""

    QUERY = "query"
    FRAGMENT = "fragment"
    CODE = "code"
    COOKIE = "cookie"


NonEmpty = Annotated[str, MinLen(1)]
BaseURL = Annotated[str, ReadBy(base_url)]
HTTPURL = Annotated[str, ReadBy(http_url)]
SigningSecret = Annotated[Secret, ReadBy(signing_secret)]
FromZero = Annotated[int, Ge(0)]
FromOne = Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The service's settings.

    Each setting appears here once: its name in lower case, the accepted values, and the default.
    """

    database_url: Annotated[Secret, ReadBy(database_url)]
    database_timeout_seconds: Annotated[int, Interval(ge=1, le=300)] = 5
    database_prepared_statements: bool = True
    public_url: BaseURL = "http://localhost:8000"
    frontend_url: BaseURL = "https://vetassist.ganuda.us"

    jwt_secret: SigningSecret
    jwt_previous_secret: SigningSecret | None = None
    jwt_issuer: NonEmpty = "vetassist.ganuda.us"
    jwt_audience: NonEmpty = "vetassist-frontend"
    jwt_expiry_minutes: Annotated[int, Interval(ge=1, le=24 * 60)] = 30
    jwt_include_icn: bool = True
    jwt_cache_size: Annotated[int, Interval(ge=0, le=1_000_000)] = 20_000

    token_keys: Annotated[Mapping[str, SecretBytes], ReadBy(token_keys)]
    audit_key: Annotated[SecretBytes, ReadBy(hex_key)]
    audit_previous_keys: Annotated[tuple[SecretBytes, ...], ReadBy(hex_keys)] = ()
    audit_seal_interval_seconds: FromZero = 5
    audit_retention_months: FromOne | None = None
    audit_checkpoints: Annotated[str | None, ReadBy(text_or_none)] = None

    va_discovery_url: HTTPURL = DEFAULT_DISCOVERY_URL
    # The issuer of VA's sandbox isn't its API host.
    va_issuer: HTTPURL = "https://deptva-eval.okta.com/oauth2/aus7y0sefudDrg2HI2p7"
    va_client_id: NonEmpty
    va_client_secret: Annotated[Secret, ReadBy(client_secret)]
    va_scopes: Annotated[tuple[str, ...], ReadBy(words)] = (
        "openid",
        "profile",
        "offline_access",
        "veteran_status.read",
    )
    va_status_url: Annotated[str | None, ReadBy(http_url_or_none)] = (
        f"{_VA}/services/veteran_verification/v2/status"
    )

    session_idle_minutes: FromOne = 30
    session_absolute_minutes: FromOne = 12 * 60
    session_renew_grace_seconds: Annotated[int, Interval(ge=0, le=300)] = 30
    session_warning_seconds: Annotated[int, Ge(20)] | None = None
    session_retention_days: FromZero = 90
    purge_interval_minutes: FromZero = 10
    va_token_retention_days: FromOne = 42
    va_token_min_seconds: Annotated[int, Interval(ge=1, le=1800)] = 60
    fresh_sign_in_minutes: FromOne = 10
    outbox_interval_seconds: FromZero = 15
    logout_all_revokes_at_va: bool = False
    session_delivery: SessionDelivery = SessionDelivery.QUERY
    trusted_proxies: Annotated[Networks, ReadBy(networks)] = ()
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    pool_size: Annotated[int, Interval(ge=1, le=1000)] = 10
    login_rate: FromZero = 600
    keep_alive_seconds: Annotated[int, Interval(ge=1, le=3600)] = 75
    tracing: bool = False
    metrics_port: Annotated[int, Interval(ge=1, le=65535)] | None = None
    metrics_host: NonEmpty = "127.0.0.1"
    operator: Annotated[str | None, ReadBy(operator_or_none)] = None

    @property
    def session_limits(self) -> SessionLimits:
        """All limits of a session.

        Raises:
            ValueError: The limits contradict each other.
        """
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

    @property
    def redirect_uri(self) -> str:
        """The URL that VA sends the browser back to."""
        return self.public_url + CALLBACK_PATH

    @property
    def is_public_https(self) -> bool:
        """Whether browsers reach the service over TLS."""
        return self.public_url.startswith("https://")

    @property
    def serves_front_end(self) -> bool:
        """Whether the front end is the service itself."""
        return self.frontend_url == self.public_url
