"""Builds what needs keys: key rings, session tokens and client assertions."""

from adapters.client_assertions.jwt_client_assertions import JWTClientAssertions
from adapters.encryption.audit_keys import AuditKeyRing
from adapters.encryption.key_ring import KeyRing
from adapters.session_tokens.jwt_session_tokens import JWTSettings
from adapters.session_tokens.signed_attempt_notes import SignedAttemptNotes
from adapters.session_tokens.signed_refresh_tokens import SignedRefreshTokens
from entrypoints.settings import Settings
from entrypoints.web.token_endpoint import TOKEN_PATH


def key_ring(settings: Settings) -> KeyRing:
    """The master keys, the current one first."""
    return KeyRing({key_id: key.reveal() for key_id, key in settings.token_keys.items()})


def audit_keys(settings: Settings) -> AuditKeyRing:
    """The current audit key and the previous ones."""
    return AuditKeyRing(
        settings.audit_key.reveal(),
        [key.reveal() for key in settings.audit_previous_keys],
    )


def jwt_settings(settings: Settings) -> JWTSettings:
    """How session tokens are signed."""
    previous = settings.jwt_previous_secret
    return JWTSettings(
        secret=settings.jwt_secret.reveal().encode(),
        previous_secret=None if previous is None else previous.reveal().encode(),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        include_icn=settings.jwt_include_icn,
        cache_size=settings.jwt_cache_size,
    )


def refresh_tokens(settings: JWTSettings) -> SignedRefreshTokens:
    """Refresh tokens, signed with the secret of session tokens."""
    return SignedRefreshTokens(secret=settings.secret, previous_secret=settings.previous_secret)


def attempt_notes(settings: JWTSettings) -> SignedAttemptNotes:
    """Notes of attempts, signed with the secret of session tokens."""
    return SignedAttemptNotes(secret=settings.secret, previous_secret=settings.previous_secret)


def client_assertions(settings: Settings) -> JWTClientAssertions:
    """The verifier of client assertions that are addressed to this service."""
    # Clients use either (RFC 7523, section 3; RFC 7521, section 4.1). Both mean this service.
    return JWTClientAssertions(audiences=(settings.public_url, settings.public_url + TOKEN_PATH))
