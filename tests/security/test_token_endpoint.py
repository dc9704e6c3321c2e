"""Cases 47 to 53, 55 and 57: what the token endpoint, or somebody in its place, may answer."""

import asyncio
import gzip
import json
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from domain.secret import Secret
from tests.security.denials import (
    EXCHANGE_FAILED,
    PROVIDER_UNAVAILABLE,
    SERVICE_UNAVAILABLE,
    assert_denied,
)
from tests.support.event_loop import pass_time
from tests.support.hostile_provider import (
    ABSENT,
    LONGER_THAN_ANYBODY_WAITS,
    HostileProvider,
    altered,
    never,
    redirecting,
    rsa_key,
    saying,
)
from tests.support.product import CALLBACK, Product, running_product, serving
from tests.support.service import opened_tokens

TOKEN = "/connect/exchange"
CANARY = "canary-in-an-answer"


async def deny(product: Product, error: str = EXCHANGE_FAILED, reason: str | None = None) -> None:
    assert_denied(product, await product.browser().attempt(), error, reason=reason)


@pytest.mark.case(47)
async def test_invalid_grant_ends_the_sign_in_and_a_new_one_works(
    product: Product, provider: HostileProvider
) -> None:
    provider.replies[TOKEN] = saying(
        {"error": "invalid_grant", "error_description": f"<b>{CANARY}</b>"}, 400
    )
    product.secrets.add(CANARY)

    await deny(product, reason="invalid_grant")
    provider.replies.clear()

    await product.sign_in()


OUR_MISTAKES = ["invalid_client", "unauthorized_client", "invalid_scope", "invalid_request"]


@pytest.mark.case(48)
@pytest.mark.parametrize("error", OUR_MISTAKES)
async def test_what_only_the_operator_can_correct_raises_an_alarm_and_is_our_fault(
    product: Product, provider: HostileProvider, error: str
) -> None:
    provider.replies[TOKEN] = saying({"error": error, "error_description": CANARY}, 401)
    product.secrets.add(CANARY)

    await deny(product, SERVICE_UNAVAILABLE, reason=error)

    (alarm,) = [line for line in product.logged if line["level"] == "error"]
    assert (alarm["event"], alarm["reason"]) == ("sign_in_failed", error)


@pytest.mark.case(48)
async def test_what_a_visitor_can_bring_about_raises_no_alarm(sandboxed: Product) -> None:
    await sandboxed.browser().attempt("decline")
    await sandboxed.browser().get(CALLBACK)

    assert {line["level"] for line in sandboxed.logged} == {"info", "warning"}


@pytest.mark.case(49)
@pytest.mark.parametrize("retry_after", ["0", "1", "300", "Wed, 21 Oct 2099 07:28:00 GMT", "x"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_not_now_is_not_asked_again_and_not_waited_for(
    product: Product, provider: HostileProvider, status: int, retry_after: str
) -> None:
    # A code is good for one exchange only, so nothing is gained by bringing it twice.
    body = {"error": "temporarily_unavailable"}
    provider.replies[TOKEN] = saying(body, status, Retry_After=retry_after)

    await deny(product, PROVIDER_UNAVAILABLE)
    assert provider.exchanges == 1


@pytest.mark.case(50)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://localhost:9000/elsewhere", "http://localhost:6666/"])
async def test_a_redirect_of_the_token_endpoint_is_not_followed(
    product: Product, provider: HostileProvider, status: int, target: str
) -> None:
    provider.replies[TOKEN] = redirecting(target, status)

    await deny(product, reason="redirect")
    assert provider.requests["/elsewhere"] == 0
    assert not product.strays


ODD_ANSWERS: dict[str, tuple[bytes, int]] = {
    "HTML": (b"<!doctype html><title>Down for maintenance</title>", 200),
    "nothing": (b"", 200),
    "cut short": (b'{"access_token":"abc', 200),
    "a list": (b"[]", 200),
    "null": (b"null", 200),
    "a number": (b"7", 200),
    "no UTF-8": (b'{"access_token":"\xff"}', 200),
    "UTF-16": ('{"access_token":"a"}'.encode("utf-16"), 200),
    "a lone surrogate": (b'{"access_token":"\\ud800"}', 200),
    "NaN": (b'{"expires_in":NaN}', 200),
    "an error with 200": (b'{"error":"invalid_grant"}', 200),
    "HTML with 400": (b"<html>", 400),
    "an error that is no text": (b'{"error":["invalid_grant"]}', 400),
    "an error nobody knows": (b'{"error":"canary-in-an-answer"}', 400),
    "204": (b"", 204),
    "201": (b'{"access_token":"a"}', 201),
    "404": (b"{}", 404),
}


@pytest.mark.case(51)
@pytest.mark.parametrize(("body", "status"), ODD_ANSWERS.values(), ids=ODD_ANSWERS.keys())
async def test_an_answer_that_is_none_is_denied(
    product: Product, provider: HostileProvider, body: bytes, status: int
) -> None:
    provider.replies[TOKEN] = saying(body, status)
    product.secrets.add(CANARY)

    await deny(product)


@pytest.mark.case(51)
async def test_an_answer_that_does_not_come_ends_with_the_deadline(
    product: Product, provider: HostileProvider
) -> None:
    provider.replies[TOKEN] = never
    await deny(product, PROVIDER_UNAVAILABLE)


@asynccontextmanager
async def raw_server(
    head: bytes, body: Callable[[], AsyncIterator[bytes]], sent: list[int]
) -> AsyncIterator[str]:
    """A real socket that answers whatever it is asked with these bytes; notes how many went."""
    talks: list[asyncio.Task[None]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            asked = await reader.readuntil(b"\r\n\r\n")
            # What is left unread would make the socket's end a reset.
            length = re.search(rb"(?i)content-length: (\d+)", asked)
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + head)
            async for chunk in body():
                # uvloop raises RuntimeError if the connection is lost by now.
                if writer.is_closing():
                    break
                writer.write(chunk)
                await writer.drain()
                sent.append(len(chunk))
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.create_task(talk(reader, writer)))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        # The client has gone, so every talk ends at its next word.
        await asyncio.gather(*talks)


MEBIBYTE = 1024 * 1024
#: 16 MiB of blanks in about 16 KiB.
BOMB = zlib.compress(b" " * (16 * MEBIBYTE), wbits=zlib.MAX_WBITS | 16)
DEFLATE_BOMB = zlib.compress(b" " * (16 * MEBIBYTE))


async def fifty_megabytes() -> AsyncIterator[bytes]:
    yield b'{"padding":"'
    for _ in range(50):
        yield b"x" * MEBIBYTE
    yield b'"}'


async def gzip_bomb() -> AsyncIterator[bytes]:
    yield BOMB


async def wrapped_bomb() -> AsyncIterator[bytes]:
    yield gzip.compress(BOMB)


async def deflate_bomb() -> AsyncIterator[bytes]:
    yield DEFLATE_BOMB


async def half_a_gzip() -> AsyncIterator[bytes]:
    yield gzip.compress(b'{"access_token":"a","token_type":"Bearer"}')[:-9]


async def no_gzip() -> AsyncIterator[bytes]:
    yield b'{"access_token":"a","token_type":"Bearer"}'


async def a_long_time() -> AsyncIterator[None]:
    """Turns of the event loop, a second apart."""
    second = timedelta(seconds=1)
    for _ in range(LONGER_THAN_ANYBODY_WAITS // second):
        yield
        pass_time(second)
        # What was sent before arrives.
        await asyncio.sleep(0.001)


async def slow_drip() -> AsyncIterator[bytes]:
    async for _ in a_long_time():
        yield b" "


async def slow_headers() -> AsyncIterator[bytes]:
    async for _ in a_long_time():
        yield b"X-Padding: a\r\n"
    yield b"Content-Length: 2\r\n\r\n{}"


async def half() -> AsyncIterator[bytes]:
    yield b'{"access_token":"a"'


RAW: dict[str, tuple[bytes, Callable[[], AsyncIterator[bytes]], str]] = {
    "50 MB": (b"Connection: close\r\n\r\n", fifty_megabytes, EXCHANGE_FAILED),
    "50 MB announced": (b"Content-Length: 52428814\r\n\r\n", fifty_megabytes, EXCHANGE_FAILED),
    "a gzip bomb": (b"Content-Encoding: gzip\r\n\r\n", gzip_bomb, EXCHANGE_FAILED),
    "a gzip bomb in a gzip": (
        b"Content-Encoding: gzip, gzip\r\n\r\n",
        wrapped_bomb,
        EXCHANGE_FAILED,
    ),
    "a deflate bomb": (b"Content-Encoding: deflate\r\n\r\n", deflate_bomb, EXCHANGE_FAILED),
    "a gzip cut short": (b"Content-Encoding: gzip\r\n\r\n", half_a_gzip, EXCHANGE_FAILED),
    "a gzip that is none": (b"Content-Encoding: gzip\r\n\r\n", no_gzip, EXCHANGE_FAILED),
    "a slow drip": (b"Connection: close\r\n\r\n", slow_drip, PROVIDER_UNAVAILABLE),
    "slow headers": (b"", slow_headers, PROVIDER_UNAVAILABLE),
    "cut short": (b"Content-Length: 2048\r\n\r\n", half, PROVIDER_UNAVAILABLE),
    "broken headers": (b"\x00: \xff\r\n\r\n", half, PROVIDER_UNAVAILABLE),
    "two lengths": (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", half, PROVIDER_UNAVAILABLE),
}


@pytest.mark.case(51)
@pytest.mark.parametrize(("head", "body", "error"), RAW.values(), ids=RAW.keys())
async def test_an_answer_without_end_is_a_bounded_failure(
    head: bytes, body: Callable[[], AsyncIterator[bytes]], error: str
) -> None:
    sent: list[int] = []
    provider = HostileProvider()
    async with raw_server(head, body, sent) as url:
        provider.metadata["token_endpoint"] = f"{url}/token"
        async with running_product(provider=provider, sockets=[url]) as product:
            await deny(product, error)

    # What the sockets' buffers hold, and no more, went out.
    assert sum(sent) < 20 * MEBIBYTE


@pytest.mark.case(52)
@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        *((ABSENT, 3600), (None, 3600), ("", 3600), ([], 3600)),
        *((1, 1), (900, 900), (31_536_000, 31_536_000)),
        *(("900", 900), (900.0, 900), (900.5, 900)),
    ],
)
async def test_expires_in_is_taken_when_it_is_one_and_an_hour_when_it_is_absent(
    product: Product, provider: HostileProvider, expires_in: object, seconds: int
) -> None:
    provider.token_answer = {"expires_in": expires_in}

    await product.sign_in()

    (tokens,) = product.store.committed.va_tokens.values()
    assert tokens.expires_at == product.clock.now() + timedelta(seconds=seconds)


NO_LIFETIMES = [
    *("0", "-1", "0.5", "1" + "0" * 30, "1e9", "true", "[3600]", "{}"),
    *('"0"', '"-1"', '" 3600"', '"1e3"', '"an hour"', '"\u0663\u0666"', '"1' + "0" * 30 + '"'),
]


@pytest.mark.case(52)
@pytest.mark.parametrize("text", NO_LIFETIMES)
async def test_expires_in_that_is_none_is_denied(
    product: Product, provider: HostileProvider, text: str
) -> None:
    provider.token_answer = {"expires_in": json.loads(text)}

    await deny(product, reason="expires_in")


@pytest.mark.case(53)
@pytest.mark.parametrize("kind", ["mac", "DPoP", "", ABSENT, None, 7, ["Bearer"], "Bearer "])
async def test_any_token_type_but_bearer_is_denied(
    product: Product, provider: HostileProvider, kind: object
) -> None:
    provider.token_answer = {"token_type": kind}

    await deny(product, reason="token_type")


@pytest.mark.case(53)
@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ABSENT},
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "a\r\nX-Injected: 1"},
        {"access_token": "a\u0000"},
        {"access_token": "é"},
        {"access_token": "x" * 100_000},
        {"refresh_token": 7},
        {"refresh_token": "a\u0000"},
        {"refresh_token": "x" * 100_000},
        {"scope": 7},
        {"scope": ["openid", 7]},
        {"scope": {"openid": True}},
        {"scope": 'openid "quoted"'},
        {"scope": "s " * 10_000},
    ],
    ids=lambda changes: "{}: {!r:.20}".format(*next(iter(changes.items()))),
)
async def test_a_token_that_is_none_is_denied(
    product: Product, provider: HostileProvider, changes: Mapping[str, object]
) -> None:
    provider.claims = {"at_hash": ABSENT}
    provider.token_answer = dict(changes)

    await deny(product)


@pytest.mark.case(55)
async def test_a_refresh_token_left_out_keeps_the_old_one(
    product: Product, provider: HostileProvider
) -> None:
    provider.token_answer = {"refresh_token": "the-first-refresh-token"}
    await product.sign_in()
    provider.token_answer = {"refresh_token": ABSENT, "access_token": "the-second-access-token"}
    provider.claims = {"at_hash": ABSENT}
    provider.replies["/connect/me"] = saying(altered({"sub": provider.person["sub"]}, {}))
    provider.icn_in = "id_token"
    product.secrets |= {"the-first-refresh-token", "the-second-access-token"}

    await product.sign_in()

    (user_id,) = product.store.committed.va_tokens
    tokens = await opened_tokens(product.container, user_id)
    assert tokens is not None
    assert tokens.refresh_token == Secret("the-first-refresh-token")
    assert tokens.access_token == Secret("the-second-access-token")


@asynccontextmanager
async def tls_server(folder: Path, received: bytearray) -> AsyncIterator[str]:
    """A TLS server whose certificate is right in everything, but nobody vouches for it."""
    key = rsa_key("tls").private
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The client may leave only after the handshake.
        received.extend(await reader.read(1))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


@pytest.mark.case(57)
@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri"])
async def test_a_certificate_nobody_vouches_for_is_denied_before_anything_is_sent(
    provider: HostileProvider, tmp_path: Path, endpoint: str
) -> None:
    received = bytearray()
    async with tls_server(tmp_path, received) as url:
        provider.metadata[endpoint] = f"{url}/here"
        async with running_product(provider=provider, sockets=[url]) as product:
            await deny(product, PROVIDER_UNAVAILABLE)

    assert not received


@pytest.mark.case(57)
async def test_discovery_behind_such_a_certificate_starts_nothing(
    provider: HostileProvider, tmp_path: Path
) -> None:
    received = bytearray()
    async with (
        tls_server(tmp_path, received) as url,
        running_product(
            provider=provider, sockets=[url], va_discovery_url=f"{url}/discovery"
        ) as product,
    ):
        answer = await product.browser().start()

    assert answer.status_code == 503
    assert not received


async def test_the_service_signs_in_over_a_real_wire(provider: HostileProvider) -> None:
    """So that the failures above are failures of what they say."""
    async with serving(provider.app) as (url, _server):
        provider.metadata["token_endpoint"] = f"{url}{TOKEN}"
        async with running_product(provider=provider, sockets=[url]) as product:
            await product.sign_in()

    assert provider.exchanges == 1
