"""How the documents of a provider are read: what is absent, what is refused, and when."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial

import pytest

from adapters.va_oauth.bounded_http import Reply
from adapters.va_oauth.compression import NotCompressedError, TooLargeError, decompressed
from adapters.va_oauth.documents import Document, signed_document, unsigned_document
from application.errors import UpstreamRejectedError

EMPTY = ["null", '""', "[]"]
LIMIT = 1_000


def unsigned(text: str | bytes, charset: str | None = None) -> Document:
    body = text if isinstance(text, bytes) else text.encode()
    return unsigned_document(
        Reply(status=200, body=body, charset=charset), reason="bad_{}", whole="whole"
    )


def signed(text: str | bytes, _charset: None = None) -> Document:
    body = text if isinstance(text, bytes) else text.encode()
    return signed_document(body, reason="bad_{}", whole="whole")


READERS = pytest.mark.parametrize("read", [unsigned, signed])
Read = Callable[[str | bytes], Document]


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(UpstreamRejectedError) as rejected:
        read()
    return rejected.value.reason


# In both ---------------------------------------------------------------------------------------


@READERS
@pytest.mark.parametrize("value", ["", *EMPTY])
def test_what_is_null_or_empty_is_absent_in_every_document(read: Read, value: str) -> None:
    document = read(f'{{"a":{value}}}' if value else "{}")

    assert document.said("a") is None
    assert document.text("a") is None
    assert document.readable_text("a") is None
    assert document.texts("a") == ()
    assert document.number("a", at_most=9) is None
    assert document.nested("a") is None
    assert document.nested_list("a") == []


@READERS
@pytest.mark.parametrize("value", EMPTY)
def test_what_is_empty_is_absent_at_every_depth(read: Read, value: str) -> None:
    inner = read(f'{{"a":{{"b":{value}}}}}').nested("a")
    (listed,) = read(f'{{"a":[7,{{"b":{value}}},[]]}}').nested_list("a")

    assert inner is not None
    assert inner.said("b") is None
    assert listed.said("b") is None


@READERS
@pytest.mark.parametrize("value", ["0", "false", '" "', "{}"])
def test_what_is_only_false_is_said(read: Read, value: str) -> None:
    assert read(f'{{"a":{value}}}').said("a") is not None


@READERS
def test_a_list_that_is_empty_is_mentioned_and_null_is_not(read: Read) -> None:
    document = read('{"empty":[],"nothing":null}')

    assert [document.mentions(name) for name in ("empty", "nothing", "absent")] == [
        True,
        False,
        False,
    ]


@READERS
@pytest.mark.parametrize("value", ["7", "true", "{}", '["a"]', r'"\ud800"', r'"a\udc00b"'])
def test_what_is_no_readable_text_is_refused_or_left_out_as_the_reader_asks(
    read: Read, value: str
) -> None:
    document = read(f'{{"a":{value}}}')

    assert document.readable_text("a") is None
    assert refused(lambda: document.text("a")) == "bad_a"


@READERS
def test_half_a_surrogate_pair_costs_nobody_anything_where_nobody_reads(read: Read) -> None:
    assert read(r'{"nickname":"\ud83d","a":"\ud83d\ude00"}').text("a") == "\U0001f600"


@READERS
def test_a_text_in_place_of_a_list_is_a_list_of_one(read: Read) -> None:
    assert read('{"a":"x"}').texts("a") == ("x",)
    assert read('{"a":["x","y"]}').texts("a") == ("x", "y")
    assert read('{"a":["x",null,""]}').texts("a") == ("x",)


@READERS
@pytest.mark.parametrize("value", ["7", "{}", '["x",7]', '[["x"]]', r'["\ud800"]'])
def test_a_list_of_anything_but_texts_is_refused(read: Read, value: str) -> None:
    assert refused(lambda: read(f'{{"a":{value}}}').texts("a")) == "bad_a"


@READERS
@pytest.mark.parametrize("value", ["-1", "10", "true", "[7]", "{}", '"x"', '"-1"', '"10"'])
def test_a_number_out_of_bounds_or_of_another_type_is_refused(read: Read, value: str) -> None:
    assert refused(lambda: read(f'{{"a":{value}}}').number("a", at_most=9)) == "bad_a"


@READERS
@pytest.mark.parametrize(
    "text", ["", "[]", "null", "7", '"a"', "{", '{"a":1', '{"a":1}{}', "<html>", '{"a":' * 20_000]
)
def test_what_is_no_object_is_refused_as_a_whole(read: Read, text: str) -> None:
    assert refused(lambda: read(text)) == "bad_whole"


def test_a_whole_document_has_a_name_by_default() -> None:
    reply = Reply(status=200, body=b"[]", charset=None)
    assert refused(lambda: unsigned_document(reply, reason="bad_{}")) == "bad_document"
    assert refused(lambda: signed_document(b"[]", reason="bad_{}")) == "bad_document"


def test_what_is_inside_a_document_is_as_signed_as_the_document() -> None:
    text = '{"a":{"b":"7"},"c":[{"b":"7"}]}'
    for document in (signed(text).nested("a"), *signed(text).nested_list("c")):
        assert document is not None
        assert refused(partial(document.number, "b", at_most=9)) == "bad_b"
    for document in (unsigned(text).nested("a"), *unsigned(text).nested_list("c")):
        assert document is not None
        assert document.number("b", at_most=9) == 7


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_cannot_be_read_at_all(value: str) -> None:
    assert refused(lambda: unsigned(f'{{"a":{value}}}').said("a")) == "bad_a"


@pytest.mark.parametrize(("digits", "is_read"), [(4_000, True), (4_001, False)])
def test_a_number_has_at_most_4000_digits(digits: int, *, is_read: bool) -> None:
    document = unsigned('{"a":' + "9" * digits + "}")
    if is_read:
        assert document.said("a") == 10**digits - 1
    else:
        assert refused(lambda: document.said("a")) == "bad_a"


# Where they differ -----------------------------------------------------------------------------

#: Each is a document whose member "good" is "x".
LENIENT: dict[str, bytes] = {
    "a repetition that says the same": b'{"good":"x","good":"x"}',
    "a repetition of which one says nothing": b'{"good":null,"good":"x","good":""}',
    "an unread repetition that contradicts": b'{"good":"x","bad":1,"bad":2}',
    "one inside an unread member": b'{"good":"x","bad":{"a":1,"a":2}}',
    "NaN": b'{"good":"x","bad":NaN}',
    "Infinity": b'{"good":"x","bad":-Infinity}',
    "a number beyond every bound": b'{"good":"x","bad":1e999}',
    "more digits than Python reads": b'{"good":"x","bad":' + b"9" * 5_000 + b"}",
    "a line end in a text": b'{"good":"x","bad":"a\nb"}',
    "a byte order mark": b'\xef\xbb\xbf{"good":"x"}',
    "a byte that is no UTF-8": b'{"good":"x","bad":"Jos\xe9"}',
    "UTF-16": '{"good":"x"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"good":"x"}'.encode("utf-16-be"),
    "UTF-32": '{"good":"x"}'.encode("utf-32-le"),
}


@pytest.mark.parametrize("text", LENIENT.values(), ids=LENIENT.keys())
def test_an_unsigned_document_is_read_leniently_and_a_signed_one_is_refused(text: bytes) -> None:
    assert unsigned(text).text("good") == "x"
    assert refused(lambda: signed(text)) == "bad_whole"


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"x","a":"y"}',
        b'{"a":"x","a":"y","a":"x"}',
        b'{"a":"x","a":["x"]}',
        b'{"a":{"b":1},"a":{"b":2}}',
        b'{"a":NaN}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":"Jos\xe9"}',
    ],
)
def test_what_cannot_be_read_is_refused_once_it_is_read(text: bytes) -> None:
    document = unsigned(text)

    assert document.readable_text("a") is None
    assert refused(lambda: document.text("a")) == "bad_a"


@pytest.mark.parametrize("value", ['"9"', '"09"', '"9.0"', '"8.5"', "9.0", "8.5"])
def test_a_number_in_a_text_is_a_number_unless_it_is_signed(value: str) -> None:
    assert unsigned(f'{{"a":{value}}}').number("a", at_most=9) in {9, 8.5}
    if value.startswith('"'):
        assert refused(lambda: signed(f'{{"a":{value}}}').number("a", at_most=9)) == "bad_a"


# Charsets --------------------------------------------------------------------------------------

JOSE = "Jos\u00e9 \u0141ukasz \u5c71\u7530"


@pytest.mark.parametrize(
    ("charset", "label", "name"),
    [
        ("utf-8", None, JOSE),
        ("utf-8", "utf-8", JOSE),
        ("utf-8", "UTF8", JOSE),
        ("utf-8", "utf8mb4", JOSE),
        ("utf-8", "binary", JOSE),
        ("utf-8", "utf-7", JOSE),
        ("utf-8", "zip", JOSE),
        ("utf-8", "base64", JOSE),
        ("utf-8", "unicode_escape", JOSE),
        ("utf-8", "x" * 5_000, JOSE),
        ("utf-8", "../../etc", JOSE),
        ("utf-8", "euc-jp", JOSE),
        # A server's default label over what the program wrote.
        ("utf-8", "iso-8859-1", JOSE),
        ("utf-8", "us-ascii", JOSE),
        ("utf-16", "utf-16", JOSE),
        ("utf-16-le", "UTF-16LE", JOSE),
        ("utf-16-be", "iso-8859-1", JOSE),
        ("utf-32", "utf-32", JOSE),
        ("latin-1", "iso-8859-1", "Jos\u00e9"),
        ("latin-1", "ISO_8859-1", "Jos\u00e9"),
        ("latin-1", "latin1", "Jos\u00e9"),
        ("cp1252", "windows-1252", "O\u2019Brien"),
        ("cp1252", "iso-8859-1", "O\u2019Brien"),
        ("iso8859-2", "iso-8859-2", "\u0141ukasz"),
        ("iso8859-15", "iso-8859-15", "\u0160\u20ac"),
        ("koi8-u", "koi8-u", "\u0406\u0433\u043e\u0440"),
        ("cp1251", "windows-1251", "\u0418\u0432\u0430\u043d"),
        ("shift_jis", "Shift_JIS", "\u5c71\u7530"),
        ("gb18030", "gb18030", "\u738b\u5c0f\u660e"),
        ("gbk", "GBK", "\u6a21"),
        ("big5", "big5", "\u738b\u5c0f\u660e"),
        ("euc_kr", "euc-kr", "\uae40\ubbfc\uc218"),
        ("cp037", "cp037", "Jos\u00e9"),
        ("latin-1", "'iso-8859-1'", "Jos\u00e9"),
        ("shift_jis", "x-sjis", "\u5c71\u7530"),
        ("cp1252", "x-cp1252", "O\u2019Brien"),
    ],
)
def test_a_declared_charset_is_read_and_a_label_that_is_none_changes_nothing(
    charset: str, label: str | None, name: str
) -> None:
    text = json.dumps({"name": name}, ensure_ascii=False)

    assert unsigned(text.encode(charset), label).text("name") == name


def test_a_nul_after_the_fourth_byte_says_nothing_of_the_charset() -> None:
    document = unsigned(b'{"ab\0": 1, "name": "caf\xe9"}', "latin1")
    assert document.text("name") == "caf\u00e9"


def test_a_text_that_does_not_fit_its_charset_costs_that_text_only() -> None:
    document = unsigned(b'{"a":"\xe9\x81","good":"x"}', "iso-8859-1")

    assert document.readable_text("a") is None
    assert document.text("good") == "x"


# Compression -----------------------------------------------------------------------------------

TEXT = b'{"a":"x"}' * 50
DEFLATED = zlib.compress(TEXT)
# The same in every process, because it names the tests.
GZIPPED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (TEXT, "utf-8"),
        (GZIPPED, "gzip"),
        (GZIPPED, "X-GZip"),
        (GZIPPED, "identity, gzip"),
        (gzip.compress(DEFLATED, mtime=0), "deflate, gzip"),
        (GZIPPED + b"\0\0", "gzip"),
        (gzip.compress(b"", mtime=0) + GZIPPED, "gzip"),
        (gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0), "gzip"),
        (DEFLATED, "deflate"),
        (DEFLATED[2:-4], "deflate"),
    ],
)
def test_a_compressed_body_is_read(body: bytes, coding: str) -> None:
    assert decompressed(body, coding, max_bytes=len(TEXT)) == TEXT


def test_no_body_is_no_body_however_it_is_said_to_be_compressed() -> None:
    assert decompressed(b"", "gzip", max_bytes=LIMIT) == b""


@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip", "gzip, deflate"])
def test_a_body_that_grows_beyond_the_limit_is_refused(coding: str) -> None:
    body = b" " * (LIMIT + 1)
    for each in coding.split(", "):
        body = gzip.compress(body) if each == "gzip" else zlib.compress(body)

    with pytest.raises(TooLargeError):
        decompressed(body, coding, max_bytes=LIMIT)


@pytest.mark.parametrize("members", [(b" " * (LIMIT // 2 + 1),) * 2, (b"",) * 101])
def test_members_that_are_too_long_together_or_too_many_are_refused(
    members: tuple[bytes, ...],
) -> None:
    body = b"".join(gzip.compress(each) for each in members)

    with pytest.raises(TooLargeError):
        decompressed(body, "gzip", max_bytes=LIMIT)


def test_a_bomb_is_not_inflated_any_further_than_the_limit() -> None:
    bomb = gzip.compress(b" " * 8_000_000)

    tracemalloc.start()
    with pytest.raises(TooLargeError):
        decompressed(bomb, "gzip", max_bytes=LIMIT)
    _size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (TEXT, "gzip"),
        (TEXT, "deflate"),
        (DEFLATED, "gzip"),
        (GZIPPED[:-9], "gzip"),
        (GZIPPED[:-1], "gzip"),
        (GZIPPED + GZIPPED[:-1], "gzip"),
        (DEFLATED[:-1], "deflate"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(body: bytes, coding: str) -> None:
    with pytest.raises(NotCompressedError):
        decompressed(body, coding, max_bytes=LIMIT)


def test_a_body_that_could_not_be_read_is_refused_once_it_is_read() -> None:
    reply = Reply(status=200, body=b"", fault="answer_too_large")

    assert reply.is_success
    assert refused(lambda: unsigned_document(reply, reason="bad")) == "answer_too_large"
