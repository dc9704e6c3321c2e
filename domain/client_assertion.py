"""The claims of a client's assertion.

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
from domain.web_url import canonical_url

#: The longest lifetime of an assertion. Used assertions are remembered for as long.
MAX_ASSERTION_LIFETIME: Final = timedelta(minutes=5)
#: How far the client's clock may differ from ours, in either direction.
CLOCK_SKEW: Final = timedelta(seconds=60)
_ID: Final = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)
# The end of the year 9999, the last one that datetime can represent.
_MAX_NUMERIC_DATE: Final = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAssertion:
    """An assertion with valid claims. It may have been used before.

    Attributes:
        forget_at: First instant (UTC) at which it is refused as expired and can be forgotten.
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
        """Checks the claims of an assertion whose signature was verified.

        Raises:
            InvalidAssertionError: A claim is missing or invalid.
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
    """Returns the client that the assertion names as its issuer and subject.

    Raises:
        InvalidAssertionError: They differ, or aren't a client id in canonical spelling.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or claims.get("iss") != subject:
        raise InvalidAssertionError("assertion_client")
    client_id = parse_client_id(subject)
    if client_id is None:
        raise InvalidAssertionError("assertion_client")
    return client_id


def _check_audience(audience: object, ours: frozenset[str]) -> None:
    # If it named several servers, each of them could present it to the others.
    audiences = audience if isinstance(audience, list) else [audience]
    if len(audiences) != 1 or _canonical(audiences[0]) not in ours:
        raise InvalidAssertionError("assertion_audience")


def _canonical(audience: object) -> str | None:
    """The audience in the form of our own URLs: a client may know one as the operator wrote it."""
    try:
        return canonical_url(audience).rstrip("/") if isinstance(audience, str) else None
    except ValueError:
        return None


def _instant(claims: Mapping[str, Any], name: str) -> datetime:
    # RFC 7519 allows fractions. In Python, a bool is also an int.
    value: Any = claims.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= _MAX_NUMERIC_DATE:
        return datetime.fromtimestamp(value, UTC)
    raise InvalidAssertionError(f"assertion_{name}")
