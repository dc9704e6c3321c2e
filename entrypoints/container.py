"""The composition root: the one place that names concrete classes."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from dependency_injector import containers, providers

from adapters.encryption.address_pseudonyms import HMACAddressPseudonyms
from adapters.encryption.aes_gcm_cipher import AESGCMTokenCipher
from adapters.encryption.key_ring import KeyRing
from adapters.postgres.login_attempts import PostgresLoginAttempts
from adapters.postgres.migrations import SchemaError, migrate, pending_migrations
from adapters.postgres.pool import build_pool, opened
from adapters.postgres.readiness import PostgresReadiness
from adapters.postgres.session_lookup import PostgresSessionLookup
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.postgres.user_directory import PostgresUserDirectory
from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens, JWTSettings
from adapters.system.clock import SystemClock
from adapters.system.secret_source import SystemSecretSource
from adapters.va_oauth.bounded_http import http_client
from adapters.va_oauth.identity_provider import VAIdentityProvider
from adapters.va_oauth.settings import ProviderSettings
from application.ports.address_pseudonyms import AddressPseudonyms
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.login_attempts import LoginAttempts
from application.ports.readiness import Readiness
from application.ports.secret_source import SecretSource
from application.ports.session_lookup import SessionLookup
from application.ports.session_tokens import SessionTokens
from application.ports.token_cipher import TokenCipher
from application.ports.unit_of_work import UnitOfWork
from application.ports.user_directory import UserDirectory
from application.use_cases.complete_va_login import CompleteVALogin
from application.use_cases.issue_session import IssueSession
from application.use_cases.link_va_identity import LinkVAIdentity
from application.use_cases.revoke_sessions import RevokeSessions
from application.use_cases.start_va_login import StartVALogin
from application.use_cases.validate_session import ValidateSession
from application.use_cases.view_user import ViewUser
from domain.secret import Secret
from entrypoints.settings import Settings
from entrypoints.web.authentication import Authenticator
from entrypoints.web.delivery import Delivery
from entrypoints.web.health_endpoints import HealthEndpoints
from entrypoints.web.login_cookies import LoginCookies
from entrypoints.web.pages.pages import Pages
from entrypoints.web.rate_limit import LoginRateLimit
from entrypoints.web.session_endpoints import SessionEndpoints
from entrypoints.web.va_endpoints import VAEndpoints
from entrypoints.web.visitors import VisitorReader

__all__ = ["Container", "SchemaError", "migrate", "pending_migrations"]


def _key_ring(settings: Settings) -> KeyRing:
    return KeyRing({key_id: key.get_secret_value() for key_id, key in settings.token_keys.items()})


def _jwt_settings(settings: Settings) -> JWTSettings:
    previous = settings.jwt_previous_secret
    return JWTSettings(
        secret=settings.jwt_secret.get_secret_value().encode(),
        previous_secret=None if previous is None else previous.get_secret_value().encode(),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        include_icn=settings.jwt_include_icn,
    )


def _provider_settings(settings: Settings) -> ProviderSettings:
    return ProviderSettings(
        discovery_url=settings.va_discovery_url,
        issuer=settings.va_issuer,
        client_id=settings.va_client_id,
        client_secret=Secret(settings.va_client_secret.get_secret_value()),
        scopes=settings.va_scopes,
        redirect_uri=settings.redirect_uri,
        status_url=settings.va_status_url,
    )


def _session_lifetime(settings: Settings) -> timedelta:
    return timedelta(minutes=settings.jwt_expiry_minutes)


class Container(containers.DeclarativeContainer):
    """Every object of the service. Building it opens nothing and awaits nothing."""

    settings = providers.Dependency(instance_of=Settings)

    # The machine, and the keys.
    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    secrets: providers.Provider[SecretSource] = providers.Singleton(SystemSecretSource)
    pseudonyms: providers.Provider[AddressPseudonyms] = providers.Singleton(
        HMACAddressPseudonyms, key=settings.provided.audit_key.get_secret_value.call()
    )
    cipher: providers.Provider[TokenCipher] = providers.Singleton(
        AESGCMTokenCipher, key_ring=providers.Callable(_key_ring, settings)
    )
    session_tokens: providers.Provider[SessionTokens] = providers.Singleton(
        JWTSessionTokens, settings=providers.Callable(_jwt_settings, settings)
    )

    # Storage: to swap it, replace these.
    connection_pool = providers.Singleton(
        build_pool,
        settings.provided.database_url.get_secret_value.call(),
        max_size=settings.provided.pool_size,
    )
    unit_of_work: providers.Provider[UnitOfWork] = providers.Factory(
        PostgresUnitOfWork, pool=connection_pool
    )
    login_attempts: providers.Provider[LoginAttempts] = providers.Singleton(
        PostgresLoginAttempts, pool=connection_pool
    )
    session_lookup: providers.Provider[SessionLookup] = providers.Singleton(
        PostgresSessionLookup, pool=connection_pool
    )
    user_directory: providers.Provider[UserDirectory] = providers.Singleton(
        PostgresUserDirectory, pool=connection_pool
    )
    readiness: providers.Provider[Readiness] = providers.Singleton(
        PostgresReadiness, pool=connection_pool
    )

    # Identity provider: to swap it, replace this one.
    identity_provider: providers.Provider[IdentityProvider] = providers.Singleton(
        VAIdentityProvider,
        settings=providers.Callable(_provider_settings, settings),
        client=providers.Singleton(http_client),
        clock=clock,
    )

    #: Entered in this order at start, left in reverse at stop.
    lifetimes: providers.Provider[list[AbstractAsyncContextManager[object]]] = providers.List(
        providers.Factory(opened, connection_pool), identity_provider
    )

    # Use cases.
    start_va_login = providers.Singleton(
        StartVALogin,
        provider=identity_provider,
        attempts=login_attempts,
        secrets=secrets,
        clock=clock,
    )
    link_va_identity = providers.Singleton(
        LinkVAIdentity,
        unit_of_work=unit_of_work.provider,
        cipher=cipher,
        secrets=secrets,
        clock=clock,
    )
    issue_session = providers.Singleton(
        IssueSession,
        unit_of_work=unit_of_work.provider,
        tokens=session_tokens,
        secrets=secrets,
        clock=clock,
        lifetime=providers.Callable(_session_lifetime, settings),
    )
    complete_va_login = providers.Singleton(
        CompleteVALogin,
        attempts=login_attempts,
        provider=identity_provider,
        unit_of_work=unit_of_work.provider,
        link_va_identity=link_va_identity,
        issue_session=issue_session,
        clock=clock,
    )
    validate_session = providers.Singleton(
        ValidateSession, tokens=session_tokens, sessions=session_lookup, clock=clock
    )
    revoke_sessions = providers.Singleton(
        RevokeSessions, unit_of_work=unit_of_work.provider, clock=clock
    )
    view_user = providers.Singleton(ViewUser, users=user_directory)

    # The web.
    visitors = providers.Singleton(
        VisitorReader, pseudonyms=pseudonyms, trusted_proxies=settings.provided.trusted_proxies
    )
    va_endpoints = providers.Singleton(
        VAEndpoints,
        start_va_login=start_va_login,
        complete_va_login=complete_va_login,
        cookies=providers.Singleton(LoginCookies, secure=settings.provided.is_public_https),
        delivery=providers.Singleton(
            Delivery,
            frontend_url=settings.provided.frontend_url,
            method=settings.provided.session_delivery,
        ),
        visitors=visitors,
        rate_limit=providers.Singleton(
            LoginRateLimit, per_minute=settings.provided.login_rate, clock=clock
        ),
    )
    session_endpoints = providers.Singleton(
        SessionEndpoints,
        authenticator=providers.Singleton(Authenticator, validate_session=validate_session),
        revoke_sessions=revoke_sessions,
        view_user=view_user,
        visitors=visitors,
    )
    health_endpoints = providers.Singleton(HealthEndpoints, readiness=readiness)
    pages = providers.Singleton(Pages, public_url=settings.provided.public_url)
