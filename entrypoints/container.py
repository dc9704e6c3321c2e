"""The composition root: the one place that names concrete classes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Final

from dependency_injector import containers, providers

from adapters.encryption.aes_gcm_cipher import AESGCMTokenCipher
from adapters.encryption.local_key_wrapper import LocalKeyWrapper
from adapters.encryption.remembering_key_wrapper import RememberingKeyWrapper
from adapters.encryption.seal_keys import HMACSealKeys
from adapters.encryption.visitor_pseudonyms import HMACVisitorPseudonyms
from adapters.postgres.audit_history import PostgresAuditHistory
from adapters.postgres.clock import PostgresClock
from adapters.postgres.connection_string import connection_string
from adapters.postgres.deadline import shared_deadline
from adapters.postgres.disclosures import PostgresDisclosures
from adapters.postgres.front_end_directory import PostgresFrontEndDirectory
from adapters.postgres.login_attempts import PostgresLoginAttempts
from adapters.postgres.pool import build_pool, opened
from adapters.postgres.primary_watch import PrimaryWatch, certain_primary, sought_primary
from adapters.postgres.readiness import PostgresReadiness
from adapters.postgres.sealed_trail import PostgresSealedTrail
from adapters.postgres.service_figures import PostgresServiceFigures
from adapters.postgres.session_lookup import MAX_FLIGHTS, PostgresSessionLookup
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.postgres.user_directory import PostgresUserDirectory
from adapters.postgres.user_records import PostgresUserRecords
from adapters.postgres.vital_signs import PostgresVitalSigns
from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens
from adapters.system.audit_checkpoints import LineAuditCheckpoints
from adapters.system.clock import SystemClock
from adapters.system.export_file import LocalExportFile
from adapters.system.secret_source import SystemSecretSource
from adapters.va_oauth.client_check import VAClientCheck
from adapters.va_oauth.identity_provider import VAIdentityProvider
from adapters.va_oauth.wire_on_demand import WireOnDemand
from application.client_refusals import ClientRefusals
from application.front_end_roster import FrontEndRoster
from application.front_end_rules import FrontEndRules
from application.login_starts import LoginStarts
from application.outbox_entries import OutboxEntries
from application.ports.attempt_notes import AttemptNotes
from application.ports.audit_checkpoints import AuditCheckpoints
from application.ports.audit_history import AuditHistory
from application.ports.client_assertions import ClientAssertions
from application.ports.client_check import ClientCheck
from application.ports.clock import Clock
from application.ports.disclosures import Disclosures
from application.ports.export_file import ExportFile
from application.ports.front_end_directory import FrontEndDirectory
from application.ports.identity_provider import IdentityProvider
from application.ports.key_wrapper import KeyWrapper
from application.ports.login_attempts import LoginAttempts
from application.ports.readiness import Readiness
from application.ports.refresh_tokens import RefreshTokens
from application.ports.seal_keys import SealKeys
from application.ports.sealed_trail import SealedTrail
from application.ports.secret_source import SecretSource
from application.ports.service_figures import ServiceFigures
from application.ports.session_lookup import SessionLookup
from application.ports.session_tokens import SessionTokens
from application.ports.token_cipher import TokenCipher
from application.ports.unit_of_work import UnitOfWork
from application.ports.user_directory import UserDirectory
from application.ports.user_records import UserRecords
from application.ports.visitor_pseudonyms import VisitorPseudonyms
from application.ports.vital_signs import VitalSigns
from application.second_chances import SecondChances
from application.session_grants import SessionGrants
from application.token_sealing import TokenSealing
from application.use_cases.clients.add_client import AddClient
from application.use_cases.clients.admit_client import AdmitClient
from application.use_cases.clients.disable_client import DisableClient
from application.use_cases.clients.list_clients import ListClients
from application.use_cases.clients.refuse_client import RefuseClient
from application.use_cases.clients.retire_client_credential import RetireClientCredential
from application.use_cases.clients.rotate_client_credential import RotateClientCredential
from application.use_cases.evidence.export_audit import ExportAudit
from application.use_cases.evidence.make_audit_partitions import MakeAuditPartitions
from application.use_cases.evidence.retire_audit import RetireAudit
from application.use_cases.evidence.seal_audit import SealAudit
from application.use_cases.evidence.show_audit import ShowAudit
from application.use_cases.evidence.verify_audit import VerifyAudit
from application.use_cases.front_ends.add_front_end import AddFrontEnd
from application.use_cases.front_ends.change_front_end import ChangeFrontEnd
from application.use_cases.front_ends.disable_front_end import DisableFrontEnd
from application.use_cases.front_ends.list_front_ends import ListFrontEnds
from application.use_cases.history.list_disclosures import ListDisclosures
from application.use_cases.history.read_history import ReadHistory
from application.use_cases.history.view_user import ViewUser
from application.use_cases.operations.change_icn import ChangeICN
from application.use_cases.operations.disable_user import DisableUser
from application.use_cases.operations.enable_user import EnableUser
from application.use_cases.operations.end_session import EndSession
from application.use_cases.operations.find_users import FindUsers
from application.use_cases.operations.purge_expired import PurgeExpired
from application.use_cases.operations.show_user import ShowUser
from application.use_cases.operations.sign_out_user import SignOutUser
from application.use_cases.operations.unlink_user import UnlinkUser
from application.use_cases.sessions.list_sessions import ListSessions
from application.use_cases.sessions.renew_session import RenewSession
from application.use_cases.sessions.revoke_sessions import RevokeSessions
from application.use_cases.sessions.sign_out import SignOut
from application.use_cases.sessions.validate_session import ValidateSession
from application.use_cases.sign_in.complete_va_login import CompleteVALogin
from application.use_cases.sign_in.issue_session import IssueSession
from application.use_cases.sign_in.link_va_identity import LinkVAIdentity
from application.use_cases.sign_in.redeem_handoff import RedeemHandoff
from application.use_cases.sign_in.start_va_login import StartVALogin
from application.use_cases.va_access.revoke_at_va import RevokeAtVA
from application.use_cases.va_access.rewrap_data_keys import RewrapDataKeys
from application.use_cases.va_access.shred_unused_tokens import ShredUnusedTokens
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentity
from application.use_cases.va_access.use_va_token import UseVAToken
from application.va_refresh_leases import VARefreshLeases
from application.va_refresh_results import VARefreshResults
from application.va_token_refresher import VATokenRefresher
from entrypoints.background import client_checked, repeating
from entrypoints.building import examining, keys, observing, provider
from entrypoints.building import pages as pages_building
from entrypoints.metrics.measurements import Measurements
from entrypoints.settings import Settings
from entrypoints.tracing.spans import Spans
from entrypoints.web.app_sign_ins import AppSignIns
from entrypoints.web.authentication import Authenticator
from entrypoints.web.browser_answers import BrowserAnswers
from entrypoints.web.calling_front_ends import CallingFrontEnds
from entrypoints.web.delivery import Delivery
from entrypoints.web.disclosure_endpoints import DisclosureEndpoints
from entrypoints.web.health_endpoints import HealthEndpoints
from entrypoints.web.history_endpoints import HistoryEndpoints
from entrypoints.web.hot_path import HotPath
from entrypoints.web.languages import LanguageCookie
from entrypoints.web.link_endpoints import LinkEndpoints, Unlinking
from entrypoints.web.login_cookies import LoginCookies
from entrypoints.web.middleware import SecurityHeaders
from entrypoints.web.openapi import OpenAPIEndpoint
from entrypoints.web.origin_guard import OriginGuard
from entrypoints.web.rate_limit import RateLimit
from entrypoints.web.reference_cookie import ReferenceCookie
from entrypoints.web.renewal_endpoints import RenewalEndpoints
from entrypoints.web.session_cookies import SessionCookies
from entrypoints.web.session_endpoints import SessionEndpoints
from entrypoints.web.token_endpoint import REFUSALS_A_MINUTE, TokenEndpoint
from entrypoints.web.va_endpoints import VAEndpoints
from entrypoints.web.visitors import VisitorReader

__all__ = ["Container"]

#: How soon each process knows a change of the front ends.
_FRONT_END_SECONDS: Final = 5


class Container(containers.DeclarativeContainer):
    """Every object of the service. Building it opens nothing and awaits nothing."""

    settings = providers.Dependency(instance_of=Settings)

    #: The operator who runs a command. None in a server.
    operator: providers.Provider[str | None] = providers.Object(None)

    #: Whether a server asks the provider, when it starts, to check our client credentials.
    checks_client: providers.Provider[bool] = providers.Object(False)

    #: The counters of this process.
    measurements = providers.Singleton(Measurements)

    # The clock, and which database server is the primary.
    database_timeout = providers.Factory(
        timedelta, seconds=settings.provided.database_timeout_seconds
    )
    primary_watch = providers.Singleton(
        PrimaryWatch,
        providers.Callable(
            connection_string,
            settings.provided.database_url.reveal.call(),
            timeout=database_timeout,
            prepared_statements=settings.provided.database_prepared_statements,
        ),
        prepared_statements=settings.provided.database_prepared_statements,
    )
    clock: providers.Provider[Clock] = providers.Singleton(PostgresClock, primary_watch)
    machine_clock: providers.Provider[Clock] = providers.Singleton(SystemClock)

    # The machine and the keys.
    secrets: providers.Provider[SecretSource] = providers.Singleton(SystemSecretSource)
    audit_keys = providers.Singleton(keys.audit_keys, settings)
    pseudonyms: providers.Provider[VisitorPseudonyms] = providers.Singleton(
        HMACVisitorPseudonyms, key=audit_keys.provided.current
    )
    seal_keys: providers.Provider[SealKeys] = providers.Singleton(HMACSealKeys, audit_keys)
    audit_checkpoints: providers.Provider[AuditCheckpoints] = providers.Singleton(
        LineAuditCheckpoints, settings.provided.audit_checkpoints
    )
    key_ring = providers.Singleton(keys.key_ring, settings)
    # To keep the master key in a key-management service, replace LocalKeyWrapper.
    key_wrapper: providers.Provider[KeyWrapper] = providers.Singleton(
        RememberingKeyWrapper, providers.Singleton(LocalKeyWrapper, key_ring), clock=clock
    )
    cipher: providers.Provider[TokenCipher] = providers.Singleton(
        AESGCMTokenCipher, key_ring=key_ring
    )
    jwt_settings = providers.Singleton(keys.jwt_settings, settings)
    session_tokens: providers.Provider[SessionTokens] = providers.Singleton(
        JWTSessionTokens, settings=jwt_settings
    )
    refresh_tokens: providers.Provider[RefreshTokens] = providers.Singleton(
        keys.refresh_tokens, jwt_settings
    )
    attempt_notes: providers.Provider[AttemptNotes] = providers.Singleton(
        keys.attempt_notes, jwt_settings
    )
    client_assertions: providers.Provider[ClientAssertions] = providers.Singleton(
        keys.client_assertions, settings
    )

    visitors = providers.Singleton(
        VisitorReader, pseudonyms=pseudonyms, trusted_proxies=settings.provided.trusted_proxies
    )
    spans: providers.Provider[Spans] = providers.Singleton(observing.spans, settings, visitors)

    # Storage: to swap it, replace these.
    connection_pool = providers.Singleton(
        build_pool,
        settings.provided.database_url.reveal.call(),
        max_size=settings.provided.pool_size,
        timeout=database_timeout,
        primary=primary_watch,
        prepared_statements=settings.provided.database_prepared_statements,
    )
    unit_of_work: providers.Provider[UnitOfWork] = providers.Factory(
        PostgresUnitOfWork,
        pool=connection_pool,
        observer=providers.Singleton(observing.unit_observer, measurements, spans),
        operator=operator,
    )
    login_attempts: providers.Provider[LoginAttempts] = providers.Singleton(
        PostgresLoginAttempts, pool=connection_pool
    )
    # Look-ups have their own pool, so that slow writes never delay a validation.
    lookup_pool = providers.Singleton(
        build_pool,
        settings.provided.database_url.reveal.call(),
        max_size=MAX_FLIGHTS,
        min_size=1,
        timeout=database_timeout,
        primary=primary_watch,
        prepared_statements=settings.provided.database_prepared_statements,
    )
    #: What a command enters, in this order. It waits until the primary is certain.
    command_lifetimes: providers.Provider[list[AbstractAsyncContextManager[object]]] = (
        providers.List(
            providers.Factory(certain_primary, primary_watch, database_timeout),
            providers.Factory(opened, connection_pool),
        )
    )
    #: The same for the doctor, which continues without a database.
    doctor_lifetimes: providers.Provider[list[AbstractAsyncContextManager[object]]] = (
        providers.List(
            providers.Factory(sought_primary, primary_watch, database_timeout),
            providers.Factory(opened, connection_pool),
            providers.Factory(opened, lookup_pool),
        )
    )
    #: The context for all database work of one request.
    request_deadline = providers.Factory(shared_deadline, database_timeout)
    session_lookup: providers.Provider[SessionLookup] = providers.Singleton(
        PostgresSessionLookup, pool=lookup_pool
    )
    user_directory: providers.Provider[UserDirectory] = providers.Singleton(
        PostgresUserDirectory, pool=connection_pool
    )
    user_records: providers.Provider[UserRecords] = providers.Singleton(
        PostgresUserRecords, pool=connection_pool
    )
    audit_history: providers.Provider[AuditHistory] = providers.Singleton(
        PostgresAuditHistory, pool=connection_pool
    )
    front_end_directory: providers.Provider[FrontEndDirectory] = providers.Singleton(
        PostgresFrontEndDirectory, pool=connection_pool
    )
    disclosures: providers.Provider[Disclosures] = providers.Singleton(
        PostgresDisclosures, pool=connection_pool
    )
    sealed_trail: providers.Provider[SealedTrail] = providers.Singleton(
        PostgresSealedTrail, pool=connection_pool
    )
    readiness: providers.Provider[Readiness] = providers.Singleton(
        PostgresReadiness, pool=lookup_pool, machine_clock=machine_clock
    )
    vital_signs: providers.Provider[VitalSigns] = providers.Singleton(
        PostgresVitalSigns, pool=connection_pool
    )
    service_figures: providers.Provider[ServiceFigures] = providers.Singleton(
        PostgresServiceFigures, pool=connection_pool
    )

    # Identity provider: to swap it, replace these two.
    provider_settings = providers.Callable(provider.provider_settings, settings)
    provider_wire = providers.Singleton(WireOnDemand)
    provider_observer = providers.Singleton(observing.provider_call_observer, measurements, spans)
    identity_provider: providers.Provider[IdentityProvider] = providers.Singleton(
        VAIdentityProvider,
        settings=provider_settings,
        wire=provider_wire,
        clock=clock,
        observer=provider_observer,
    )
    client_check: providers.Provider[ClientCheck] = providers.Singleton(
        VAClientCheck,
        settings=provider_settings,
        wire=provider_wire,
        clock=clock,
        secrets=secrets,
        observer=provider_observer,
    )

    # Front ends.
    front_end_rules = providers.Singleton(
        FrontEndRules,
        settings=settings.provided.front_end,
        public_url=settings.provided.public_url,
        limits=settings.provided.session_limits,
    )
    front_end_roster = providers.Singleton(
        FrontEndRoster,
        settings=settings.provided.front_end,
        rules=front_end_rules,
        limits=settings.provided.session_limits,
        directory=front_end_directory,
        clock=clock,
    )

    # Use cases.
    token_sealing = providers.Singleton(
        TokenSealing, wrapper=key_wrapper, cipher=cipher, secrets=secrets
    )
    login_starts = providers.Singleton(
        LoginStarts,
        provider=identity_provider,
        attempts=login_attempts,
        limit=providers.Singleton(RateLimit, per_minute=settings.provided.login_rate, clock=clock),
        secrets=secrets,
        clock=clock,
        lifetime=providers.Factory(timedelta, minutes=settings.provided.login_minutes),
    )
    start_va_login = providers.Singleton(
        StartVALogin,
        starts=login_starts,
        front_ends=front_end_roster,
        unit_of_work=unit_of_work.provider,
        clock=clock,
    )
    second_chances = providers.Singleton(
        SecondChances,
        attempts=login_attempts,
        starts=login_starts,
        tokens=session_tokens,
        sessions=session_lookup,
        front_ends=front_end_roster,
        unit_of_work=unit_of_work.provider,
        clock=clock,
    )
    link_va_identity = providers.Singleton(
        LinkVAIdentity,
        unit_of_work=unit_of_work.provider,
        sealing=token_sealing,
        secrets=secrets,
        pseudonyms=pseudonyms,
        clock=clock,
    )
    grants = providers.Singleton(
        SessionGrants,
        tokens=session_tokens,
        refresh_tokens=refresh_tokens,
        limits=settings.provided.session_limits,
    )
    issue_session = providers.Singleton(
        IssueSession,
        unit_of_work=unit_of_work.provider,
        grants=grants,
        secrets=secrets,
        clock=clock,
        limits=settings.provided.session_limits,
    )
    complete_va_login = providers.Singleton(
        CompleteVALogin,
        attempts=login_attempts,
        provider=identity_provider,
        unit_of_work=unit_of_work.provider,
        link_va_identity=link_va_identity,
        issue_session=issue_session,
        second_chances=second_chances,
        tokens=session_tokens,
        secrets=secrets,
        clock=clock,
        front_ends=front_end_roster,
    )
    redeem_handoff = providers.Singleton(
        RedeemHandoff,
        unit_of_work=unit_of_work.provider,
        grants=grants,
        secrets=secrets,
        clock=clock,
    )
    renew_session = providers.Singleton(
        RenewSession,
        unit_of_work=unit_of_work.provider,
        refresh_tokens=refresh_tokens,
        grants=grants,
        secrets=secrets,
        clock=clock,
        limits=settings.provided.session_limits,
        refusals=providers.Singleton(RateLimit, per_minute=REFUSALS_A_MINUTE, clock=clock),
    )
    validate_session = providers.Singleton(
        ValidateSession, tokens=session_tokens, sessions=session_lookup, clock=clock
    )
    sign_out = providers.Singleton(
        SignOut,
        unit_of_work=unit_of_work.provider,
        tokens=session_tokens,
        refresh_tokens=refresh_tokens,
        clock=clock,
    )
    outbox_entries = providers.Singleton(
        OutboxEntries, wrapper=key_wrapper, cipher=cipher, sealing=token_sealing, secrets=secrets
    )
    revoke_sessions = providers.Singleton(
        RevokeSessions,
        unit_of_work=unit_of_work.provider,
        outbox_entries=outbox_entries,
        clock=clock,
        all_revokes_at_va=settings.provided.logout_all_revokes_at_va,
    )
    unlink_va_identity = providers.Singleton(
        UnlinkVAIdentity,
        unit_of_work=unit_of_work.provider,
        outbox_entries=outbox_entries,
        clock=clock,
        fresh_for=providers.Factory(timedelta, minutes=settings.provided.fresh_sign_in_minutes),
    )
    revoke_at_va = providers.Singleton(
        RevokeAtVA,
        unit_of_work=unit_of_work.provider,
        provider=identity_provider,
        wrapper=key_wrapper,
        cipher=cipher,
        clock=clock,
    )
    va_refresh_leases = providers.Singleton(
        VARefreshLeases, unit_of_work=unit_of_work.provider, clock=clock
    )
    va_refresh_results = providers.Singleton(
        VARefreshResults,
        unit_of_work=unit_of_work.provider,
        sealing=token_sealing,
        outbox_entries=outbox_entries,
        clock=clock,
    )
    va_token_refresher = providers.Singleton(
        VATokenRefresher,
        provider=identity_provider,
        leases=va_refresh_leases,
        results=va_refresh_results,
    )
    use_va_token = providers.Singleton(
        UseVAToken,
        unit_of_work=unit_of_work.provider,
        sealing=token_sealing,
        refresher=va_token_refresher,
        clock=clock,
        min_validity=providers.Factory(timedelta, seconds=settings.provided.va_token_min_seconds),
        issuer=identity_provider.provided.issuer,
    )
    shred_unused_tokens = providers.Singleton(
        ShredUnusedTokens,
        unit_of_work=unit_of_work.provider,
        clock=clock,
        retention=providers.Factory(timedelta, days=settings.provided.va_token_retention_days),
    )
    rewrap_data_keys = providers.Singleton(
        RewrapDataKeys,
        unit_of_work=unit_of_work.provider,
        wrapper=key_wrapper,
        sealing=token_sealing,
        clock=clock,
    )
    list_sessions = providers.Singleton(
        ListSessions, unit_of_work=unit_of_work.provider, clock=clock
    )
    view_user = providers.Singleton(ViewUser, users=user_directory)
    disable_user = providers.Singleton(DisableUser, unit_of_work=unit_of_work.provider, clock=clock)
    enable_user = providers.Singleton(EnableUser, unit_of_work=unit_of_work.provider, clock=clock)
    sign_out_user = providers.Singleton(
        SignOutUser, unit_of_work=unit_of_work.provider, clock=clock
    )
    find_users = providers.Singleton(
        FindUsers,
        records=user_records,
        history=audit_history,
        unit_of_work=unit_of_work.provider,
        clock=clock,
    )
    show_user = providers.Singleton(
        ShowUser,
        records=user_records,
        history=audit_history,
        pseudonyms=pseudonyms,
        front_ends=front_end_roster,
        unit_of_work=unit_of_work.provider,
        clock=clock,
    )
    end_session = providers.Singleton(EndSession, unit_of_work=unit_of_work.provider, clock=clock)
    unlink_user = providers.Singleton(
        UnlinkUser,
        unit_of_work=unit_of_work.provider,
        outbox_entries=outbox_entries,
        clock=clock,
    )
    change_icn = providers.Singleton(
        ChangeICN,
        unit_of_work=unit_of_work.provider,
        records=user_records,
        outbox_entries=outbox_entries,
        clock=clock,
    )
    client_refusals = providers.Singleton(
        ClientRefusals,
        unit_of_work=unit_of_work.provider,
        limit=providers.Singleton(RateLimit, per_minute=REFUSALS_A_MINUTE, clock=clock),
        clock=clock,
    )
    admit_client = providers.Singleton(
        AdmitClient,
        unit_of_work=unit_of_work.provider,
        assertions=client_assertions,
        refusals=client_refusals,
        clock=clock,
    )
    refuse_client = providers.Singleton(RefuseClient, refusals=client_refusals)
    add_client = providers.Singleton(
        AddClient,
        unit_of_work=unit_of_work.provider,
        assertions=client_assertions,
        secrets=secrets,
        clock=clock,
        granted_scopes=settings.provided.va_scopes,
    )
    rotate_client_credential = providers.Singleton(
        RotateClientCredential,
        unit_of_work=unit_of_work.provider,
        assertions=client_assertions,
        secrets=secrets,
        clock=clock,
    )
    retire_client_credential = providers.Singleton(
        RetireClientCredential, unit_of_work=unit_of_work.provider, clock=clock
    )
    list_clients = providers.Singleton(ListClients, unit_of_work=unit_of_work.provider)
    disable_client = providers.Singleton(
        DisableClient, unit_of_work=unit_of_work.provider, clock=clock
    )
    add_front_end = providers.Singleton(
        AddFrontEnd,
        unit_of_work=unit_of_work.provider,
        rules=front_end_rules,
        secrets=secrets,
        clock=clock,
    )
    change_front_end = providers.Singleton(
        ChangeFrontEnd, unit_of_work=unit_of_work.provider, rules=front_end_rules, clock=clock
    )
    disable_front_end = providers.Singleton(
        DisableFrontEnd, unit_of_work=unit_of_work.provider, clock=clock
    )
    list_front_ends = providers.Singleton(
        ListFrontEnds,
        settings=settings.provided.front_end,
        directory=front_end_directory,
        rules=front_end_rules,
    )
    read_history = providers.Singleton(ReadHistory, history=audit_history, users=user_directory)
    show_audit = providers.Singleton(
        ShowAudit, history=audit_history, unit_of_work=unit_of_work.provider, clock=clock
    )
    list_disclosures = providers.Singleton(
        ListDisclosures, disclosures=disclosures, users=user_directory
    )
    purge_expired = providers.Singleton(
        PurgeExpired,
        unit_of_work=unit_of_work.provider,
        clock=clock,
        session_retention=providers.Factory(
            timedelta, days=settings.provided.session_retention_days
        ),
    )
    seal_audit = providers.Singleton(
        SealAudit,
        unit_of_work=unit_of_work.provider,
        keys=seal_keys,
        checkpoints=audit_checkpoints,
        clock=clock,
    )
    verify_audit = providers.Singleton(VerifyAudit, trail=sealed_trail, keys=seal_keys)
    #: Makes the file of an export; the command knows its path.
    export_file: providers.Provider[Callable[[Path], ExportFile]] = providers.Object(
        LocalExportFile
    )
    export_audit = providers.Singleton(
        ExportAudit,
        trail=sealed_trail,
        keys=seal_keys,
        unit_of_work=unit_of_work.provider,
        secrets=secrets,
        clock=clock,
    )
    make_audit_partitions = providers.Singleton(
        MakeAuditPartitions, unit_of_work=unit_of_work.provider
    )
    retire_audit = providers.Singleton(
        RetireAudit,
        unit_of_work=unit_of_work.provider,
        keys=seal_keys,
        clock=clock,
        retention_months=settings.provided.audit_retention_months,
    )

    #: What the doctor asks.
    patient = providers.Factory(
        examining.patient,
        settings,
        provider=identity_provider,
        client_check=client_check,
        readiness=readiness,
        vital_signs=vital_signs,
        seal_keys=seal_keys,
        rewrap_data_keys=rewrap_data_keys,
        secrets=secrets,
    )

    # The web.
    session_cookies = providers.Singleton(
        SessionCookies,
        secure=settings.provided.is_public_https,
        clock=clock,
        public_path=settings.provided.public_path,
    )
    calling_front_ends = providers.Singleton(
        CallingFrontEnds, roster=front_end_roster, cookies=session_cookies
    )
    origin_guard = providers.Singleton(OriginGuard, public_url=settings.provided.public_url)
    hot_path = providers.Singleton(
        HotPath,
        validate_session=validate_session,
        front_ends=front_end_roster,
        is_public_https=settings.provided.is_public_https,
        measurements=measurements,
    )
    authenticator = providers.Singleton(
        Authenticator,
        validate_session=validate_session,
        front_ends=calling_front_ends,
        guard=origin_guard,
        measurements=measurements,
    )
    login_cookies = providers.Singleton(
        LoginCookies, public_url=settings.provided.public_url, notes=attempt_notes
    )
    languages = providers.Singleton(LanguageCookie, secure=settings.provided.is_public_https)
    browser_answers = providers.Singleton(
        BrowserAnswers,
        roster=front_end_roster,
        serves_front_end=settings.provided.serves_front_end,
        pages=providers.Singleton(pages_building.plain_pages, settings, languages=languages),
        reference=providers.Singleton(
            ReferenceCookie,
            secure=settings.provided.is_public_https,
            public_path=settings.provided.public_path,
        ),
        cookies=login_cookies,
        headers=providers.Callable(
            SecurityHeaders, is_public_https=settings.provided.is_public_https
        ),
    )
    va_endpoints = providers.Singleton(
        VAEndpoints,
        start_va_login=start_va_login,
        complete_va_login=complete_va_login,
        cookies=login_cookies,
        delivery=providers.Singleton(Delivery, front_ends=calling_front_ends),
        answers=browser_answers,
        visitors=visitors,
        authenticator=authenticator,
        app_sign_ins=providers.Singleton(AppSignIns, are_allowed=settings.provided.app_sign_in),
        measurements=measurements,
    )
    session_endpoints = providers.Singleton(
        SessionEndpoints,
        authenticator=authenticator,
        list_sessions=list_sessions,
        sign_out=sign_out,
        revoke_sessions=revoke_sessions,
        view_user=view_user,
        visitors=visitors,
        front_ends=calling_front_ends,
        languages=languages,
    )
    renewal_endpoints = providers.Singleton(
        RenewalEndpoints,
        renew_session=renew_session,
        redeem_handoff=redeem_handoff,
        front_ends=calling_front_ends,
        guard=origin_guard,
        visitors=visitors,
    )
    unlinking = providers.Singleton(
        Unlinking, unlink_va_identity=unlink_va_identity, revoke_at_va=revoke_at_va
    )
    link_endpoints = providers.Singleton(
        LinkEndpoints,
        authenticator=authenticator,
        unlinking=unlinking,
        front_ends=calling_front_ends,
        visitors=visitors,
    )
    disclosure_endpoints = providers.Singleton(
        DisclosureEndpoints,
        authenticator=authenticator,
        list_disclosures=list_disclosures,
        languages=languages,
    )
    token_endpoint = providers.Singleton(
        TokenEndpoint,
        admit_client=admit_client,
        refuse_client=refuse_client,
        validate_session=validate_session,
        use_va_token=use_va_token,
        targets=providers.Singleton(provider.targets, settings),
        visitors=visitors,
        clock=clock,
    )
    history_endpoints = providers.Singleton(
        HistoryEndpoints,
        authenticator=authenticator,
        read_history=read_history,
        languages=languages,
    )
    health_endpoints = providers.Singleton(HealthEndpoints, readiness=readiness)
    openapi_endpoint = providers.Singleton(
        OpenAPIEndpoint,
        public_url=settings.provided.public_url,
        cookies=session_cookies,
        front_end=settings.provided.front_end,
        has_app_sign_ins=settings.provided.app_sign_in,
    )
    page_renderer = providers.Singleton(pages_building.renderer, settings)
    pages = providers.Singleton(
        pages_building.pages,
        settings,
        renderer=page_renderer,
        account_pages=providers.Singleton(
            pages_building.account_pages,
            page_renderer,
            settings,
            authenticator=authenticator,
            view_user=view_user,
            list_sessions=list_sessions,
            list_disclosures=list_disclosures,
            read_history=read_history,
            front_ends=front_end_roster,
            clock=clock,
        ),
        account_forms=providers.Singleton(
            pages_building.account_forms,
            page_renderer,
            settings,
            authenticator=authenticator,
            guard=origin_guard,
            sign_out=sign_out,
            revoke_sessions=revoke_sessions,
            renew_session=renew_session,
            unlinking=unlinking,
            cookies=session_cookies,
            visitors=visitors,
        ),
    )

    #: Entered in this order at start, and left in reverse order at stop.
    lifetimes: providers.Provider[list[AbstractAsyncContextManager[object]]] = providers.List(
        primary_watch,
        providers.Factory(opened, connection_pool),
        providers.Factory(opened, lookup_pool),
        identity_provider,
        va_token_refresher,
        spans,
        providers.Factory(client_checked, client_check, is_on=checks_client),
        providers.Factory(
            observing.metrics,
            settings,
            measurements,
            providers.Dict(sign_ins=connection_pool, validations=lookup_pool),
            vital_signs,
        ),
        providers.Factory(
            repeating,
            "read front ends",
            front_end_roster.provided.refresh,
            providers.Factory(timedelta, seconds=_FRONT_END_SECONDS),
            measurements,
            at_once=True,
        ),
        providers.Factory(
            repeating,
            "purge",
            purge_expired.provided.execute,
            providers.Factory(timedelta, minutes=settings.provided.purge_interval_minutes),
            measurements,
        ),
        providers.Factory(
            repeating,
            "shred unused tokens",
            shred_unused_tokens.provided.execute,
            providers.Factory(timedelta, minutes=settings.provided.purge_interval_minutes),
            measurements,
        ),
        providers.Factory(
            repeating,
            "revoke at VA",
            revoke_at_va.provided.execute,
            providers.Factory(timedelta, seconds=settings.provided.outbox_interval_seconds),
            measurements,
        ),
        providers.Factory(
            repeating,
            "seal the audit trail",
            seal_audit.provided.execute,
            providers.Factory(timedelta, seconds=settings.provided.audit_seal_interval_seconds),
            measurements,
        ),
        providers.Factory(
            repeating,
            "make audit partitions",
            make_audit_partitions.provided.execute,
            providers.Factory(timedelta, minutes=settings.provided.purge_interval_minutes),
            measurements,
        ),
    )
