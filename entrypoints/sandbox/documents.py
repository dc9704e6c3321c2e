"""The JSON documents and claims that VA returns, as plain values."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from entrypoints.sandbox.records import TOKEN_LIFETIME_SECONDS, Grant
from entrypoints.sandbox.settings import SandboxSettings
from entrypoints.sandbox.signing import base64url
from entrypoints.sandbox.veterans import Veteran

OAUTH_BASE: Final = "/oauth2/veteran-verification/v1"
STATUS_PATH: Final = "/services/veteran_verification/v2/status"

#: ``launch/patient`` belongs to VA's other APIs. It is here so that tests can get ``patient``.
SCOPES: Final = (
    "openid",
    "profile",
    "offline_access",
    "veteran_status.read",
    "service_history.read",
    "disability_rating.read",
    "disability_rating_summary.read",
    "enrolled_benefits.read",
    "flashes.read",
    "permanent_and_total_disability.read",
    "launch/patient",
)
_ACCOUNTS_UPDATED_AT: Final = 1_700_000_000


def discovery(settings: SandboxSettings) -> Mapping[str, object]:
    """Returns the OpenID provider metadata."""
    base = f"{settings.public_url}{OAUTH_BASE}"
    auth_methods = ["client_secret_basic", "client_secret_post"]
    return {
        "issuer": settings.issuer,
        "authorization_endpoint": f"{base}/authorization",
        "token_endpoint": f"{base}/token",
        "userinfo_endpoint": f"{base}/userinfo",
        "jwks_uri": f"{base}/keys",
        "revocation_endpoint": f"{base}/revoke",
        "introspection_endpoint": f"{base}/introspect",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": list(SCOPES),
        "token_endpoint_auth_methods_supported": auth_methods,
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "introspection_endpoint_auth_methods_supported": auth_methods,
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": [
            *("iss", "sub", "aud", "iat", "exp", "jti", "auth_time", "amr", "idp", "nonce"),
            *("at_hash", "ver", "name", "given_name", "middle_name", "family_name", "email"),
            *("preferred_username", "locale", "zoneinfo", "updated_at"),
        ],
        "request_parameter_supported": False,
    }


def id_token_claims(
    grant: Grant, settings: SandboxSettings, *, access_token: str, token_id: str, now: int
) -> Mapping[str, object]:
    """Returns the claims of an ID token, without the nonce. The caller adds it."""
    claims = {
        "ver": 1,
        "jti": f"ID.{token_id}",
        "iss": settings.issuer,
        "sub": grant.veteran.okta_id,
        "aud": settings.client_id,
        "iat": now,
        "exp": now + TOKEN_LIFETIME_SECONDS,
        "amr": ["mfa", "pwd"],
        "idp": "0oa00000000000000000",
        "auth_time": grant.auth_time,
        "at_hash": _at_hash(access_token),
    }
    if "profile" not in grant.request.scopes:
        return claims
    return {**claims, "name": grant.veteran.name, "preferred_username": grant.veteran.idp_id}


def userinfo(veteran: Veteran, scopes: tuple[str, ...]) -> Mapping[str, object]:
    """Returns the claims of the userinfo endpoint."""
    if "profile" not in scopes:
        return {"sub": veteran.okta_id}
    claims = {
        "sub": veteran.okta_id,
        "name": veteran.name,
        "locale": "en-US",
        "email": veteran.email,
        "preferred_username": veteran.idp_id,
        "given_name": veteran.given_name,
        "middle_name": veteran.middle_name,
        "family_name": veteran.family_name,
        "zoneinfo": "America/Los_Angeles",
        "updated_at": _ACCOUNTS_UPDATED_AT,
    }
    return {name: claim for name, claim in claims.items() if claim is not None}


def veteran_status(veteran: Veteran) -> Mapping[str, object]:
    """Returns the answer of the status API. If VA didn't find the person, ``id`` is null."""
    attributes = {"veteran_status": veteran.status}
    if veteran.not_confirmed_reason:
        attributes["not_confirmed_reason"] = veteran.not_confirmed_reason
    return {
        "data": {
            "id": veteran.icn,
            "type": "veteran_status_confirmations",
            "attributes": attributes,
        }
    }


def _at_hash(access_token: str) -> str:
    # Source: OpenID Connect Core 1.0, section 3.1.3.6.
    return base64url(sha256(access_token.encode()).digest()[:16])
