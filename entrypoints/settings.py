"""The settings of the service. `settings_reader` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from annotated_types import Interval

from domain.front_end import FrontEnd, SessionDelivery
from domain.secret import Secret, SecretBytes
from domain.session_limits import DEFAULT_WARNING, SessionLimits
from entrypoints.setting_rules import (
    Networks,
    ReadBy,
    base_url,
    client_secret,
    console_url,
    database_url,
    email_or_none,
    hex_key,
    hex_keys,
    http_url,
    http_url_or_none,
    issuer,
    networks,
    operator_name,
    phone_or_none,
    plain_text,
    service_url,
    signing_secret,
    token_keys,
    words,
)

PREFIX: Final = "VETASSIST_"
SECRETS_DIRECTORY: Final = "VETASSIST_SECRETS_DIR"
#: The number of server processes, by uvicorn's name. `serve --workers` sets it.
PROCESSES: Final = "WEB_CONCURRENCY"
CALLBACK_PATH: Final = "/api/v1/va/callback"
CONSOLE_CALLBACK_PATH: Final = "/console/sign-in/callback"

_VA: Final = "https://sandbox-api.va.gov"
DEFAULT_DISCOVERY_URL: Final = (
    f"{_VA}/oauth2/veteran-verification/v1/.well-known/openid-configuration"
)


PlainText = Annotated[str, ReadBy(plain_text)]
SigningSecret = Annotated[Secret, ReadBy(signing_secret)]
# Longer spans overflow what computes with them. A year, and for rows a hundred.
Seconds = Annotated[int, Interval(ge=0, le=365 * 24 * 60 * 60)]
Minutes = Annotated[int, Interval(ge=1, le=365 * 24 * 60)]
MinutesOrNever = Annotated[int, Interval(ge=0, le=365 * 24 * 60)]
Days = Annotated[int, Interval(ge=0, le=36_500)]
PortNumber = Annotated[int, Interval(ge=1, le=65_535)]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The service's settings.

    Each setting appears here once: its name in lower case, the accepted values, the default,
    and below it the meaning that goes into docs/reference.md.
    """

    database_url: Annotated[Secret, ReadBy(database_url)]
    """A libpq URL. It can name several hosts; the service uses the primary. `demo` needs none."""
    database_timeout_seconds: Annotated[int, Interval(ge=1, le=300)] = 5
    """How long all database work of one request may take. After that the answer is 503."""
    database_prepared_statements: bool = True
    """`false` for a pooler without prepared statements, such as PgBouncer before 1.21 in
    transaction mode ([scaling.md](scaling.md#2-pgbouncer-when-connections-run-out))."""
    public_url: Annotated[str, ReadBy(service_url)] = "http://localhost:8000"
    """Where browsers reach the service. The redirect URI is this plus `/api/v1/va/callback`. A path
    works behind a proxy that strips it, and behind one that doesn't."""
    frontend_url: Annotated[str, ReadBy(base_url)] = "https://vetassist.ganuda.us"
    """Where `/va-success` and `/va-error` are. If it equals the public URL, the service serves its
    own pages, as in `demo`."""

    jwt_secret: SigningSecret
    """The HS256 key: at least 32 random bytes, as 64 hex digits."""
    jwt_previous_secret: SigningSecret | None = None
    """During a change of the key: still accepted, never used to sign."""
    jwt_issuer: PlainText = "vetassist.ganuda.us"
    """The JWT's `iss`."""
    jwt_audience: PlainText = "vetassist-frontend"
    """The JWT's `aud`."""
    jwt_expiry_minutes: Annotated[int, Interval(ge=1, le=24 * 60)] = 30
    """How long one JWT lasts. It never outlives its session."""
    jwt_include_icn: bool = True
    """Whether the JWT contains `va_icn`."""
    jwt_cache_size: Annotated[int, Interval(ge=0, le=1_000_000)] = 20_000
    """How many verified JWTs to cache, so that each signature is verified once. The session is read
    every time. 0 turns the cache off."""

    token_keys: Annotated[Mapping[str, SecretBytes], ReadBy(token_keys)]
    """The master keys, which wrap the data keys of VA's tokens: `kid:key` entries, separated by
    commas. A key is 32 bytes in base64url. The first one wraps, all of them unwrap."""
    audit_key: Annotated[SecretBytes, ReadBy(hex_key)]
    """The key of the audit trail's pseudonyms (addresses, user agents) and seals: at least 32 bytes
    in hex."""
    audit_previous_keys: Annotated[tuple[SecretBytes, ...], ReadBy(hex_keys)] = ()
    """Earlier audit keys, separated by commas. They only verify older seals."""
    audit_seal_interval_seconds: Seconds = 5
    """How often `serve` seals new events of the audit trail. 0: never."""
    audit_retention_months: Annotated[int, Interval(ge=1, le=1200)] | None = None
    """How many full months of the audit trail to keep. `vetassist audit drop` drops older ones.
    Unset: all are kept."""
    audit_checkpoints: Annotated[str | None, ReadBy(plain_text)] = None
    """Where to write a checkpoint for each seal, out of reach of the database's owner: a file to
    append to, or `-` for standard output. One line of JSON each."""

    va_discovery_url: Annotated[str, ReadBy(http_url)] = DEFAULT_DISCOVERY_URL
    """The provider's OpenID discovery document."""
    # The issuer of VA's sandbox isn't its API host.
    va_issuer: Annotated[str, ReadBy(issuer)] = (
        "https://deptva-eval.okta.com/oauth2/aus7y0sefudDrg2HI2p7"
    )
    """The `iss` that metadata and ID tokens must have, character by character. VA's isn't the host
    of its API. Required if the discovery URL is set."""
    va_client_id: PlainText
    """The client ID that VA gave you."""
    va_client_secret: Annotated[Secret, ReadBy(client_secret)]
    """The client secret that VA gave you. The service sends it by HTTP Basic to VA's token
    endpoint."""
    va_scopes: Annotated[tuple[str, ...], ReadBy(words)] = (
        "openid",
        "profile",
        "offline_access",
        "veteran_status.read",
    )
    """The scopes to request, separated by spaces."""
    va_status_url: Annotated[str | None, ReadBy(http_url_or_none)] = (
        f"{_VA}/services/veteran_verification/v2/status"
    )
    """VA's Veteran status API. Empty: it isn't called. (For every other setting, an empty value
    means unset.)"""

    session_idle_minutes: Minutes = 30
    """A session ends if it isn't renewed for this long."""
    session_absolute_minutes: Minutes = 12 * 60
    """A session ends this long after its sign-in in any case."""
    session_renew_grace_seconds: Annotated[int, Interval(ge=0, le=300)] = 30
    """How long the last renewal can be repeated with the token that it replaced."""
    session_warning_seconds: Annotated[int, Interval(ge=20, le=86_400)] | None = None
    """How long before a session ends it is time to warn the user (`warn_at`). Unset: 120, or half
    of the idle limit or of the JWT's life if that is shorter."""
    session_retention_days: Days = 90
    """How long to keep the rows of ended sessions."""
    purge_interval_minutes: MinutesOrNever = 10
    """How often `serve` purges expired rows. 0: never."""
    va_token_retention_days: Annotated[int, Interval(ge=1, le=36_500)] = 42
    """VA's tokens of a user who hasn't signed in for this long are shredded."""
    va_token_min_seconds: Annotated[int, Interval(ge=1, le=1800)] = 60
    """How long an access token of VA stays valid, at least, when a back end gets it. One that
    expires sooner is refreshed first."""
    fresh_sign_in_minutes: Minutes = 10
    """How long after a sign-in a Veteran can unlink VA."""
    outbox_interval_seconds: Seconds = 15
    """How often `serve` asks VA to revoke the tokens in the outbox. 0: never."""
    logout_all_revokes_at_va: bool = False
    """Whether signing out everywhere also shreds VA's tokens and revokes them at VA."""
    session_delivery: SessionDelivery = SessionDelivery.QUERY
    """How the callback hands the session to the front end ([front-ends.md](front-ends.md))."""
    app_sign_in: bool = False
    """Whether an app that keeps no cookies can sign in, with `code_challenge`. Needs
    `VETASSIST_SESSION_DELIVERY=code` ([front-ends.md](front-ends.md#apps-without-cookies))."""
    trusted_proxies: Annotated[Networks, ReadBy(networks)] = ()
    """The networks of proxies whose `X-Forwarded-For` is trusted, separated by commas."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """The lowest level that is logged."""
    pool_size: Annotated[int, Interval(ge=1, le=1000)] = 10
    """The maximum number of database connections per process. Four more are for session look-ups,
    and one watches the primary."""
    login_rate: Annotated[int, Interval(ge=0, le=1_000_000)] = 600
    """How many sign-ins one address can start per minute and process. All addresses together: 20
    times as many. 0: no limit."""
    login_minutes: Annotated[int, Interval(ge=1, le=24 * 60)] = 60
    """How long a sign-in may take, from its start to VA's answer. Proving one's identity at VA for
    the first time can take most of an hour."""
    keep_alive_seconds: Annotated[int, Interval(ge=1, le=3600)] = 75
    """How long to keep an idle HTTP connection open. A proxy in front must close its idle
    connections sooner ([proxies.md](proxies.md#idle-connections))."""
    support_phone: Annotated[str | None, ReadBy(phone_or_none)] = None
    """The telephone number of support. The pages show it where they say "support"."""
    support_email: Annotated[str | None, ReadBy(email_or_none)] = None
    """The e-mail address of support, shown in the same places."""
    support_url: Annotated[str | None, ReadBy(http_url_or_none)] = None
    """The website of support, linked in the same places."""
    privacy_url: Annotated[str | None, ReadBy(http_url_or_none)] = None
    """The privacy policy, linked from the pages."""
    terms_url: Annotated[str | None, ReadBy(http_url_or_none)] = None
    """The terms of use, linked from the pages."""
    developer_pages: bool = False
    """Whether the page after a sign-in also shows the claims of the token, or the facts about the
    session. For developers who try the service."""
    tracing: bool = False
    """Whether to send traces by OpenTelemetry, configured by its own `OTEL_` variables. Needs the
    extra `tracing`."""
    metrics_port: PortNumber | None = None
    """Where `/metrics` answers Prometheus, apart from the public port. Unset: nowhere. With several
    `--workers`, each uses its own port, from this one up."""
    metrics_host: PlainText = "127.0.0.1"
    """The address that `/metrics` listens on. Only Prometheus should reach it."""
    operator: Annotated[str | None, ReadBy(operator_name)] = None
    """Who runs a command, for the audit trail: one word. Unset: the name of the operating system
    account."""
    console_discovery_url: Annotated[str | None, ReadBy(http_url)] = None
    """The OpenID discovery document of the operators' own identity provider. `vetassist console`
    needs it, and the next three settings ([console.md](console.md))."""
    console_issuer: Annotated[str | None, ReadBy(issuer)] = None
    """The `iss` that the provider's metadata and ID tokens must have, character by character."""
    console_client_id: Annotated[str | None, ReadBy(plain_text)] = None
    """The console's client ID at that provider."""
    console_client_secret: Annotated[Secret | None, ReadBy(client_secret)] = None
    """The console's client secret at that provider."""
    console_role_claim: PlainText = "groups"
    """The claim of the ID token that lists the operator's groups. Members of `vetassist-support`
    can look and end sessions; members of `vetassist-admin` can do everything."""
    console_public_url: Annotated[str, ReadBy(console_url)] = "http://localhost:8002"
    """Where browsers reach the console. The redirect URI is this plus
    `/console/sign-in/callback`."""
    demo_port: PortNumber = 8000
    """The port of the service in `vetassist demo` and `make run`. No other command reads it."""
    sandbox_port: PortNumber = 8001
    """The port of the simulated VA in `vetassist demo` and `make run`. No other command reads
    it."""
    demo_console_port: PortNumber = 8002
    """The port of the operators' console in `vetassist demo` and `make run`. No other command reads
    it."""

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
    def front_end(self) -> FrontEnd:
        """The front end that these settings describe."""
        return FrontEnd.of_settings(url=self.frontend_url, delivery=self.session_delivery)

    @property
    def redirect_uri(self) -> str:
        """The URL that VA sends the browser back to."""
        return self.public_url + CALLBACK_PATH

    @property
    def public_path(self) -> str:
        """The path of the public URL, without a slash at its end. Usually empty."""
        return urlsplit(self.public_url).path

    @property
    def is_public_https(self) -> bool:
        """Whether browsers reach the service over TLS."""
        return self.public_url.startswith("https://")

    @property
    def serves_front_end(self) -> bool:
        """Whether the front end is the service itself."""
        return self.frontend_url == self.public_url
