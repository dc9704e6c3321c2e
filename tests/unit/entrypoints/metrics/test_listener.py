"""The port that Prometheus asks."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import httpx
import pytest
from anyio.lowlevel import checkpoint

from entrypoints.metrics.listener import metrics_listener
from entrypoints.sockets import CannotListenError
from tests.support.processes import two_free_ports

HOST = "127.0.0.1"


async def scrape(accept: str) -> tuple[str, bytes]:
    return "text/plain; version=0.0.4", f"asked_for {accept!r}\n".encode()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with metrics_listener(scrape, host=HOST, port=0, processes=1) as port:
        yield port


async def ask(port: int, method: str = "GET", path: str = "/metrics") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Accept": "text/plain;q=0.5"}
        return await client.request(method, f"http://{HOST}:{port}{path}", headers=headers)


async def raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


async def test_a_scrape_is_answered_in_the_form_that_was_asked_for(port: int) -> None:
    answer = await ask(port, path="/metrics?name[]=x")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == "asked_for 'text/plain;q=0.5'\n"


@pytest.mark.parametrize("path", ["/", "/metrics/", "/api/v1/session", "/healthz"])
async def test_nothing_else_is_there(port: int, path: str) -> None:
    assert (await ask(port, path=path)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD", "OPTIONS"])
async def test_nothing_but_get_is_allowed(port: int, method: str) -> None:
    answer = await ask(port, method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "request_", [b"", b"GET /metrics HTTP/1.1\r\n", b"\x00\xff\r\n", b"x" * 100_000]
)
async def test_what_is_no_request_is_refused_within_bounds(port: int, request_: bytes) -> None:
    try:
        assert (await raw(port, request_)).startswith(b"HTTP/1.1 400 ")
    except ConnectionError:
        assert len(request_) > 16_384, "hung up on an honest length"
    assert (await ask(port)).status_code == 200


async def test_a_client_that_is_gone_before_its_answer_is_no_error() -> None:
    answered = asyncio.Event()

    async def slow(accept: str) -> tuple[str, bytes]:
        client.close()
        # The server learns that the connection is gone.
        for _ in range(100):
            await checkpoint()
        answered.set()
        return await scrape(accept)

    async with metrics_listener(slow, host=HOST, port=0, processes=1) as port:
        with socket.create_connection((HOST, port)) as client:
            # Closing sends a reset.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            await answered.wait()


async def test_a_bug_in_the_scrape_is_an_answer_and_says_nothing_of_it() -> None:
    async def broken(_accept: str) -> tuple[str, bytes]:
        raise RuntimeError("canary")

    async with metrics_listener(broken, host=HOST, port=0, processes=1) as port:
        answer = await ask(port)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error\n")


async def test_each_process_takes_the_next_free_port_and_no_more_than_there_are_processes() -> None:
    first, second = two_free_ports()
    async with metrics_listener(scrape, host=HOST, port=first, processes=2) as one:
        async with metrics_listener(scrape, host=HOST, port=first, processes=2) as other:
            assert (one, other) == (first, second)
            with pytest.raises(CannotListenError, match="address already in use"):
                async with metrics_listener(scrape, host=HOST, port=first, processes=2):
                    pass
        # The place of a process that went is free for the one that comes for it.
        async with metrics_listener(scrape, host=HOST, port=first, processes=2) as again:
            assert again == second
