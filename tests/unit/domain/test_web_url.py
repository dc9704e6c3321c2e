"""URLs and origins in the form that browsers give them."""

import re

import pytest

from domain.web_url import canonical_url, is_origin, origin_of

LONGEST_HOST = ".".join(["a" * 60] * 4 + ["b" * 9])


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("https://app.example.org", "https://app.example.org"),
        ("https://App.Example.ORG:443", "https://app.example.org"),
        ("https://app.example.org:0443/x", "https://app.example.org/x"),
        ("https://app.example.org:8443", "https://app.example.org:8443"),
        ("https://app.example.org:", "https://app.example.org"),
        ("https://app.example.org.", "https://app.example.org"),
        ("https://app.example.org.:443/", "https://app.example.org/"),
        ("HTTPS://app.example.org/Path?Query#Part", "https://app.example.org/Path?Query#Part"),
        ("http://LOCALHOST", "http://localhost"),
        ("http://LocalHost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://XN--VETSSIST-BZA.example", "https://xn--vetssist-bza.example"),
        ("https://a_b.example", "https://a_b.example"),
        ("https://192.0.2.1:443", "https://192.0.2.1"),
        ("https://[2001:DB8:0:0::0001]:443/x", "https://[2001:db8::1]/x"),
        ("https://[::FFFF:192.0.2.1]", "https://[::ffff:c000:201]"),
        ("https://a?b", "https://a?b"),
        ("https://a:1", "https://a:1"),
        ("https://a:00065535", "https://a:65535"),
        (f"https://{LONGEST_HOST}", f"https://{LONGEST_HOST}"),
    ],
)
def test_a_url_is_written_as_a_browser_writes_it(written: str, canonical: str) -> None:
    assert canonical_url(written) == canonical
    # It stays as it is.
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "",
        "null",
        "app.example.org",
        "//app.example.org",
        "ftp://app.example.org",
        "https:app.example.org",
        "https://",
        "https:///x",
        "https://.",
        "https://a..b",
        "https://user@app.example.org",
        "https://user:hunter2@app.example.org",
        "https://app.example.org:0",
        "https://app.example.org:65536",
        "https://app.example.org:" + "9" * 5000,
        "https://app.example.org:-1",
        "https://app.example.org:443:443",
        "https://app.example.org\\@evil.example",
        "https://app.example.org /",
        "https://app.example.org\n",
        "https://app%2eexample.org",
        "https://appé.example.org",
        "https://127.1",
        "https://2130706433",
        "https://0x7f.0.0.1",
        "https://127.0.0.1.5",
        "https://010.0.0.1",
        "https://[::1",
        "https://[::1]x",
        "https://[fe80::1%25eth0]",
        "https://" + "a" * 64,
        f"https://{LONGEST_HOST}b",
    ],
)
def test_what_a_browser_would_not_open_as_it_is_written_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|has) ") as refused:
        canonical_url(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://App.Example.org:443",
        "https://app.example.org./a/b?c#d",
        "https://app.example.org?x",
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str) -> None:
    assert origin_of(url) == "https://app.example.org"


@pytest.mark.parametrize(
    "text", ["https://app.example.org/", "https://app.example.org?x", "https://a#x", "null", ""]
)
def test_an_origin_has_no_path(text: str) -> None:
    assert is_origin("https://App.example.org:443")
    assert not is_origin(text)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("app.example.org", "must be a URL that begins with https://"),
        ("https://user@app.example.org", "must not contain a user name or a password"),
        ("https://[1:2]", "has an unusable IPv6 address"),
        ("https://1.2.3", "has an unusable host: write an IPv4 address as four decimal numbers"),
        ("https://a.0xF", "has an unusable host: write an IPv4 address as four decimal numbers"),
        ("https://a:65536", "has an unusable port: it must be 1 to 65535"),
        ("https://a:0", "has an unusable port: it must be 1 to 65535"),
    ],
)
def test_a_refusal_says_what_to_write(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(fault)}$"):
        canonical_url(url)
