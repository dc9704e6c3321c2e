"""One deadline for an exchange as a whole, in threads."""

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import httpcore
import pytest
from pytest_mock import MockerFixture

from vetassist_client.deadline import Deadline, DeadlineBackend, DeadlineStream


class Stream(httpcore.NetworkStream):
    """Notes the time-outs that it is given."""

    def __init__(self) -> None:
        self.timeouts: list[float | None] = []
        self.is_closed = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.timeouts.append(timeout)
        return b"x" * max_bytes

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.timeouts.append(timeout)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        self.timeouts.append(timeout)
        return self

    def get_extra_info(self, info: str) -> Any:
        return info

    def close(self) -> None:
        self.is_closed = True


class Backend(httpcore.NetworkBackend):
    """Connects to the addresses in ``answering`` only."""

    def __init__(self, *answering: str) -> None:
        self.answering = answering
        self.tried: list[tuple[str, float | None]] = []

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: Any
    ) -> httpcore.NetworkStream:
        self.tried.append((host, timeout))
        if host not in self.answering:
            raise httpcore.ConnectTimeout
        return Stream()


@pytest.fixture
def now(mocker: MockerFixture) -> Iterator[list[float]]:
    """The monotonic clock: a list of one number."""
    now = [100.0]
    mocker.patch("vetassist_client.deadline.time.monotonic", side_effect=lambda: now[0])
    return iter([now])


def test_each_step_gets_what_is_left(now: Iterator[list[float]]) -> None:
    (clock,) = now
    inner = Stream()
    stream = DeadlineStream(inner)

    with Deadline.after(2.0):
        stream.write(b"a", 99.0)
        clock[0] += 0.5
        stream.read(1, None)
        clock[0] += 0.5
        over_tls = stream.start_tls(ssl.create_default_context(), "x")
        clock[0] += 0.5
        over_tls.read(1)

    assert inner.timeouts == [2.0, 1.5, 1.0, 0.5]
    assert isinstance(over_tls, DeadlineStream)


def test_after_the_deadline_nothing_is_read_or_written(now: Iterator[list[float]]) -> None:
    (clock,) = now
    inner = Stream()
    stream = DeadlineStream(inner)

    with Deadline.after(2.0):
        clock[0] += 2.0
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(1)
        with pytest.raises(httpcore.WriteTimeout):
            stream.write(b"a")
        with pytest.raises(httpcore.ConnectTimeout):
            stream.start_tls(ssl.create_default_context())

    assert inner.timeouts == []
    stream.close()
    assert inner.is_closed
    assert stream.get_extra_info("socket") == "socket"


def resolved(mocker: MockerFixture, *addresses: str) -> None:
    mocker.patch(
        "vetassist_client.deadline.socket.getaddrinfo",
        return_value=[
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in addresses
        ],
    )


def test_an_address_that_does_not_answer_leaves_time_for_the_next_one(
    mocker: MockerFixture, now: Iterator[list[float]]
) -> None:
    resolved(mocker, "192.0.2.1", "192.0.2.2")
    inner = Backend("192.0.2.2")
    backend = DeadlineBackend(inner)

    with Deadline.after(2.0):
        backend.connect_tcp("service.example.org", 80)

    assert inner.tried == [("192.0.2.1", 1.0), ("192.0.2.2", 2.0)]
    backend.close()


@pytest.mark.parametrize("addresses", [(), ("192.0.2.1", "192.0.2.2")])
def test_no_address_answers(mocker: MockerFixture, addresses: tuple[str, ...]) -> None:
    resolved(mocker, *addresses)
    backend = DeadlineBackend(Backend())

    with Deadline.after(60), pytest.raises((httpcore.ConnectTimeout, httpcore.ConnectError)):
        backend.connect_tcp("service.example.org", 80)
    backend.close()


def test_a_resolver_that_hangs_is_not_waited_for(mocker: MockerFixture) -> None:
    is_over = threading.Event()
    mocker.patch(
        "vetassist_client.deadline.socket.getaddrinfo", side_effect=lambda *_, **__: is_over.wait()
    )
    backend = DeadlineBackend(Backend())
    try:
        with Deadline.after(0.05), pytest.raises(httpcore.ConnectTimeout):
            backend.connect_tcp("service.example.org", 80)
    finally:
        is_over.set()
        backend.close()


def test_a_name_that_does_not_exist(mocker: MockerFixture) -> None:
    mocker.patch("vetassist_client.deadline.socket.getaddrinfo", side_effect=socket.gaierror)
    backend = DeadlineBackend(Backend())

    with Deadline.after(60), pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("nowhere.invalid", 80)
    backend.close()
