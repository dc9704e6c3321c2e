"""Query parameters, read strictly."""

from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from entrypoints.web.parameters import MalformedParametersError, single_texts, single_values


def request_with(query: bytes) -> Request:
    return Request({"type": "http", "headers": [], "query_string": query})


def values(query: bytes) -> dict[str, str]:
    return single_values(request_with(query), ["state", "code"])


@pytest.mark.parametrize(
    ("query", "read"),
    [
        (b"", {}),
        (b"state=a&code=b", {"state": "a", "code": "b"}),
        (b"code=&state", {"code": "", "state": ""}),
        (b"code=a+b%20c%2Bd", {"code": "a b c+d"}),
        (b"code=a;state=b", {"code": "a;state=b"}),
        (b"code=a=b", {"code": "a=b"}),
        (b"st%61te=a", {"state": "a"}),
        (b"code=%C5%BElu%C5%A5", {"code": "žluť"}),
        (b"STATE=a&code[]=b&%00=c", {}),
        (b"&&code=a&&", {"code": "a"}),
        ("code=ž".encode(), {"code": "ž"}),
    ],
)
def test_each_parameter_is_read_once_and_whole(query: bytes, read: dict[str, str]) -> None:
    assert values(query) == read


@pytest.mark.parametrize(
    "unread",
    [
        b"other=1&other=2",
        b"%0A=x&more=%00",
        b"hint=caf%E9",
        b"error_description=No%20se%20pudo%20iniciar%20sesi%F3n",
        b"other=%ff&%ff=a&%C3=%ED%A0%80",
        b"\xff=\xfe&other=\xe9",
        b"%&=&%zz=%z&&",
        b"hint=" + b"a" * 60_000,
        urlencode([(f"p{n}", "") for n in range(5_000)]).encode(),
    ],
)
def test_parameters_nobody_asked_for_are_not_looked_at(unread: bytes) -> None:
    assert values(b"code=a&" + unread) == {"code": "a"}
    assert values(unread + b"&code=a") == {"code": "a"}


@pytest.mark.case(4)
@pytest.mark.parametrize(
    "query",
    [
        b"state=a&state=b",
        b"state=a&state=a",
        b"state=a&code=b&st%61te=",
        b"state&state",
    ],
)
def test_a_parameter_that_stands_twice_is_refused(query: bytes) -> None:
    with pytest.raises(MalformedParametersError):
        values(query)


@pytest.mark.case(20)
@pytest.mark.parametrize(
    "query",
    [
        b"code=%00",
        b"code=a%00b",
        b"code=a%0d%0aLocation:%20//evil.example",
        b"code=%1b[31m",
        b"code=%7f",
        b"code=%C2%85",
        b"code=%E2%80%AE",
        b"code=%EF%BB%BF",
        b"code=%ff",
        b"code=%C3",
        b"code=%C0%AF",
        b"code=%ED%A0%80",
        b"code=\xff",
    ],
)
def test_what_is_not_clean_text_is_refused(query: bytes) -> None:
    with pytest.raises(MalformedParametersError):
        values(query)


def test_a_text_may_hold_what_is_not_printed() -> None:
    texts = single_texts(request_with("state=a\u200db%C2%A0c%0a".encode()), ["state"])

    assert texts == {"state": "a\u200db\xa0c\n"}


@pytest.mark.case(4)
@pytest.mark.parametrize("query", [b"state=a&state=b", b"state=%ff", b"state=\xe9"])
def test_a_text_is_one_and_is_text(query: bytes) -> None:
    with pytest.raises(MalformedParametersError):
        single_texts(request_with(query), ["state"])
