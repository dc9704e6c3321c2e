"""Opaque session tokens, in memory."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, final

from application.errors import UnauthenticatedError
from application.ports.session_tokens import SessionTokens
from domain.identifiers import ICN, TokenId
from domain.secret import Secret
from domain.session import Session
from domain.session_claims import SessionClaims

_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedClaims:
    """All claims of a token, of which the service itself doesn't need the last two."""

    session: SessionClaims
    token_id: TokenId
    icn: ICN | None


@final
class MemorySessionTokens(SessionTokens):
    """Issues random tokens and remembers the claims of each one.

    Args:
        include_icn: Whether the claims include the Veteran's ICN.

    Attributes:
        issued: The claims of each token.
    """

    def __init__(self, *, include_icn: bool = True) -> None:
        self._include_icn = include_icn
        self.issued: dict[str, IssuedClaims] = {}

    def issue(self, session: Session, icn: ICN | None, *, expires_at: datetime) -> Secret:
        claims = IssuedClaims(
            session=SessionClaims(
                user_id=session.user_id,
                session_id=session.id,
                valid_from=session.renewed_at.replace(microsecond=0),
                expires_at=expires_at,
            ),
            token_id=session.token_id,
            icn=icn if self._include_icn else None,
        )
        for token, known in self.issued.items():
            if known == claims:
                return Secret(token)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.issued[token] = claims
        return Secret(token)

    def verify(self, token: str, *, now: datetime) -> SessionClaims:
        claims = self.read(token)
        if not claims.valid_from <= now < claims.expires_at:
            raise UnauthenticatedError
        return claims

    def read(self, token: str) -> SessionClaims:
        claims = self.issued.get(token)
        if claims is None:
            raise UnauthenticatedError
        return claims.session
