"""What is asked about a request, and what the answer means. Nothing here does I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

import httpx

from vetassist_client.errors import CrossSiteRequestError, NoSessionError, UnavailableError

#: Names and values of header fields, as ASGI (bytes) or WSGI frameworks (str) have them.
Headers = Iterable[tuple[bytes, bytes]] | Iterable[tuple[str, str]]

_BEARER: Final = re.compile(rb"bearer +([^ ]+)", re.IGNORECASE)
_COOKIE: Final = b"vetassist_session"
_HOST_PREFIX: Final = b"__Host-"
# They show whether another site made the request.
_ORIGIN_FIELDS: Final = frozenset({b"origin", b"sec-fetch-site"})
# RFC 9110, section 5.5, and the methods of section 9.1.
_FIELD_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_CHALLENGE: Final = re.compile(r"[\t\x20-\x7e]+")
_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_DEFAULT_RETRY_AFTER: Final = 2
_LONGEST_RETRY_AFTER: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user and session of a request. Valid for this request only.

    Attributes:
        user_id: The user.
        session_id: The session.
        jwt: The JWT of the request, to be exchanged for VA's access token.
        by_cookie: Whether a cookie shows the session. A browser adds cookies to requests that
            other sites make, too. The check refuses those, unless the method is a safe one.
    """

    user_id: UUID
    session_id: UUID
    jwt: str = field(repr=False)
    by_cookie: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The complete answer of a server."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The question whether a request has a session that stands.

    Attributes:
        headers: The headers to send: the credential, and what shows another site's requests.
        credential: The JWT of the request. Empty if the service has to look for it.
        by_cookie: Whether the credential is a cookie.
    """

    headers: list[tuple[bytes, bytes]] = field(repr=False)
    credential: bytes = field(repr=False)
    by_cookie: bool

    @classmethod
    def about(cls, method: str, headers: Headers, *, front_end: UUID | None = None) -> "Question":
        """Returns the question about a request.

        Args:
            method: The method of the request.
            headers: All headers as received. Only those needed are passed on.
            front_end: The front end whose cookie counts; None for the one of the settings.

        Raises:
            NoSessionError: The request has no credential, so there is no need to ask.
        """
        fields = [(_octets(name).lower(), _octets(value).strip()) for name, value in headers]
        # Some proxies send an empty field if the client sent none.
        authorizations = [value for name, value in fields if name == b"authorization" and value]
        cookies = [
            pair for name, value in fields if name == b"cookie" for pair in _pairs(value, front_end)
        ]
        if authorizations:
            credentials = [(b"Authorization", value) for value in authorizations]
            bearer = _BEARER.fullmatch(authorizations[0])
            jwt = bearer[1] if bearer else b""
        elif cookies:
            credentials = [(b"Cookie", b"; ".join(cookies))]
            # With https, only the cookie with the prefix counts.
            jwt = max(cookies, key=lambda pair: pair.startswith(_HOST_PREFIX)).partition(b"=")[2]
        else:
            raise NoSessionError
        passed_on = credentials + [each for each in fields if each[0] in _ORIGIN_FIELDS]
        if not _METHOD.fullmatch(method) or not all(
            _FIELD_VALUE.fullmatch(value) for _, value in passed_on
        ):
            raise NoSessionError
        return cls(
            headers=[*passed_on, (b"X-Forwarded-Method", method.encode())],
            credential=jwt,
            by_cookie=not authorizations,
        )

    def caller(self, answer: Answer) -> Caller:
        """Returns the caller that the service names.

        Raises:
            NoSessionError: There is no session that stands.
            CrossSiteRequestError: Another site made the request.
            UnavailableError: The answer is another one. It says nothing about the session.
        """
        if answer.status == HTTPStatus.UNAUTHORIZED:
            challenge = answer.headers.get("WWW-Authenticate", "")
            raise NoSessionError(challenge) if _CHALLENGE.fullmatch(challenge) else NoSessionError
        if answer.status == HTTPStatus.FORBIDDEN:
            raise CrossSiteRequestError
        if answer.status != HTTPStatus.OK:
            raise UnavailableError(retry_after(answer.headers))
        return Caller(
            user_id=_uuid(answer.headers, "X-Auth-User"),
            session_id=_uuid(answer.headers, "X-Auth-Session"),
            jwt=self.credential.decode("latin-1"),
            by_cookie=self.by_cookie,
        )


def retry_after(headers: httpx.Headers) -> int:
    """Returns the seconds of `Retry-After`, or a short time if there is no usable value.

    Source: RFC 9110, section 10.2.3: a number of seconds, or a date.
    """
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        return min(int(value), _LONGEST_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return _DEFAULT_RETRY_AFTER
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0, min(round(seconds), _LONGEST_RETRY_AFTER))


def _octets(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def _pairs(header: bytes, front_end: UUID | None) -> list[bytes]:
    """The session cookies of a front end. The other cookies are none of the service's business."""
    name = _COOKIE if front_end is None else _COOKIE + b"_" + front_end.hex.encode()
    names = (name, _HOST_PREFIX + name)
    pairs = [pair.strip() for pair in header.split(b";")]
    return [pair for pair in pairs if pair.partition(b"=")[0] in names and b"=" in pair]


def _uuid(headers: httpx.Headers, name: str) -> UUID:
    """Returns the UUID of a header. Without one, the answer isn't from the session service."""
    text = headers.get(name, "")
    if not _UUID.fullmatch(text):
        raise UnavailableError
    return UUID(text)
