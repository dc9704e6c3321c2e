"""Rules that check the text of a setting and turn it into a value.

Each rule raises a ValueError that says what is wrong and never quotes the text.
"""

import ipaddress
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final, TypeVar, final

from domain import operator
from domain.errors import InvalidOperatorError
from domain.safe_url import is_safe_url
from domain.secret import Secret, SecretBytes
from domain.web_url import canonical_url
from entrypoints.storage import connection_url_fault

_T = TypeVar("_T")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = tuple[Network, ...]

_TRUE: Final = frozenset({"true", "1", "yes", "on", "y", "t"})
_FALSE: Final = frozenset({"false", "0", "no", "off", "n", "f"})
_KEY_BYTES: Final = 32
_HEX: Final = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BEFORE_PATH: Final = re.compile(r"([A-Za-z]+://)([^/?#:@]*)(.*)", re.DOTALL)
# What browsers leave as it is in a path, without what has a meaning in a cookie's attributes.
_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+=:@-]|%[0-9A-Fa-f]{2})+", re.ASCII)
_DOTS: Final = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
#: Where the service's own routes begin. A public URL with such a path would be ambiguous behind a
#: proxy that strips it.
OWN_PATHS: Final = (
    *("/api/v1", "/oauth", "/static", "/healthz", "/readyz", "/openapi.json"),
    *("/va-success", "/va-error", "/sessions", "/uses", "/history", "/disconnect"),
    *("/signed-out", "/sign-out-everywhere", "/scripts-needed", "/language"),
)
_PHONE: Final = re.compile(
    r"(?=(?:[^0-9]*[0-9]){3})[0-9+(). -]{3,32}(?: ?(?:ext\.?|x) ?[0-9]{1,6})?", re.ASCII
)
_EMAIL: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)
_PLACEHOLDER: Final = re.compile(
    r"change.?me|placeholder|example|your.?(secret|key)|password|<[^>]*>", re.IGNORECASE
)
# A provider chooses the client secret, so only obvious placeholders are refused.
_NO_SECRET: Final = re.compile(
    r"change.?me|placeholder|(your.?)?(client.?)?secret|<[^>]*>", re.IGNORECASE
)
# 32 random bytes have about 30 distinct values, and as many distinct differences between
# neighbors. Fewer than this means that the key isn't random.
_MIN_DISTINCT: Final = 12
_MAPPED_BITS: Final = 96


@final
class ReadBy:
    """Marks the type of a setting with the rule that reads its text."""

    def __init__(self, rule: Callable[[str], object]) -> None:
        self.rule = rule


def whole_number(least: Any, most: Any) -> Callable[[str], int]:
    """A whole number from ``least`` to ``most``."""
    allowed = f"{least} to {most}"

    def read(text: str) -> int:
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"must be a whole number: {allowed}")
        number = int(text)
        if not least <= number <= most:
            raise ValueError(f"must be {allowed}")
        return number

    return read


def one_of(values: Mapping[str, _T]) -> Callable[[str], _T]:
    """One of the words in ``values``, in upper or lower case; read as the value of that word."""
    by_word = {word.lower(): value for word, value in values.items()}

    def read(text: str) -> _T:
        if text.lower() not in by_word:
            raise ValueError(f"must be one of: {', '.join(values)}")
        return by_word[text.lower()]

    return read


def plain_text(text: str) -> str:
    """One line of text."""
    if not text:
        raise ValueError("must not be empty")
    if _CONTROL.search(text):
        raise ValueError("must be one line of text")
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
    """An https URL, or an http URL on a loopback host. Its host is written as browsers do."""
    url = canonical_url(text if text.isascii() else _with_ascii_host(text))
    if "#" in url:
        raise ValueError("must not have a fragment: remove what follows the #")
    if not is_safe_url(url):
        raise ValueError("must be an https URL: http is for loopback hosts only")
    return url


def http_url_or_none(text: str) -> str | None:
    """The same, or None if the text is empty."""
    return http_url(text) if text else None


def issuer(text: str) -> str:
    """A URL that is compared character by character, so it stays as it is."""
    http_url(text)
    return text


def base_url(text: str) -> str:
    """A URL that paths are appended to."""
    url = http_url(text)
    if "?" in url:
        raise ValueError("must not have a query: remove what follows the ?")
    url = url.rstrip("/")
    _, _, path = url.partition("://")[2].partition("/")
    for segment in path.split("/") if path else []:
        if not _SEGMENT.fullmatch(segment) or _DOTS.fullmatch(segment):
            raise ValueError(
                "has an unusable path: write it as /NAME or /NAME/NAME, without dots, double "
                "slashes or spaces"
            )
    return url


def service_url(text: str) -> str:
    """The URL of this service."""
    url = base_url(text)
    path = url.partition("://")[2].partition("/")[2]
    for own in OWN_PATHS:
        if f"/{path}/".startswith(f"{own}/"):
            raise ValueError(f"must not have the path {own}, which is the service's own")
    return url


def console_url(text: str) -> str:
    """The URL of the console."""
    url = base_url(text)
    if "/" in url.partition("://")[2]:
        raise ValueError("must not have a path: remove what follows the host")
    return url


def database_url(text: str) -> Secret:
    """The database's connection URL."""
    if fault := connection_url_fault(text):
        raise ValueError(fault)
    return Secret(text)


def client_secret(text: str) -> Secret:
    """A client secret, which the provider chose."""
    if _NO_SECRET.fullmatch(plain_text(text)):
        raise ValueError("is a placeholder: write the secret that the provider gave you")
    return Secret(text)


def signing_secret(text: str) -> Secret:
    """A secret of at least 32 bytes (RFC 7518, section 3.2), as text or as hex digits."""
    if _PLACEHOLDER.search(plain_text(text)):
        raise ValueError("is a placeholder: generate 64 random hex digits")
    _strong(bytes_of(text))
    return Secret(text)


def bytes_of(text: str) -> bytes:
    """The bytes of a secret. Hex digits are decoded, and any other text is encoded."""
    is_hex = _HEX.fullmatch(text) and len(text) % 2 == 0
    return bytes.fromhex(text) if is_hex else text.encode()


def hex_key(text: str) -> SecretBytes:
    """A key of at least 32 bytes, in hex digits."""
    if _PLACEHOLDER.search(text):
        raise ValueError("is a placeholder: generate 64 random hex digits")
    if not _HEX.fullmatch(text) or len(text) % 2:
        raise ValueError("must be an even number of hex digits, at least 64")
    return SecretBytes(_strong(bytes.fromhex(text)))


def hex_keys(text: str) -> tuple[SecretBytes, ...]:
    """Keys as for ``hex_key``, separated by commas."""
    keys = []
    # Errors count the entries and never quote them.
    for position, entry in enumerate(text.split(","), start=1):
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
                "needs entries of the form kid:key with different kids, separated by commas"
            )
        try:
            key = _from_base64url(encoded)
        except ValueError:
            raise ValueError(f"key {position} must be 32 random bytes in base64url") from None
        keys[key_id] = SecretBytes(_strong(key))
    return keys


def operator_name(text: str) -> str:
    """The name of an operator."""
    try:
        return operator.operator_name(text)
    except InvalidOperatorError as error:
        raise ValueError(str(error)) from None


def words(text: str) -> tuple[str, ...]:
    """Words, separated by spaces."""
    return tuple(text.split())


def networks(text: str) -> Networks:
    """Networks or single addresses, separated by commas. They must not cover every address."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    try:
        read = tuple(_unmapped(ipaddress.ip_network(entry)) for entry in entries)
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, comma-separated") from None
    four = [network for network in read if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in read if isinstance(network, ipaddress.IPv6Network)]
    joined: Networks = (*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six))
    if any(network.prefixlen == 0 for network in joined):
        raise ValueError("must not trust every address: name the networks of your proxies")
    return read


def _unmapped(network: Network) -> Network:
    """An IPv4 network that is written as IPv6 (RFC 4291, section 2.5.5.2) as itself.

    Addresses are compared in that form.
    """
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))


def _with_ascii_host(url: str) -> str:
    """The URL with its host in the ASCII form of internationalized names, as browsers write it."""
    before = _BEFORE_PATH.fullmatch(url)
    if before is None:
        return url
    # Hardly any host needs it, and its tables take memory.
    import idna  # noqa: PLC0415

    try:
        host = idna.encode(before[2], uts46=True).decode()
    except idna.IDNAError:
        raise ValueError("has an unusable host: write it in letters, digits and hyphens") from None
    return f"{before[1]}{host}{before[3]}"


def _from_base64url(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise ValueError
    bare = text.rstrip("=")
    key = urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    if len(key) != _KEY_BYTES:
        raise ValueError
    return key


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
        raise ValueError("is too short: it needs at least 32 random bytes (64 hex digits)")
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if len(set(key)) < _MIN_DISTINCT or len(steps) < _MIN_DISTINCT:
        raise ValueError("is too regular to be random: generate it")
    return key
