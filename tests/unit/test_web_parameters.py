"""Query parameters, read strictly."""

from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from entrypoints.web.parameters import MalformedParametersError, single_values


def values(query: bytes) -> dict[str, str]:
    request = Request({"type": "http", "headers": [], "query_string": query})
    return single_values(request, ["state", "code"])


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
    ],
)
def test_each_parameter_is_read_once_and_whole(query: bytes, read: dict[str, str]) -> None:
    assert values(query) == read


def test_parameters_nobody_asked_for_are_not_looked_at() -> None:
    assert values(b"other=1&other=2&%0A=x&more=%00&code=a") == {"code": "a"}


@pytest.mark.parametrize(
    "query",
    [
        b"state=a&state=b",
        b"state=a&state=a",
        b"state=a&code=b&st%61te=",
        b"state&state",
    ],
)
def test_case_4_a_parameter_that_stands_twice_is_refused(query: bytes) -> None:
    with pytest.raises(MalformedParametersError):
        values(query)


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
        b"other=%ff",
        b"%ff=a",
        b"code=\xff",
        "code=ž".encode(),
    ],
)
def test_case_20_what_is_not_clean_text_is_refused(query: bytes) -> None:
    with pytest.raises(MalformedParametersError):
        values(query)


def test_a_flood_of_parameters_is_refused() -> None:
    assert values(urlencode([(f"p{n}", "") for n in range(100)]).encode()) == {}
    with pytest.raises(MalformedParametersError):
        values(urlencode([(f"p{n}", "") for n in range(101)]).encode())
