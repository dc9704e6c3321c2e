"""Session tokens as JWTs signed with HS256."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, final
from uuid import UUID

import jwt

from application.errors import UnauthenticatedError
from application.ports.session_tokens import SessionTokens
from application.strict_json import NotStrictJSONError, object_of
from domain.errors import InvalidICNError
from domain.identifiers import ICN, SessionId, UserId
from domain.secret import Secret
from domain.session import Session
from domain.session_claims import SessionClaims

_ALGORITHM: Final = "HS256"
_TYPE: Final = "JWT"
# Our tokens are about 500 characters long. Longer input is rejected before it is parsed.
_MAX_CHARACTERS: Final = 2048
# The 43 characters of the signature hold 256 bits and two spare bits. The spare bits must be zero,
# or the same token would have more than one valid encoding.
_SHAPE: Final = re.compile(
    r"[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII
)
_REQUIRED: Final = ("sub", "iss", "aud", "iat", "exp", "jti", "sid")
# Another replica's clock may be this far ahead of ours.
_CLOCK_SKEW: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class JWTSettings:
    """How tokens are signed, and the values of their fixed claims.

    Attributes:
        secret: Signs and verifies. At least 32 bytes.
        previous_secret: Only verifies, during a change of secrets.
        include_icn: Whether tokens have the claim `va_icn`.
        cache_size: The maximum number of verified tokens in the cache. 0 turns the cache off.
    """

    secret: bytes = field(repr=False)
    previous_secret: bytes | None = field(default=None, repr=False)
    issuer: str
    audience: str
    include_icn: bool
    cache_size: int = 0


@final
class JWTSessionTokens(SessionTokens):
    """Accepts only HS256 and checks every claim strictly (RFC 8725).

    Each token is read once: its claims are cached under a digest of the token. Its times are
    checked on every call, and rejected tokens are never cached. The cache belongs to this object,
    so an object with other keys, another issuer or another audience starts with an empty cache.
    """

    def __init__(self, settings: JWTSettings) -> None:
        self._settings = settings
        keys = (settings.secret, settings.previous_secret)
        self._verification_keys = tuple(key for key in keys if key is not None)
        # PyJWS checks only the signature. We check the claims, with our own clock and strict types.
        self._codec = jwt.PyJWS(algorithms=[_ALGORITHM])
        self._verified: dict[bytes, SessionClaims] = {}

    def issue(self, session: Session, icn: ICN | None, *, expires_at: datetime) -> Secret:
        """Issues a JWT with these claims.

        Claims:
            sub: The ID of the VetAssist user (UUID).
            iss: `VETASSIST_JWT_ISSUER`.
            aud: `VETASSIST_JWT_AUDIENCE`.
            iat: When this JWT was issued.
            exp: From this second on, it is refused.
            jti: Unique for each JWT: 256 random bits.
            sid: The ID of the session (UUID). It stays the same when the session is renewed.
            va_linked: Always true.
            va_icn: The Veteran's ICN. Absent if `VETASSIST_JWT_INCLUDE_ICN` is `false`.
        """
        claims: dict[str, object] = {
            "sub": str(session.user_id),
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "iat": int(session.renewed_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": session.token_id,
            "sid": str(session.id),
            "va_linked": True,
        }
        if self._settings.include_icn and icn is not None:
            claims["va_icn"] = icn.value
        return Secret(jwt.encode(claims, self._settings.secret, algorithm=_ALGORITHM))

    def verify(self, token: str, *, now: datetime) -> SessionClaims:
        if len(token) > _MAX_CHARACTERS:
            raise UnauthenticatedError
        # The token may contain any characters, including lone surrogates.
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        claims = self._verified.get(digest)
        is_known = claims is not None
        if claims is None:
            claims = self._read(token)
        if now >= claims.expires_at or claims.valid_from > now + _CLOCK_SKEW:
            raise UnauthenticatedError
        if not is_known:
            self._remember(digest, claims)
        return claims

    def read(self, token: str) -> SessionClaims:
        if len(token) > _MAX_CHARACTERS:
            raise UnauthenticatedError
        return self._read(token)

    def _remember(self, digest: bytes, claims: SessionClaims) -> None:
        if not self._settings.cache_size:
            return
        if len(self._verified) >= self._settings.cache_size:
            # Dicts keep insertion order, so the first entry is the oldest.
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = claims

    def _read(self, token: str) -> SessionClaims:
        if not _SHAPE.fullmatch(token):
            raise UnauthenticatedError
        claims = _object_of(self._verified_payload(token, self._verification_keys))
        if not all(name in claims for name in _REQUIRED):
            raise UnauthenticatedError
        if claims["iss"] != self._settings.issuer or claims["aud"] != self._settings.audience:
            raise UnauthenticatedError
        # Nobody reads them, but another value means that the token isn't one of ours.
        _text(claims["jti"])
        _check_icn(claims.get("va_icn"))
        issued_at, expires_at = _instant(claims["iat"]), _instant(claims["exp"])
        return SessionClaims(
            user_id=UserId(_uuid(claims["sub"])),
            session_id=SessionId(_uuid(claims["sid"])),
            valid_from=max(issued_at, _instant(claims.get("nbf", claims["iat"]))),
            expires_at=expires_at,
        )

    def _verified_payload(self, token: str, keys: Sequence[bytes]) -> bytes:
        for key in keys:
            try:
                verified = self._codec.decode_complete(token, key, algorithms=[_ALGORITHM])
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, RecursionError) as error:
                raise UnauthenticatedError from error
            if verified["header"].get("typ") != _TYPE:
                raise UnauthenticatedError
            payload: bytes = verified["payload"]
            return payload
        raise UnauthenticatedError


def _object_of(payload: bytes) -> dict[str, Any]:
    try:
        return object_of(payload)
    except NotStrictJSONError as error:
        raise UnauthenticatedError from error


def _instant(value: object) -> datetime:
    # bool is a subclass of int. Huge numbers are out of range for a date.
    if type(value) is not int:
        raise UnauthenticatedError
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UnauthenticatedError from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UnauthenticatedError
    return value


def _uuid(value: object) -> UUID:
    text = _text(value)
    try:
        parsed = UUID(text)
    except ValueError as error:
        raise UnauthenticatedError from error
    # Accept only the canonical form: no braces, no upper case, no missing hyphens.
    if str(parsed) != text:
        raise UnauthenticatedError
    return parsed


def _check_icn(value: object) -> None:
    try:
        if value is not None:
            ICN.parse(value)
    except InvalidICNError as error:
        raise UnauthenticatedError from error
