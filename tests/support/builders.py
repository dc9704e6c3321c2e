"""Values for tests: each call gives its own ids, so no two tests meet in a store."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from application.login_starts import VALoginStarted
from application.ports.identity_provider import CallbackParameters, ProviderSignIn
from domain.audit_event import AuditEvent
from domain.audit_seal import GENESIS, BatchHeader, SealedBatch
from domain.data_key import DATA_KEY_BYTES, DataKey, WrappedDataKey
from domain.front_end import FrontEnd, FrontEndId, SessionDelivery
from domain.identifiers import ICN, SessionId, TokenId, UserId
from domain.login_attempt import LoginAttempt, LoginSecrets
from domain.refresh_token import RefreshToken
from domain.return_path import ReturnPath
from domain.secret import Secret
from domain.session import Session
from domain.session_limits import SessionLimits
from domain.trail_row import Place
from domain.va_identity import VAAccount, VAIdentity
from domain.va_revocation import VARevocation
from domain.va_tokens import SealedVATokens, VATokens
from domain.veteran_status import VeteranStatus
from domain.visitor import Visitor

#: When tests take place; a whole second, as a JWT can say no more.
NOW: Final = datetime(2026, 1, 20, 17, 30, tzinfo=UTC)
LIMITS: Final = SessionLimits()
#: How long an attempt may take, by default.
LOGIN_LIFETIME: Final = timedelta(minutes=60)
ISSUER: Final = "https://issuer.example/oauth2/verification"


def a_front_end(origin: str | None = None, **changes: Any) -> FrontEnd:
    """A registered front end, at an origin of its own."""
    given: dict[str, Any] = {
        "id": FrontEndId(uuid4()),
        "name": "Staging",
        "url": f"{origin or f'https://{uuid4().hex}.example.org'}/app",
        "delivery": SessionDelivery.COOKIE,
        "created_at": NOW,
    }
    return FrontEnd(**(given | changes))


def the_settings_front_end() -> FrontEnd:
    """The front end of the default settings."""
    return FrontEnd.of_settings(url="https://vetassist.ganuda.us", delivery=SessionDelivery.QUERY)


def an_icn() -> ICN:
    """A person nobody has met before."""
    return ICN(f"{secrets.randbelow(10**10):010d}V{secrets.randbelow(10**6):06d}")


def a_user_id() -> UserId:
    return UserId(uuid4())


def a_session_id() -> SessionId:
    return SessionId(uuid4())


def a_token_id() -> TokenId:
    return TokenId(secrets.token_urlsafe(32))


def a_subject() -> str:
    """An account at the provider, in the form of VA's."""
    return f"00u{secrets.token_hex(8)}"


def an_account() -> VAAccount:
    """Somebody's account at the provider."""
    return VAAccount(issuer=ISSUER, subject=a_subject())


def a_visitor(user_agent: str | None = "Mozilla/5.0 (X11; Linux x86_64)") -> Visitor:
    return Visitor(
        address_hash=secrets.token_hex(32),
        user_agent=user_agent,
        user_agent_hash=None if user_agent is None else secrets.token_hex(32),
        key_id=secrets.token_hex(8),
        request_id=f"{secrets.token_hex(6)}-1",
    )


def an_identity(
    icn: ICN | None = None,
    *,
    subject: str | None = None,
    issuer: str = ISSUER,
    status: VeteranStatus | None = VeteranStatus.CONFIRMED,
    given_name: str | None = "Tamara",
    family_name: str | None = "Ellis",
    email: str | None = "tamara.ellis@veterans.example",
) -> VAIdentity:
    """A person VA vouched for in full; a new one unless ``icn`` names somebody."""
    return VAIdentity(
        issuer=issuer,
        subject=subject or a_subject(),
        icn=icn or an_icn(),
        status=status,
        given_name=given_name,
        family_name=family_name,
        email=email,
        is_complete=True,
    )


def a_session(
    user_id: UserId | None = None,
    *,
    now: datetime = NOW,
    limits: SessionLimits = LIMITS,
    visitor: Visitor | None = None,
) -> Session:
    return Session.issue(
        session_id=a_session_id(),
        user_id=user_id or a_user_id(),
        token_id=a_token_id(),
        visitor=visitor or a_visitor(),
        now=now,
        limits=limits,
    )


def a_refresh_token(session: Session) -> RefreshToken:
    """A token that could renew the session, once it is handed out."""
    return RefreshToken(
        user_id=session.user_id,
        session_id=session.id,
        secret=Secret(secrets.token_urlsafe(32)),
    )


def a_data_key(user_id: UserId | None = None, *, version: int = 1) -> DataKey:
    return DataKey(
        user_id=user_id or a_user_id(), version=version, key=secrets.token_bytes(DATA_KEY_BYTES)
    )


def a_wrapped_key(
    user_id: UserId | None = None, *, master_key_id: str = "k1", version: int = 1
) -> WrappedDataKey:
    """A key in the form in which it is stored; what it holds is of no matter to a store."""
    return WrappedDataKey(
        user_id=user_id or a_user_id(),
        version=version,
        master_key_id=master_key_id,
        box=secrets.token_urlsafe(60).encode(),
    )


def a_va_revocation(
    user_id: UserId | None = None,
    *,
    now: datetime = NOW,
    due_at: datetime | None = None,
    master_key_id: str = "k1",
) -> VARevocation:
    """An entry of the outbox, due at once unless ``due_at`` says when."""
    owner = user_id or a_user_id()
    return VARevocation(
        id=uuid4(),
        user_id=owner,
        key=a_wrapped_key(owner, master_key_id=master_key_id),
        token=secrets.token_urlsafe(48).encode(),
        is_refresh_token=True,
        created_at=now,
        due_at=due_at or now,
    )


def some_tokens(*, refresh: bool = True, now: datetime = NOW) -> VATokens:
    """What VA's token endpoint gives; ``refresh`` says whether it gives a refresh token."""
    return VATokens(
        access_token=Secret(secrets.token_urlsafe(32)),
        refresh_token=Secret(secrets.token_urlsafe(32)) if refresh else None,
        id_token=Secret(secrets.token_urlsafe(32)),
        token_type="Bearer",
        scope="openid profile offline_access veteran_status.read",
        expires_at=now + timedelta(hours=1),
    )


def some_sealed_tokens(
    user_id: UserId, *, refresh: bool = True, scope: str = "openid", now: datetime = NOW
) -> SealedVATokens:
    """Tokens in the form in which they are stored; what they say is of no matter to a vault."""
    return SealedVATokens(
        user_id=user_id,
        access_token=secrets.token_urlsafe(48).encode(),
        refresh_token=secrets.token_urlsafe(48).encode() if refresh else None,
        id_token=secrets.token_urlsafe(48).encode(),
        token_type="Bearer",
        scope=scope,
        expires_at=now + timedelta(hours=1),
    )


def a_provider_sign_in(
    identity: VAIdentity | None = None, tokens: VATokens | None = None
) -> ProviderSignIn:
    return ProviderSignIn(identity=identity or an_identity(), tokens=tokens or some_tokens())


def some_login_secrets() -> LoginSecrets:
    return LoginSecrets(
        state=Secret(secrets.token_urlsafe(32)), browser=Secret(secrets.token_urlsafe(32))
    )


def a_login_start(*, visitor: Visitor | None = None, now: datetime = NOW) -> AuditEvent:
    """What the audit says of an attempt that begins."""
    return AuditEvent.login_started(visitor=visitor or a_visitor(), now=now)


def a_login_attempt(
    login_secrets: LoginSecrets | None = None,
    *,
    return_to: ReturnPath | None = None,
    now: datetime = NOW,
    is_restart: bool = False,
) -> LoginAttempt:
    return LoginAttempt.begin(
        login_secrets or some_login_secrets(),
        return_to=return_to,
        now=now,
        lifetime=LOGIN_LIFETIME,
        is_restart=is_restart,
    )


def a_started_login(
    login_secrets: LoginSecrets | None = None,
    *,
    return_to: ReturnPath | None = None,
    now: datetime = NOW,
    is_restart: bool = False,
) -> VALoginStarted:
    """An attempt whose browser is on its way to the provider."""
    login_secrets = login_secrets or some_login_secrets()
    attempt = a_login_attempt(login_secrets, return_to=return_to, now=now, is_restart=is_restart)
    return VALoginStarted(
        authorization_url="https://va.example/authorization",
        secrets=login_secrets,
        attempt=attempt,
    )


def a_sealed_batch(number: int = 1, *, previous: SealedBatch | None = None) -> SealedBatch:
    """A batch over rows that are nowhere, sealed with a key that nobody has."""
    header = BatchHeader(
        number=number,
        month="2026-01",
        count=10,
        total=10 * number,
        first_row=10 * number - 9,
        last_row=10 * number,
        root=secrets.token_bytes(32),
        previous=GENESIS if previous is None else previous.hash,
        horizon=Place(transaction=700 + number, row=10 * number),
        sealed_at=NOW + timedelta(microseconds=number),
        key_id=secrets.token_hex(8),
    )
    return SealedBatch(header=header, mac=secrets.token_bytes(32))


def a_callback(parameters: Mapping[str, str | list[str]]) -> CallbackParameters:
    """A callback with these parameters; a list repeats one."""
    return CallbackParameters(Secret(urlencode(parameters, doseq=True)))
