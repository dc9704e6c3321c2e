"""Opaque session tokens, in memory."""

import secrets
from datetime import datetime
from typing import Final, final

from application.errors import UnauthenticatedError
from application.ports.session_tokens import SessionTokens
from domain.identifiers import ICN
from domain.secret import Secret
from domain.session import Session
from domain.session_claims import SessionClaims

_TOKEN_BYTES: Final = 32


@final
class MemorySessionTokens(SessionTokens):
    """Issues random tokens and remembers the claims of each one.

    Args:
        include_icn: Whether the claims include the Veteran's ICN.
    """

    def __init__(self, *, include_icn: bool = True) -> None:
        self._include_icn = include_icn
        self._issued: dict[str, SessionClaims] = {}

    def issue(self, session: Session, icn: ICN | None, *, expires_at: datetime) -> Secret:
        claims = SessionClaims(
            user_id=session.user_id,
            session_id=session.id,
            token_id=session.token_id,
            issued_at=session.renewed_at.replace(microsecond=0),
            expires_at=expires_at,
            icn=icn if self._include_icn else None,
        )
        for token, known in self._issued.items():
            if known == claims:
                return Secret(token)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._issued[token] = claims
        return Secret(token)

    def verify(self, token: str, *, now: datetime) -> SessionClaims:
        claims = self.read(token)
        if not claims.issued_at <= now < claims.expires_at:
            raise UnauthenticatedError
        return claims

    def read(self, token: str) -> SessionClaims:
        claims = self._issued.get(token)
        if claims is None:
            raise UnauthenticatedError
        return claims
