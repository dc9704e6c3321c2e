"""What a client's assertion has to say.

Source: RFC 7523, section 3; RFC 7521, section 5.2.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from domain.errors import InvalidAssertionError
from domain.service_client import ClientId, parse_client_id

#: The longest that an assertion may have to live. Each is remembered for as long.
MAX_ASSERTION_LIFETIME: Final = timedelta(minutes=5)
#: How far the client's clock may be from ours, either way.
CLOCK_SKEW: Final = timedelta(seconds=60)
_ID: Final = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)
# Beyond this no clock of ours goes; it keeps the arithmetic in bounds.
_MAX_NUMERIC_DATE: Final = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAssertion:
    """An assertion whose claims hold; whether it was used before is another question.

    Attributes:
        forget_at: First instant (UTC) at which it would be refused for its age anyway.
    """

    client_id: ClientId
    id_hash: bytes
    forget_at: datetime

    @classmethod
    def of(
        cls,
        claims: Mapping[str, Any],
        *,
        client_id: ClientId,
        audiences: frozenset[str],
        now: datetime,
    ) -> Self:
        """Judge the claims of an assertion whose signature is the client's.

        Raises:
            InvalidAssertionError: One of them is missing, or does not hold.
        """
        if claimed_client(claims) != client_id:
            raise InvalidAssertionError("assertion_client")
        _check_audience(claims.get("aud"), audiences)
        assertion_id = claims.get("jti")
        if not isinstance(assertion_id, str) or not _ID.fullmatch(assertion_id):
            raise InvalidAssertionError("assertion_jti")
        expires_at = _instant(claims, "exp")
        issued_at = _instant(claims, "iat")
        not_before = _instant(claims, "nbf") if "nbf" in claims else issued_at
        if now - CLOCK_SKEW >= expires_at:
            raise InvalidAssertionError("assertion_expired")
        if expires_at > now + MAX_ASSERTION_LIFETIME + CLOCK_SKEW:
            raise InvalidAssertionError("assertion_lives_too_long")
        if max(issued_at, not_before) > now + CLOCK_SKEW:
            raise InvalidAssertionError("assertion_from_the_future")
        return cls(
            client_id=client_id,
            id_hash=hashlib.sha256(assertion_id.encode()).digest(),
            forget_at=expires_at + CLOCK_SKEW,
        )


def claimed_client(claims: Mapping[str, Any]) -> ClientId:
    """Whose assertion it says it is: issuer and subject are the client.

    Raises:
        InvalidAssertionError: It does not say so, or in a spelling that is none of ours.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or claims.get("iss") != subject:
        raise InvalidAssertionError("assertion_client")
    client_id = parse_client_id(subject)
    if client_id is None:
        raise InvalidAssertionError("assertion_client")
    return client_id


def _check_audience(audience: object, ours: frozenset[str]) -> None:
    # One that is good for several servers, each of them could use at the others.
    audiences = audience if isinstance(audience, list) else [audience]
    if len(audiences) != 1 or not isinstance(audiences[0], str) or audiences[0] not in ours:
        raise InvalidAssertionError("assertion_audience")


def _instant(claims: Mapping[str, Any], name: str) -> datetime:
    # RFC 7519 lets it be a fraction; bool is an int to Python only.
    value: Any = claims.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= _MAX_NUMERIC_DATE:
        return datetime.fromtimestamp(value, UTC)
    raise InvalidAssertionError(f"assertion_{name}")
