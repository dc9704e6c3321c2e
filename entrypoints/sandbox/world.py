"""The state and the rules of the simulated VA, without HTTP."""

import hmac
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NoReturn, final

import anyio

from entrypoints.sandbox import documents
from entrypoints.sandbox.errors import (
    INVALID_GRANT,
    InsufficientScopeError,
    InvalidTokenError,
    OAuthError,
    UnknownRequestError,
)
from entrypoints.sandbox.fault_answers import Sleep
from entrypoints.sandbox.faults import (
    DISCOVERY_CHANGES,
    ID_TOKEN_CHANGES,
    KEYS_CHANGES,
    STATUS_CHANGES,
    TOKEN_CHANGES,
    USERINFO_CHANGES,
    FaultBoard,
    Habit,
)
from entrypoints.sandbox.records import (
    TOKEN_LIFETIME_SECONDS,
    AccessToken,
    AuthorizationRequest,
    BoundedStore,
    Code,
    Grant,
    RefreshToken,
)
from entrypoints.sandbox.settings import SandboxSettings
from entrypoints.sandbox.signing import IdToken, SigningKey, base64url
from entrypoints.sandbox.veterans import Veteran

_CODE_LIFETIME_SECONDS: Final = 60

_GRANT_UNKNOWN: Final = (
    "The provided authorization grant or refresh token is expired or otherwise invalid."
)
_CODE_SPENT: Final = "The authorization code is invalid or has expired."


@dataclass(slots=True, kw_only=True)
class Counters:
    """What was counted since the start."""

    requests: Counter[str] = field(default_factory=Counter)
    sign_ins: int = 0
    refreshes: int = 0
    revocations: int = 0
    redirects_followed: int = 0

    def snapshot(self) -> Mapping[str, object]:
        """Returns the counts so far."""
        return {
            "requests": self.requests,
            "sign_ins": self.sign_ins,
            "refreshes": self.refreshes,
            "revocations": self.revocations,
            "redirects_followed": self.redirects_followed,
        }


def _random_token() -> str:
    return secrets.token_urlsafe(32)


@final
class World:
    """The state of the simulated VA and the rules by which it changes.

    Args:
        settings: The registered client and the addresses.
        clock: Returns the current Unix time.
        random_token: Returns an unguessable value.
        sleep: Waits for a number of seconds. Used by faults.
        signing_key: The first signing key. Defaults to a new one.
    """

    def __init__(
        self,
        settings: SandboxSettings,
        *,
        clock: Callable[[], float] = time.time,
        random_token: Callable[[], str] = _random_token,
        sleep: Sleep = anyio.sleep,
        signing_key: SigningKey | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.sleep = sleep
        self.faults = FaultBoard()
        self.counters = Counters()
        self._random_token = random_token
        self._signing_keys = [signing_key or SigningKey.generate()]
        self._requests = BoundedStore[AuthorizationRequest](settings.capacity)
        self._codes = BoundedStore[Code](settings.capacity)
        self._access_tokens = BoundedStore[AccessToken](settings.capacity)
        self._refresh_tokens = BoundedStore[RefreshToken](settings.capacity)

    def open_request(self, request: AuthorizationRequest) -> str:
        """Stores a sign-in that waits for the Veteran's decision. Returns its id."""
        request_id = self._random_token()
        self._requests.put(request_id, request)
        return request_id

    def close_request(self, request_id: str) -> AuthorizationRequest:
        """Removes and returns a sign-in, so that the Veteran decides it only once.

        Raises:
            UnknownRequestError: The sign-in doesn't exist or has expired.
        """
        request = self._requests.pop(request_id)
        if request is None or self.clock() >= request.expires_at:
            raise UnknownRequestError
        return request

    def grant_code(self, request: AuthorizationRequest, veteran: Veteran) -> str:
        """Signs the Veteran in. Returns the authorization code."""
        now = self.clock()
        code = self._random_token()
        grant = Grant(request=request, veteran=veteran, auth_time=int(now))
        self._codes.put(code, Code(grant=grant, expires_at=now + _CODE_LIFETIME_SECONDS))
        return code

    def check_client(self, client_id: str, client_secret: str) -> None:
        """Authenticates the client.

        Raises:
            OAuthError: The id or the secret is wrong.
        """
        if client_id != self.settings.client_id:
            _refuse_client("Invalid value for 'client_id' parameter.")
        if not hmac.compare_digest(client_secret.encode(), self.settings.client_secret.encode()):
            _refuse_client("The client secret supplied for a confidential client is invalid.")

    def exchange_code(
        self, value: str, *, redirect_uri: str | None, verifier: str | None
    ) -> Mapping[str, object]:
        """Returns tokens for an authorization code.

        Raises:
            OAuthError: The code is unknown, spent or expired, or doesn't match the redirect URI
                or the verifier.
        """
        code = self._codes.get(value)
        if code is None:
            raise OAuthError(INVALID_GRANT, _GRANT_UNKNOWN)
        if code.is_spent:
            # The code may be stolen. Source: RFC 6749, section 4.1.2.
            code.grant.is_revoked = True
        if code.is_spent or self.clock() >= code.expires_at:
            raise OAuthError(INVALID_GRANT, _CODE_SPENT)
        code.is_spent = True
        request = code.grant.request
        if redirect_uri != request.redirect_uri:
            raise OAuthError(INVALID_GRANT, "The 'redirect_uri' does not match the request.")
        if not verifier_fits(verifier, request.code_challenge):
            raise OAuthError(INVALID_GRANT, "PKCE verification failed.")
        self.counters.sign_ins += 1
        refresh_token = self._random_token() if "offline_access" in request.scopes else None
        return self._issue(
            code.grant, request.scopes, refresh_token=refresh_token, nonce=request.nonce
        )

    def refresh(self, value: str, *, scopes: tuple[str, ...] = ()) -> Mapping[str, object]:
        """Returns new tokens for a refresh token, for ``scopes`` or else for all granted ones.

        The refresh token stays the same unless rotation is switched on.

        Raises:
            OAuthError: The token is unknown, replaced, revoked or expired, or a scope wasn't
                granted.
        """
        token = self._refresh_tokens.get(value)
        if token is None or not self._is_live(token):
            raise OAuthError(INVALID_GRANT, _GRANT_UNKNOWN)
        granted = token.grant.request.scopes
        if not set(scopes) <= set(granted):
            raise OAuthError("invalid_scope", "A scope was not granted before.")
        self.counters.refreshes += 1
        if self.faults.take(Habit.ROTATE_REFRESH_TOKENS):
            self._refresh_tokens.pop(value)
            value = self._random_token()
        # A refreshed ID token should have no nonce: OpenID Connect Core 1.0, section 12.2.
        return self._issue(token.grant, scopes or granted, refresh_token=value, nonce=None)

    def revoke(self, value: str) -> None:
        """Revokes a token, and its whole grant if it is a refresh token. Ignores unknown tokens."""
        if refresh_token := self._refresh_tokens.pop(value):
            refresh_token.grant.is_revoked = True
            self.counters.revocations += 1
        elif self._access_tokens.pop(value):
            self.counters.revocations += 1

    def introspect(self, value: str) -> Mapping[str, object]:
        """Returns the state of an access token or refresh token."""
        access_token = self._access_tokens.get(value)
        if access_token and self._is_live(access_token):
            return self._description(access_token.grant) | {
                "scope": " ".join(access_token.scopes),
                "token_type": "Bearer",
                "iat": access_token.issued_at,
                "exp": access_token.expires_at,
                "jti": f"AT.{base64url(sha256(value.encode()).digest())}",
            }
        refresh_token = self._refresh_tokens.get(value)
        if refresh_token and self._is_live(refresh_token):
            return self._description(refresh_token.grant) | {
                "scope": " ".join(refresh_token.grant.request.scopes),
                "exp": refresh_token.expires_at,
            }
        return {"active": False}

    def userinfo(self, value: str) -> Mapping[str, object]:
        """Returns claims about the Veteran of an access token.

        Raises:
            InvalidTokenError: The token is unknown, expired or revoked.
            InsufficientScopeError: ``openid`` was not granted.
        """
        token = self._admit(value, scope="openid")
        claims = documents.userinfo(token.grant.veteran, token.scopes)
        if self.faults.take(Habit.ICN_IN_USERINFO):
            claims = {**claims, "icn": token.grant.veteran.icn}
        return self.faults.alter(claims, USERINFO_CHANGES)

    def signed_userinfo(self, claims: Mapping[str, object]) -> str:
        """Returns the claims of userinfo as a signed JWT.

        VA doesn't do that today. Source: OpenID Connect Core 1.0, section 5.3.2.
        """
        named = {**claims, "iss": self.settings.issuer, "aud": self.settings.client_id}
        return self._unsigned(named).encode()

    def veteran_status(self, value: str) -> Mapping[str, object]:
        """Returns the status of the Veteran of an access token.

        Raises:
            InvalidTokenError: The token is unknown, expired or revoked.
            InsufficientScopeError: ``veteran_status.read`` was not granted.
        """
        token = self._admit(value, scope="veteran_status.read")
        return self.faults.alter(documents.veteran_status(token.grant.veteran), STATUS_CHANGES)

    def rotate_keys(self) -> str:
        """Signs with a new key from now on. The previous key stays published.

        Returns:
            The id of the new key.
        """
        key = SigningKey.generate()
        self._signing_keys = [key, self._signing_keys[0]]
        return key.kid

    def key_set(self) -> Mapping[str, object]:
        """Returns the published keys."""
        return self.faults.alter({"keys": [key.jwk for key in self._signing_keys]}, KEYS_CHANGES)

    def metadata(self) -> Mapping[str, object]:
        """Returns the OpenID provider metadata."""
        return self.faults.alter(documents.discovery(self.settings), DISCOVERY_CHANGES)

    def _issue(
        self, grant: Grant, scopes: tuple[str, ...], *, refresh_token: str | None, nonce: str | None
    ) -> Mapping[str, object]:
        now = int(self.clock())
        access_token = self._random_token()
        self._access_tokens.put(
            access_token, AccessToken(grant=grant, scopes=scopes, issued_at=now)
        )
        response: dict[str, object] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME_SECONDS,
            "scope": " ".join(scopes),
            "state": grant.request.state,
        }
        if refresh_token is not None:
            self._refresh_tokens.put(refresh_token, RefreshToken(grant=grant, used_at=now))
            response["refresh_token"] = refresh_token
        if "openid" in scopes:
            response["id_token"] = self._id_token(grant, access_token, nonce, now)
        if "launch/patient" in scopes and grant.veteran.icn is not None:
            response["patient"] = grant.veteran.icn
        return self.faults.alter(response, TOKEN_CHANGES)

    def _id_token(self, grant: Grant, access_token: str, nonce: str | None, now: int) -> str:
        claims = documents.id_token_claims(
            grant,
            self.settings,
            access_token=access_token,
            token_id=self._random_token(),
            now=now,
        )
        token = self._unsigned(claims if nonce is None else {**claims, "nonce": nonce})
        return self.faults.alter(token, ID_TOKEN_CHANGES).encode()

    def _unsigned(self, claims: Mapping[str, object]) -> IdToken:
        key = self._signing_keys[0]
        return IdToken(header={"alg": "RS256", "kid": key.kid}, claims=claims, key=key)

    def _admit(self, value: str, *, scope: str) -> AccessToken:
        token = self._access_tokens.get(value)
        if token is None or not self._is_live(token):
            raise InvalidTokenError
        if scope not in token.scopes:
            raise InsufficientScopeError
        return token

    def _is_live(self, token: AccessToken | RefreshToken) -> bool:
        return not token.grant.is_revoked and self.clock() < token.expires_at

    def _description(self, grant: Grant) -> dict[str, object]:
        return {
            "active": True,
            "iss": self.settings.issuer,
            "aud": "api://default",
            "sub": grant.veteran.idp_id,
            "uid": grant.veteran.okta_id,
            "username": grant.veteran.idp_id,
            "client_id": self.settings.client_id,
        }


def verifier_fits(verifier: str | None, challenge: str | None) -> bool:
    """Whether a PKCE verifier belongs to a challenge. Source: RFC 7636, section 4.6."""
    if verifier is None or challenge is None:
        # A verifier without a challenge is refused too. Source: RFC 9700, section 4.8.2.
        return verifier is challenge
    digest = base64url(sha256(verifier.encode()).digest())
    return hmac.compare_digest(digest.encode(), challenge.encode())


def _refuse_client(description: str) -> NoReturn:
    raise OAuthError("invalid_client", description, status=401)
