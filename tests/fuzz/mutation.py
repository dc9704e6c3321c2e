"""Makes odd inputs out of valid ones."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

#: What parsers stumble over: of JSON, of URLs, of base64url, of numbers, and of text.
_ODD: Final = (
    *(b"null", b"true", b"-1", b"-0", b"1e999", b"NaN", b"Infinity", b"0.5", b'"', b"\\u0000"),
    *(b"\\ud800", b"[]", b"{}", b"[" * 1500, b'{"a":' * 1500, b"9" * 5000, b"253402300800"),
    *(b"9223372036854775808", b"99999999999999999999999", b"%00", b"%ff", b"%", b"&", b"=", b"+"),
    *(b"&code=1", b"&state=2", b"&error=x", b".", b"..", b"-_", b"====", b"\0", b"\xff\xfe", b"\n"),
    *(b"\xef\xbb\xbf", b"\xed\xa0\x80", "\u200b\ufeff\u2028\u0130".encode(), b"e\xcc\x81" * 300),
    *(b"://", b"@", b"[::1]", b":99999", b"#", b"?", b"\\", b"/../", b"xn--", b"${X}", b"'", b","),
    *(b'"alg":"none"', b'"kid":null', b'"exp":1e400', b'"aud":[[]]', b" " * 3000, b"a" * 20000),
    *(b"Fri, 31 Dec 9999 23:59:59 -2359", b"Mon, 01 Jan 0001 00:00:00 +2359"),
)
#: The average, beyond the first one: many at once are refused for the first that matters.
_MORE_EDITS: Final = 0.7
_LONGEST_CUT: Final = 40

Edit = Callable[[Random, bytearray, Sequence[bytes]], None]


def mutated(random: Random, samples: Sequence[bytes]) -> bytes:
    """One of the samples with a few edits. The same state of ``random`` gives the same one."""
    data = bytearray(random.choice(samples))
    for _ in range(1 + int(random.expovariate(1 / _MORE_EDITS))):
        random.choice(_EDITS)(random, data, samples)
    return bytes(data)


def _place(random: Random, data: bytearray) -> int:
    return random.randrange(len(data) + 1)


def _flip(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _overwrite(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _insert(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(random, data)
    data[at:at] = random.randbytes(random.randint(1, 4))


def _insert_odd(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(random, data)
    data[at:at] = random.choice(_ODD)


def _replace_by_odd(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(random, data)
    data[at : at + random.randint(1, _LONGEST_CUT)] = random.choice(_ODD)


def _cut(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(random, data)
    del data[at : at + random.randint(1, _LONGEST_CUT)]


def _repeat(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(random, data)
    piece = bytes(data[at : at + random.randint(1, _LONGEST_CUT)])
    data[at:at] = piece * random.randint(1, 3)


def _splice(random: Random, data: bytearray, samples: Sequence[bytes]) -> None:
    other = random.choice(samples)
    begin = random.randrange(len(other) + 1)
    at = _place(random, data)
    data[at:at] = other[begin : begin + random.randint(1, _LONGEST_CUT)]


_EDITS: Final[Sequence[Edit]] = (
    _flip,
    _overwrite,
    _insert,
    _insert_odd,
    _replace_by_odd,
    _cut,
    _repeat,
    _splice,
)
