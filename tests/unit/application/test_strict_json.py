"""JSON that two parsers can't read differently."""

from collections.abc import Callable

import pytest

from application.strict_json import NotStrictJSONError, members_of, object_of


@pytest.mark.parametrize("read", [members_of, object_of])
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"7",
        b'{"a":1}{}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":-1e999}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":' * 20_000,
    ],
)
def test_anything_else_is_refused(read: Callable[[bytes], object], text: bytes) -> None:
    with pytest.raises(NotStrictJSONError):
        read(text)


def test_numbers_are_read_to_their_bounds() -> None:
    assert object_of(b'{"a":1e308,"b":-1e308,"c":7,"d":0.5}') == {
        "a": 1e308,
        "b": -1e308,
        "c": 7,
        "d": 0.5,
    }


@pytest.mark.parametrize(
    "text", [rb'{"a":"\ud800"}', rb'{"\udc00":1}', rb'{"a":[{"b":"x\ud83d"}]}']
)
def test_half_a_surrogate_pair_is_refused_where_texts_are_used(text: bytes) -> None:
    assert members_of(text)
    with pytest.raises(NotStrictJSONError):
        object_of(text)


def test_a_whole_pair_and_other_letters_are_read() -> None:
    expected = {"a": "\U0001f600\u00e9"}
    assert object_of(rb'{"a":"\ud83d\ude00\u00e9"}') == expected
