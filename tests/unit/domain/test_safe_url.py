"""Which URLs a secret may be sent to."""

import pytest

from domain.safe_url import is_safe_url


@pytest.mark.parametrize(
    "url",
    [
        "https://va.example",
        "https://va.example:8443/token?a=b",
        "https://10.0.0.1/",
        "https://[::1]/",
        "http://localhost",
        "http://localhost:9000/realms",
        "http://va.localhost:9000",
        "http://127.0.0.1",
        "http://127.8.9.10:80/",
        "http://[::1]:9000/",
    ],
)
def test_https_is_safe_and_so_is_this_machine(url: str) -> None:
    assert is_safe_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "va.example",
        "http://va.example",
        "http://10.0.0.1",
        "http://localhost.va.example",
        "http://notlocalhost",
        "http://128.0.0.1",
        "http://[::2]",
        "ftp://va.example",
        "HTTPS://va.example",
        "https://",
        "https:///token",
        "https://:443/",
        "https://va.example#",
        "https://va.example/#part",
        "https://user@va.example",
        "https://:pass@va.example",
        "https://@va.example",
        "https://va.example:port",
        "https://va.example:65536",
        "https://[::1",
        "https://va.example/a b",
        "https://va.example\\@them.example",
        "https://va.example/\u00e9",
        "https://va.example\n",
        " https://va.example",
    ],
)
def test_anything_else_is_not(url: str) -> None:
    assert not is_safe_url(url)
