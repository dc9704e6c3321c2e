"""The documented nginx configuration in a real nginx, between a back end and the real service."""

import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_mock import MockerFixture
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from adapters.memory.session_lookup import MemorySessionLookup
from application.errors import UnavailableError
from tests.support.environment import plain_environment
from tests.support.processes import HOST, REPOSITORY, free_port, running
from tests.support.product import SERVICE_URL, Product, running_product, serving

NGINX = shutil.which("nginx", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
CONFIGURATION = REPOSITORY / "examples" / "nginx" / "vetassist.conf"
SOMEBODY_ELSE = "11111111-1111-4111-8111-111111111111"

pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx (apt-get: nginx-light)")

#: What stands around the file in an installed nginx.
_AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/vetassist.conf;
}}
"""
_TRIES = 1200


@dataclass(kw_only=True)
class BackEnd:
    """Serves whatever comes through, and keeps it."""

    status: int = 200
    seen: list[Request] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()
        self.seen.append(request)
        await JSONResponse({"from": "the back end"}, self.status)(scope, receive, send)

    def identities(self) -> list[tuple[str, str]]:
        """Each identity header of the last request, however its name is written."""
        return [
            (name.decode().lower().replace("_", "-"), value.decode())
            for name, value in self.seen[-1].headers.raw
            if name.lower().replace(b"_", b"-").startswith(b"x-auth")
        ]


@dataclass(frozen=True, kw_only=True)
class Proxied:
    """A client of nginx, with the service and the back end behind it.

    Attributes:
        asked: The headers of each question to the service.
    """

    http: httpx.AsyncClient
    product: Product
    back_end: BackEnd
    service: AsyncExitStack
    asked: list[dict[str, str]]

    async def stop_service(self) -> None:
        await self.service.aclose()


@contextmanager
def nginx(folder: Path, *, service_port: int, back_end_port: int) -> Iterator[str]:
    """The configuration as it stands in the repository, but for the three addresses."""
    port = free_port()
    text = with_changes(
        CONFIGURATION.read_text(),
        {
            "server 127.0.0.1:8000 max_fails": f"server {HOST}:{service_port} max_fails",
            "server 127.0.0.1:9000;": f"server {HOST}:{back_end_port};",
            "listen 127.0.0.1:8080;": f"listen {HOST}:{port};",
        },
    )
    with running_nginx(folder, text, port):
        yield f"http://{HOST}:{port}"


def with_changes(text: str, changes: Mapping[str, str]) -> str:
    """A configuration with each of these places, which it has once, changed."""
    for place, actual in changes.items():
        assert text.count(place) == 1, place
        text = text.replace(place, actual)
    return text


@contextmanager
def running_nginx(folder: Path, configuration: str, port: int) -> Iterator[None]:
    (folder / "vetassist.conf").write_text(configuration)
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder))
    log = folder / "error.log"
    process = subprocess.Popen(
        [NGINX or "nginx", "-p", folder, "-e", log, "-c", folder / "nginx.conf"],
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_listener(process, port, log)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _await_listener(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(_TRIES):
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionRefusedError:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            return
    raise AssertionError(log.read_text())


@asynccontextmanager
async def behind_nginx(folder: Path, **settings: Any) -> AsyncIterator[Proxied]:
    async with (
        running_product(**settings) as product,
        AsyncExitStack() as stack,
        AsyncExitStack() as service,
    ):
        asked: list[dict[str, str]] = []

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            asked.append({name.decode(): value.decode() for name, value in scope["headers"]})
            await product.app(scope, receive, send)

        back_end = BackEnd()
        service_url, _ = await service.enter_async_context(serving(answer))
        back_end_url, _ = await stack.enter_async_context(serving(back_end))
        url = stack.enter_context(
            nginx(folder, service_port=_port(service_url), back_end_port=_port(back_end_url))
        )
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
        yield Proxied(http=http, product=product, back_end=back_end, service=service, asked=asked)


def _port(url: str) -> int:
    return httpx.URL(url).port or 80


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncIterator[Proxied]:
    async with behind_nginx(tmp_path) as proxied:
        yield proxied


async def test_a_session_gets_through_with_the_identity_that_the_service_gives(
    proxied: Proxied,
) -> None:
    signed_in = await proxied.product.sign_in()
    shown = (await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)).json()

    answer = await proxied.http.get("/records?page=2", headers=signed_in.headers)

    assert (answer.status_code, answer.json()) == (200, {"from": "the back end"})
    assert str(proxied.back_end.seen[-1].url).endswith("/records?page=2")
    assert sorted(proxied.back_end.identities()) == [
        ("x-auth-session", shown["session_id"]),
        ("x-auth-user", shown["user_id"]),
    ]


@pytest.mark.parametrize(
    "claimed",
    [
        [("X-Auth-User", SOMEBODY_ELSE), ("X-Auth-Session", SOMEBODY_ELSE)],
        [("x-auth-user", SOMEBODY_ELSE), ("X-AUTH-SESSION", SOMEBODY_ELSE)],
        [("X-Auth-User", SOMEBODY_ELSE), ("x-aUTH-uSER", SOMEBODY_ELSE)],
        [("X_Auth_User", SOMEBODY_ELSE), ("X-Auth_Session", SOMEBODY_ELSE)],
        [("X-Auth-User", ""), ("X-Auth-Session", "")],
        # "Hop by hop": as if the proxy's own headers were meant for the proxy only.
        [("Connection", "close, X-Auth-User, X-Auth-Session")],
    ],
    ids=["plain", "other-case", "twice", "underscores", "empty", "hop-by-hop"],
)
async def test_an_identity_that_the_client_claims_never_gets_through(
    proxied: Proxied, claimed: list[tuple[str, str]]
) -> None:
    signed_in = await proxied.product.sign_in()
    ((_, session),) = [(each.user_id, each.id) for each in proxied.product.sessions]
    honest = await proxied.http.get("/", headers=signed_in.headers)
    given = proxied.back_end.identities()

    answer = await proxied.http.get("/", headers=[*signed_in.headers.items(), *claimed])
    without_session = await proxied.http.get("/", headers=claimed)

    assert (honest.status_code, answer.status_code) == (200, 200)
    assert ("x-auth-session", str(session)) in given
    assert proxied.back_end.identities() == given
    assert without_session.status_code == 401
    assert len(proxied.back_end.seen) == 2


async def test_without_a_token_the_answer_is_401_with_the_challenge(proxied: Proxied) -> None:
    answer = await proxied.http.get("/")

    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == [
        'Bearer realm="vetassist", error="invalid_token"'
    ]
    assert not proxied.back_end.seen


async def test_a_revoked_session_is_refused_at_the_next_request(proxied: Proxied) -> None:
    signed_in = await proxied.product.sign_in()

    before = await proxied.http.get("/", headers=signed_in.headers)
    await signed_in.browser.delete("/api/v1/session", headers=signed_in.headers)
    after = await proxied.http.get("/", headers=signed_in.headers)

    assert (before.status_code, after.status_code) == (200, 401)
    assert len(proxied.back_end.seen) == 1


async def test_a_stopped_service_is_an_outage_and_no_log_out(proxied: Proxied) -> None:
    signed_in = await proxied.product.sign_in()
    before = await proxied.http.get("/", headers=signed_in.headers)

    await proxied.stop_service()
    during = await proxied.http.get("/", headers=signed_in.headers)

    assert before.status_code == 200
    assert_unavailable(during)
    assert len(proxied.back_end.seen) == 1


async def test_an_outage_that_the_service_reports_is_passed_on_as_one(
    proxied: Proxied, mocker: MockerFixture
) -> None:
    signed_in = await proxied.product.sign_in()
    mocker.patch.object(MemorySessionLookup, "find", side_effect=UnavailableError)

    answer = await proxied.http.post("/", headers=signed_in.headers, content=b"body")

    assert_unavailable(answer)
    assert not proxied.back_end.seen


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "unavailable",
    }
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("status", [401, 404, 500, 503])
async def test_what_the_back_end_answers_itself_is_left_as_it_is(
    proxied: Proxied, status: int
) -> None:
    signed_in = await proxied.product.sign_in()
    proxied.back_end.status = status

    answer = await proxied.http.get("/", headers=signed_in.headers)

    assert (answer.status_code, answer.json()) == (status, {"from": "the back end"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_gets_through_with_its_body(proxied: Proxied, method: str) -> None:
    signed_in = await proxied.product.sign_in()

    answer = await proxied.http.request(
        method, "/", headers=signed_in.headers, content=b"x" * 100_000
    )

    assert answer.status_code == 200
    assert proxied.back_end.seen[-1].method == method
    assert await proxied.back_end.seen[-1].body() == b"x" * 100_000


async def test_a_second_token_beside_a_good_one_gets_nobody_through(proxied: Proxied) -> None:
    signed_in = await proxied.product.sign_in()
    (token,) = signed_in.headers.values()

    answer = await proxied.http.get(
        "/", headers=[("Authorization", token), ("Authorization", "Bearer x")]
    )

    assert answer.status_code in {400, 401}
    assert not proxied.back_end.seen


async def test_the_service_is_told_the_credential_and_the_method_and_no_more(
    proxied: Proxied,
) -> None:
    headers = {"Authorization": "Bearer x", "User-Agent": "y", "X-Forwarded-Method": "GET"}

    await proxied.http.post("/records?page=2", headers=headers | {"X-Other": "z"}, content=b"body")

    assert proxied.asked == [
        {"host": "vetassist", "authorization": "Bearer x", "x-forwarded-method": "POST"}
    ]


async def test_nobody_can_ask_the_service_through_the_proxy(proxied: Proxied) -> None:
    signed_in = await proxied.product.sign_in()

    answer = await proxied.http.get("/_vetassist/verify", headers=signed_in.headers)

    assert answer.status_code == 404


async def test_a_cookie_gets_through_but_not_what_another_site_does_with_it(
    tmp_path: Path,
) -> None:
    async with behind_nginx(tmp_path, session_delivery="cookie") as proxied:
        browser = proxied.product.browser()
        await browser.get(await browser.begin())
        cookie = {"Cookie": f"vetassist_session={browser.http.cookies['vetassist_session']}"}
        ours, theirs = {"Origin": SERVICE_URL}, {"Origin": "https://elsewhere.example"}

        read = await proxied.http.get("/", headers=cookie)
        from_our_page = await proxied.http.post("/", headers=cookie | ours)
        from_elsewhere = await proxied.http.post("/", headers=cookie | theirs)
        pretending = await proxied.http.post(
            "/", headers=cookie | theirs | {"X-Forwarded-Method": "GET"}
        )

    assert (read.status_code, from_our_page.status_code) == (200, 200)
    assert (from_elsewhere.status_code, pretending.status_code) == (403, 403)
    assert len(proxied.back_end.seen) == 2


async def test_the_example_back_end_works_behind_it(tmp_path: Path) -> None:
    async with running_product() as product, serving(product.app) as (service_url, _):
        signed_in = await product.sign_in()
        with (
            running(
                environment=plain_environment() | {"VETASSIST_URL": service_url},
                log=tmp_path / "example.log",
                ready="/healthz",
                command=(sys.executable, "-m", "uvicorn", "examples.starlette_backend.app:app"),
            ) as example,
            nginx(
                tmp_path, service_port=_port(service_url), back_end_port=_port(example.url)
            ) as url,
        ):
            async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
                known = await http.get("/api/me", headers=signed_in.headers)
                unknown = await http.get("/api/me")

    (session,) = product.sessions
    assert known.json() == {"user_id": str(session.user_id), "session_id": str(session.id)}
    assert unknown.status_code == 401
