"""Where commands listen, and the one line that says why they can't."""

import errno
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from entrypoints import sockets
from entrypoints.cli import app
from entrypoints.commands import demo
from entrypoints.sandbox.settings import url_of
from entrypoints.serving import server
from entrypoints.settings import Settings
from entrypoints.sockets import CannotListenError, bound_sockets, require_free
from tests.support.environment import read, required_settings
from tests.support.processes import free_port

HOST = "127.0.0.1"
TAKEN = "address already in use: stop the program that listens there, or choose another port"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def taken(stack: ExitStack) -> int:
    """A port that another program listens on."""
    listener = stack.enter_context(socket.create_server((HOST, 0)))
    port: int = listener.getsockname()[1]
    return port


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::", "[::]", "0::0", "0:0:0:0:0:0:0:0"])
def test_every_ipv6_address_is_every_address_of_both_kinds(stack: ExitStack, host: str) -> None:
    bound = [stack.enter_context(each) for each in bound_sockets(host, 0)]
    assert {each.family for each in bound} == {socket.AF_INET, socket.AF_INET6}
    assert len({each.getsockname()[1] for each in bound}) == 1


def test_without_ipv6_they_are_those_of_ipv4(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    def without_ipv6(family: int, *arguments: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *arguments)

    monkeypatch.setattr("socket.socket", without_ipv6)
    bound = [stack.enter_context(each) for each in bound_sockets("::", 0)]
    assert {each.family for each in bound} == {socket.AF_INET}


def test_an_address_that_a_name_stands_for_twice_is_bound_once(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (HOST, 0))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [found, found])
    assert len([stack.enter_context(each) for each in bound_sockets("localhost", 0)]) == 1


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.1", "this machine has no such address: choose one that it has"),
        ("no-such-host.invalid", "there is no such host: choose an address of this machine"),
        ("a..b", "there is no such host: choose an address of this machine"),
        ("a" * 70 + ".example", "there is no such host: choose an address of this machine"),
    ],
)
def test_a_host_that_is_not_this_machine_is_said(host: str, said: str) -> None:
    with pytest.raises(CannotListenError) as refused:
        bound_sockets(host, 8000)
    assert str(refused.value) == f"cannot listen on {host}, port 8000: {said}"


def test_a_privileged_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(sockets, "_bound", refuse)
    with pytest.raises(CannotListenError) as refused:
        bound_sockets(HOST, 80)
    assert str(refused.value) == (
        f"cannot listen on {HOST}, port 80: permission denied: choose a port from 1024 up, or "
        "allow this user lower ones"
    )


def test_a_program_that_listens_after_the_socket_was_bound_is_noticed(stack: ExitStack) -> None:
    (first,) = bound_sockets(HOST, 0)
    stack.enter_context(first)
    port = first.getsockname()[1]
    # Two sockets can be bound, but only one of them can listen.
    require_free(HOST, port)
    first.listen()
    with pytest.raises(CannotListenError, match=TAKEN):
        require_free(HOST, port)


def test_nothing_stays_bound_after_a_refusal(taken: int, stack: ExitStack) -> None:
    with pytest.raises(CannotListenError):
        bound_sockets(HOST, taken)
    stack.close()
    require_free(HOST, taken)


# Commands.


def settings(**changes: str) -> Settings:
    return read(required_settings() | changes)


@pytest.mark.parametrize("workers", [1, 3])
def test_serve_says_it_in_one_line(
    taken: int, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        server.run(settings(), HOST, taken, workers)
    assert ended.value.code == 3
    said = f"vetassist: cannot listen on {HOST}, port {taken}: {TAKEN}\n"
    assert capsys.readouterr().err == said


def test_serve_says_that_a_metrics_port_is_taken_or_beyond_the_last(
    taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for port, workers, code, said in (
        (taken, 1, 3, f"cannot listen on {HOST}, port {taken}: {TAKEN}"),
        (65_535, 2, 2, "must be at most 65534, so that each worker has one"),
    ):
        with pytest.raises(SystemExit) as ended:
            server.run(settings(VETASSIST_METRICS_PORT=str(port)), HOST, 0, workers)
        assert ended.value.code == code
        assert capsys.readouterr().err == f"vetassist: VETASSIST_METRICS_PORT: {said}\n"


def test_the_sandbox_says_it_in_one_line(taken: int) -> None:
    with patch.dict(os.environ, {}, clear=True):
        result = CliRunner().invoke(app, ["sandbox", "--host", HOST, "--port", str(taken)])
    assert result.exit_code == 3
    assert result.stderr == f"vetassist: cannot listen on {HOST}, port {taken}: {TAKEN}\n"


DEMO_PORTS = ("VETASSIST_DEMO_PORT", "VETASSIST_SANDBOX_PORT", "VETASSIST_DEMO_CONSOLE_PORT")


@pytest.mark.parametrize("name", DEMO_PORTS)
def test_the_demo_says_it_in_one_line_before_it_starts_anything(
    taken: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(demo, "_database", refuse)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(demo, "_HOST", HOST)
    ports = {each: str(free_port()) for each in DEMO_PORTS} | {name: str(taken)}
    with patch.dict(os.environ, ports, clear=True):
        result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 5
    assert result.stderr == f"vetassist: {name}: cannot listen on {HOST}, port {taken}: {TAKEN}\n"


@pytest.mark.parametrize(
    ("name", "port", "other"),
    [
        ("VETASSIST_SANDBOX_PORT", "8000", "VETASSIST_DEMO_PORT"),
        ("VETASSIST_DEMO_CONSOLE_PORT", "8000", "VETASSIST_DEMO_PORT"),
        ("VETASSIST_DEMO_CONSOLE_PORT", "8001", "VETASSIST_SANDBOX_PORT"),
    ],
)
def test_the_demo_refuses_one_port_for_two(
    name: str, port: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with patch.dict(os.environ, {name: port}, clear=True):
        result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 2
    assert result.stderr == f"vetassist: {name}: must not be the same as {other}\n"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8001"),
        ("localhost", "http://localhost:8001"),
        ("::", "http://localhost:8001"),
        ("[::]", "http://localhost:8001"),
        ("0.0.0.0", "http://localhost:8001"),
        ("::1", "http://[::1]:8001"),
        ("[::1]", "http://[::1]:8001"),
        ("", "http://localhost:8001"),
    ],
)
def test_the_sandbox_is_reached_by_a_url_that_browsers_open(host: str, url: str) -> None:
    assert url_of(host, 8001) == url
