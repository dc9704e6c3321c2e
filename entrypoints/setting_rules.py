"""Rules that check the text of a setting and turn it into a value.

Each rule raises a ValueError that says what is wrong and never quotes the text.
"""

import ipaddress
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final, TypeVar, final

from domain.safe_url import is_safe_url
from domain.secret import Secret, SecretBytes
from entrypoints.storage import is_connection_url

_T = TypeVar("_T")

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

_TRUE: Final = frozenset({"true", "1", "yes", "on", "y", "t"})
_FALSE: Final = frozenset({"false", "0", "no", "off", "n", "f"})
_KEY_BYTES: Final = 32
_HEX: Final = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_OPERATOR: Final = re.compile(r"[A-Za-z0-9._@+-]{0,64}", re.ASCII)
_PHONE: Final = re.compile(
    r"(?=(?:[^0-9]*[0-9]){3})[0-9+(). -]{3,32}(?: ?(?:ext\.?|x) ?[0-9]{1,6})?", re.ASCII
)
_EMAIL: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)
_PLACEHOLDER: Final = re.compile(
    r"change.?me|placeholder|example|your.?(secret|key)|password|<[^>]*>", re.IGNORECASE
)
# VA chooses the client secret, so only obvious placeholders are refused.
_NO_SECRET: Final = re.compile(
    r"change.?me|placeholder|(your.?)?(client.?)?secret|<[^>]*>", re.IGNORECASE
)
# 32 random bytes have about 30 distinct values, and as many distinct differences between
# neighbors. Fewer than this means that the key isn't random.
_MIN_DISTINCT: Final = 12


@final
class ReadBy:
    """Marks the type of a setting with the rule that reads its text."""

    def __init__(self, rule: Callable[[str], object]) -> None:
        self.rule = rule


def whole_number(least: Any, most: Any) -> Callable[[str], int]:
    """A whole number from ``least`` to ``most``, or from ``least`` on if ``most`` is None."""
    allowed = f"{least} or more" if most is None else f"{least} to {most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"must be a whole number: {allowed}") from None
        if number < least or (most is not None and number > most):
            raise ValueError(f"must be {allowed}")
        return number

    return read


def one_of(values: Mapping[str, _T]) -> Callable[[str], _T]:
    """One of the words in ``values``; read as the value of that word."""

    def read(text: str) -> _T:
        if text not in values:
            raise ValueError(f"must be one of: {', '.join(values)}")
        return values[text]

    return read


def non_empty(text: str) -> str:
    """Any text but the empty one."""
    if not text:
        raise ValueError("must not be empty")
    return text


def flag(text: str) -> bool:
    """``true`` or ``false``, or one of their usual synonyms."""
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("must be true or false")


def http_url(text: str) -> str:
    """An https URL, or an http URL on a loopback host."""
    if not is_safe_url(text):
        raise ValueError(
            "must be an https URL without credentials or fragment; http is for loopback hosts only"
        )
    return text


def http_url_or_none(text: str) -> str | None:
    """The same, or None if the text is empty."""
    return http_url(text) if text else None


def base_url(text: str) -> str:
    """A URL that paths are appended to."""
    if "?" in http_url(text):
        raise ValueError("must not carry a query")
    return text.rstrip("/")


def database_url(text: str) -> Secret:
    """The database's connection URL."""
    if not is_connection_url(text):
        raise ValueError("is not a PostgreSQL connection URL")
    return Secret(text)


def client_secret(text: str) -> Secret:
    """The client secret from VA."""
    if not text:
        raise ValueError("must not be empty")
    if _NO_SECRET.fullmatch(text):
        raise ValueError("is a placeholder; VA gives the secret")
    return Secret(text)


def signing_secret(text: str) -> Secret:
    """A secret of at least 32 bytes (RFC 7518, section 3.2), as text or as hex digits."""
    if _PLACEHOLDER.search(text):
        raise ValueError("is a placeholder; generate a secret")
    _strong(bytes_of(text))
    return Secret(text)


def bytes_of(text: str) -> bytes:
    """The bytes of a secret. Hex digits are decoded, and any other text is encoded."""
    is_hex = _HEX.fullmatch(text) and len(text) % 2 == 0
    return bytes.fromhex(text) if is_hex else text.encode()


def hex_key(text: str) -> SecretBytes:
    """A key of at least 32 bytes, in hex digits."""
    if _PLACEHOLDER.search(text):
        raise ValueError("is a placeholder; generate a key")
    if not _HEX.fullmatch(text) or len(text) % 2:
        raise ValueError("must be hex digits, at least 64")
    return SecretBytes(_strong(bytes.fromhex(text)))


def hex_keys(text: str) -> tuple[SecretBytes, ...]:
    """Keys as for ``hex_key``, separated by commas."""
    keys = []
    # Errors count the entries and never quote them.
    for position, entry in enumerate(text.split(",") if text else [], start=1):
        try:
            keys.append(hex_key(entry.strip()))
        except ValueError as fault:
            raise ValueError(f"key {position} {fault}") from None
    return tuple(keys)


def token_keys(text: str) -> dict[str, SecretBytes]:
    """``kid:key`` entries, separated by commas. Each key is 32 bytes in base64url."""
    keys: dict[str, SecretBytes] = {}
    for position, entry in enumerate(text.split(","), start=1):
        # Errors count the entries. Quoting the kid could quote a key whose kid is missing.
        key_id, _, encoded = entry.strip().partition(":")
        if not _KEY_ID.fullmatch(key_id) or not encoded or key_id in keys:
            raise ValueError(
                "needs entries of the form kid:key with different kids, comma-separated"
            )
        if not _BASE64URL.fullmatch(encoded):
            raise ValueError(f"key {position} is not base64url")
        try:
            key = urlsafe_b64decode(encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4))
        except ValueError:
            raise ValueError(f"key {position} is not base64url") from None
        if len(key) != _KEY_BYTES:
            raise ValueError(f"key {position} is not 32 bytes long")
        keys[key_id] = SecretBytes(_strong(key))
    return keys


def operator_or_none(text: str) -> str | None:
    """The name of an operator, or None if the text is empty."""
    if not _OPERATOR.fullmatch(text):
        raise ValueError("must be one word of up to 64 letters, digits and ._@+-")
    return text or None


def words(text: str) -> tuple[str, ...]:
    """Words, separated by spaces."""
    return tuple(text.split())


def networks(text: str) -> Networks:
    """Networks or single addresses, separated by commas. They must not cover every address."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    try:
        read = tuple(ipaddress.ip_network(entry) for entry in entries)
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, comma-separated") from None
    four = [network for network in read if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in read if isinstance(network, ipaddress.IPv6Network)]
    joined: Networks = (*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six))
    if any(network.prefixlen == 0 for network in joined):
        raise ValueError("must not trust every address")
    return read


def text_or_none(text: str) -> str | None:
    """The text, or None if it is empty."""
    return text or None


def phone_or_none(text: str) -> str | None:
    """A telephone number as a person writes it, or None if the text is empty."""
    if text and not _PHONE.fullmatch(text):
        raise ValueError("must be a telephone number, such as +1 800 555 0100 ext. 5")
    return text or None


def email_or_none(text: str) -> str | None:
    """An e-mail address that needs no escaping in a link, or None if the text is empty."""
    if text and not _EMAIL.fullmatch(text):
        raise ValueError("must be an e-mail address such as help@example.org")
    return text or None


def _strong(key: bytes) -> bytes:
    if len(key) < _KEY_BYTES:
        raise ValueError("is too short: needs at least 32 random bytes (64 hex digits)")
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if len(set(key)) < _MIN_DISTINCT or len(steps) < _MIN_DISTINCT:
        raise ValueError("is too regular to be random; generate it")
    return key
