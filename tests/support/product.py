"""The whole product in one process: the real app, in front of a provider, over memory.

A test is a browser::

    async with running_product() as product:
        signed_in = await product.sign_in("tamara-ellis")
        await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)

Whatever a test does, nothing secret may come to stand in the log or the audit trail:
``running_product`` looks at both when the test is done.
"""

import asyncio
import json
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from io import StringIO
from typing import Any, Final, Protocol, final
from urllib.parse import parse_qsl, urlsplit

import httpx
from anyio.lowlevel import checkpoint
from dependency_injector import providers
from starlette.applications import Starlette
from starlette.types import ASGIApp

from adapters.memory.store import MemoryStore
from adapters.postgres.pool import Pool
from adapters.va_oauth.bounded_http import Received, Wire
from adapters.va_oauth.bulkhead import BulkheadLimits
from adapters.va_oauth.identity_provider import SIGN_INS
from adapters.va_oauth.wire_on_demand import WireOnDemand
from application.ports.clock import Clock
from domain.audit_event import AuditEvent
from domain.session import Session
from entrypoints.container import Container
from entrypoints.logs import configure_logs
from entrypoints.sandbox.app import create_sandbox
from entrypoints.sandbox.documents import OAUTH_BASE, STATUS_PATH
from entrypoints.sandbox.settings import SandboxSettings
from entrypoints.sandbox.signing import SigningKey
from entrypoints.sandbox.veterans import find_veteran
from entrypoints.sandbox.world import World
from entrypoints.serving.app import create_app
from entrypoints.serving.bounded_http import refuse
from entrypoints.serving.http_server import HTTPServer, server_config
from entrypoints.serving.turnstile import CrowdLimits
from entrypoints.settings import Settings
from tests.support.environment import PREFIX, read, required_settings
from tests.support.frozen_clock import FrozenClock, frozen_clock
from tests.support.httpx_wire import HttpxWire
from tests.support.service import after_the_start
from tests.support.storage import Storage, memory_storage, postgres_storage

SERVICE_URL: Final = "http://localhost:8000"
SANDBOX_URL: Final = "http://localhost:8001"
#: Another host than the service's, so that the service does not serve its own pages.
FRONT_END_URL: Final = "http://localhost:3000"
LOGIN: Final = "/api/v1/va/login"
CALLBACK: Final = "/api/v1/va/callback"

_DEADLINE: Final = timedelta(seconds=10)
_PATIENCE_SECONDS: Final = 60
_TURNS: Final = 1000
_AGAIN_SECONDS: Final = 0.002
#: What of a URL's query nobody but its two ends may see.
_SECRET_PARAMETERS: Final = frozenset(
    {"state", "code", "nonce", "code_challenge", "token", "error_description"}
)
#: Shorter texts may stand in a log by chance.
_MIN_SECRET_CHARACTERS: Final = 5
#: The cookie whose value is there to be told to support.
_TO_BE_QUOTED: Final = "vetassist_reference"
_CLIENT_SECRET: Final = "Z4nF8_w2~sandbox-client"
# What takes long to make is made once for all products.
_SANDBOX_KEY: Final = SigningKey.generate()
# The tests' browsers would log URLs, which contain codes and states.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Provider(Protocol):
    """An OpenID Provider for the product to sign Veterans in with.

    Attributes:
        url: Its origin.
        settings: What the service is told of it.
        secrets: What it has told anybody in confidence so far.
    """

    url: str
    secrets: set[str]

    @property
    def settings(self) -> Mapping[str, object]: ...

    def opened(self, *, redirect_uri: str, clock: Clock) -> ASGIApp:
        """Begin to serve the registered client, whose clock it shares."""

    def describe(self, veteran: str) -> Mapping[str, str]:
        """The form that a person fills in to sign in as ``veteran``."""


@final
class Sandbox(Provider):
    """The product's own simulated VA."""

    url = SANDBOX_URL

    def __init__(self) -> None:
        self.secrets = {_CLIENT_SECRET}
        self.world: World | None = None
        self._settings = SandboxSettings(
            client_id="vetassist_test", client_secret=_CLIENT_SECRET, redirect_uris=()
        )

    @property
    def settings(self) -> Mapping[str, object]:
        return {
            "va_discovery_url": f"{self.url}{OAUTH_BASE}/.well-known/openid-configuration",
            "va_issuer": self._settings.issuer,
            "va_client_id": self._settings.client_id,
            "va_client_secret": self._settings.client_secret,
            "va_status_url": f"{self.url}{STATUS_PATH}",
        }

    def opened(self, *, redirect_uri: str, clock: Clock) -> ASGIApp:
        settings = SandboxSettings(
            client_id=self._settings.client_id,
            client_secret=_CLIENT_SECRET,
            redirect_uris=(redirect_uri,),
            public_url=self.url,
        )
        self.world = World(
            settings,
            clock=lambda: clock.now().timestamp(),
            random_token=self._random_token,
            signing_key=_SANDBOX_KEY,
        )
        return create_sandbox(settings, world=self.world)

    def describe(self, veteran: str) -> Mapping[str, str]:
        if veteran == "decline":
            return {"decline": "yes"}
        person = find_veteran(veteran)
        assert person is not None, veteran
        told = (person.icn, person.email, person.given_name, person.family_name, person.okta_id)
        self.secrets.update(text for text in told if text is not None)
        return {"veteran": veteran}

    def _random_token(self) -> str:
        token = secrets.token_urlsafe(32)
        self.secrets.add(token)
        return token


@final
class Network(httpx.AsyncBaseTransport):
    """The hosts there are. A call to any other is noted and fails.

    Args:
        apps: By origin; None stands for one that listens on a socket.
        address: Where the calls come from.
        strays: Takes the calls to nowhere.
    """

    def __init__(
        self, apps: Mapping[str, ASGIApp | None], *, address: str, strays: list[str]
    ) -> None:
        self._transports: dict[str, httpx.AsyncBaseTransport] = {
            origin: httpx.AsyncHTTPTransport(trust_env=False)
            if app is None
            else httpx.ASGITransport(app, client=(address, 50_000))
            for origin, app in apps.items()
        }
        self._strays = strays

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = self._transports.get(origin_of(str(request.url)))
        if transport is None:
            self._strays.append(str(request.url))
            raise httpx.ConnectError("no such host", request=request)
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()


@final
class ServiceWire(Wire):
    """The service's own wire to what listens on a socket, and the network to all other hosts.

    Attributes:
        conversations: The last part of each path that was called in each conversation.
    """

    def __init__(self, network: Network, sockets: Sequence[str]) -> None:
        self.conversations: list[list[str]] = []
        self._network = HttpxWire(httpx.AsyncClient(transport=network, trust_env=False))
        self._own = WireOnDemand()
        self._sockets = sockets

    @contextmanager
    def conversation(self) -> Iterator[Wire]:
        called: list[str] = []
        self.conversations.append(called)
        yield _HeardWire(self, called)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        wire: Wire = self._own if origin_of(url) in self._sockets else self._network
        return await wire.send(method, url, headers, body, max_bytes=max_bytes)

    async def aclose(self) -> None:
        await self._network.aclose()
        await self._own.aclose()


@final
class _HeardWire(Wire):
    """A conversation of which it is known who was called."""

    def __init__(self, wire: Wire, called: list[str]) -> None:
        self._wire = wire
        self._called = called

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, max_bytes: int
    ) -> Received:
        self._called.append(urlsplit(url).path.rpartition("/")[2])
        return await self._wire.send(method, url, headers, body, max_bytes=max_bytes)

    async def aclose(self) -> None:
        """Leave the wire open to others."""


@final
class Browser:
    """One person's browser: a cookie jar, and no redirect is followed unseen."""

    def __init__(self, http: httpx.AsyncClient, provider: Provider) -> None:
        self.http = http
        self._provider = provider

    @property
    def cookie_header(self) -> str:
        """Every cookie of the jar, as somebody who copied them would send them."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies.jar)

    def cookies(self, part: str) -> dict[str, str]:
        """The cookies whose names have this part."""
        jar = self.http.cookies.jar
        return {cookie.name: cookie.value or "" for cookie in jar if part in cookie.name}

    async def get(self, url: str, **options: Any) -> httpx.Response:
        return await self.http.get(url, **options)

    async def delete(self, url: str, **options: Any) -> httpx.Response:
        return await self.http.delete(url, **options)

    async def post(self, url: str, **options: Any) -> httpx.Response:
        return await self.http.post(url, **options)

    async def start(
        self, return_to: str | None = None, *, front_end: object = None, **options: Any
    ) -> httpx.Response:
        """Click "Sign in"; the answer leads to the provider."""
        wanted = None if front_end is None else str(front_end)
        given = {"return_to": return_to, "front_end": wanted}
        parameters = {name: value for name, value in given.items() if value is not None}
        return await self.http.get(LOGIN, params=parameters, **options)

    async def consent(self, authorization_url: str, veteran: str = "tamara-ellis") -> str:
        """Sign in at the provider; returns the callback's URL, not visited yet.

        Args:
            authorization_url: Where the service sent the browser.
            veteran: Who signs in; "decline" is nobody.
        """
        form = self._provider.describe(veteran)
        answer = await self.http.get(authorization_url)
        if not answer.is_redirect:
            assert answer.status_code == 200, answer.text
            waiting = answer.text.split('name="request" value="')[1].split('"')[0]
            path = urlsplit(authorization_url)._replace(query="").geturl()
            answer = await self.http.post(path, data={"request": waiting, **form})
        assert answer.is_redirect, answer.text
        return answer.headers["location"]

    async def begin(
        self,
        veteran: str = "tamara-ellis",
        *,
        return_to: str | None = None,
        front_end: object = None,
    ) -> str:
        """Click, and sign in at the provider; returns the callback's URL, not visited yet."""
        started = await self.start(return_to, front_end=front_end)
        assert started.status_code == 303, started.text
        return await self.consent(started.headers["location"], veteran)

    async def attempt(self, veteran: str = "tamara-ellis") -> httpx.Response:
        """A whole sign-in, however it ends; returns the callback's answer."""
        return await self.get(await self.begin(veteran))

    async def sign_in(
        self,
        veteran: str = "tamara-ellis",
        *,
        return_to: str | None = None,
        front_end: object = None,
    ) -> "SignedIn":
        """A whole sign-in that succeeds."""
        callback = await self.begin(veteran, return_to=return_to, front_end=front_end)
        return SignedIn.of(self, await self.get(callback))


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """What the callback handed to a browser.

    Attributes:
        parameters: What stood in the redirect's query or fragment.
    """

    browser: Browser
    location: str
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, browser: Browser, answer: httpx.Response) -> "SignedIn":
        """Read the callback's answer, which must be a success."""
        location = answer.headers.get("location", "")
        assert answer.status_code == 303, answer.text
        assert urlsplit(location).path == "/va-success", location
        return cls(browser=browser, location=location, parameters=_parameters(location))

    @property
    def token(self) -> str:
        """The session's JWT."""
        return self.parameters["token"]

    @property
    def headers(self) -> dict[str, str]:
        """What shows the JWT to the API."""
        return {"Authorization": f"Bearer {self.token}"}


@final
class Product:
    """A service that runs, and what stands behind it."""

    def __init__(
        self,
        *,
        settings: Settings,
        container: Container,
        app: Starlette,
        provider: Provider,
        provider_app: ASGIApp,
        store: MemoryStore,
        strays: list[str],
        conversations: list[list[str]],
        log: StringIO,
    ) -> None:
        self.settings = settings
        self.container = container
        self.app = app
        self.provider = provider
        #: What is stored; stays empty when the product runs on a pool.
        self.store = store
        #: Calls to hosts that do not exist, whoever made them.
        self.strays = strays
        #: Whom the service called in each conversation with the provider.
        self.conversations = conversations
        #: What must not be seen in a log or the audit trail.
        self.secrets: set[str] = set()
        self._log = log
        self._hosts: dict[str, ASGIApp | None] = {
            origin_of(settings.public_url): app,
            origin_of(provider.url): provider_app,
        }
        self._browsers: list[httpx.AsyncClient] = []

    @property
    def clock(self) -> FrozenClock:
        """What time it is, for the service and for the provider."""
        clock = self.container.clock()
        assert isinstance(clock, FrozenClock)
        return clock

    @property
    def sandbox(self) -> World:
        """The simulated VA's state."""
        assert isinstance(self.provider, Sandbox)
        assert self.provider.world is not None
        return self.provider.world

    @property
    def sessions(self) -> Sequence[Session]:
        """Every session that is stored, in no order."""
        return list(self.store.committed.sessions.values())

    @property
    def audit(self) -> Sequence[AuditEvent]:
        """The audit trail, oldest first, but for the sign-ins that began: ``starts`` has those."""
        return after_the_start(self.store.committed.audit)

    @property
    def starts(self) -> Sequence[AuditEvent]:
        """What the audit says of each sign-in that began."""
        return [event for event in self.store.committed.audit if event not in self.audit]

    def faults(self, **plan: Mapping[str, Any]) -> None:
        """Set the simulated VA's faults, and no others."""
        self.sandbox.faults.replace(plan)

    def browser(self, *, address: str = "203.0.113.7") -> Browser:
        """A new browser, with an empty cookie jar."""
        http = httpx.AsyncClient(
            transport=Network(self._hosts, address=address, strays=self.strays),
            base_url=self.settings.public_url,
            trust_env=False,
            event_hooks={"response": [self._note_secrets]},
        )
        self._browsers.append(http)
        return Browser(http, self.provider)

    async def sign_in(
        self, veteran: str = "tamara-ellis", *, return_to: str | None = None
    ) -> SignedIn:
        """Sign in with a browser of its own."""
        return await self.browser().sign_in(veteran, return_to=return_to)

    async def aclose(self) -> None:
        """Close every browser."""
        for http in self._browsers:
            await http.aclose()

    @property
    def logged(self) -> Sequence[Mapping[str, Any]]:
        """What was logged, line by line."""
        return [json.loads(line) for line in self._log.getvalue().splitlines()]

    def assert_nothing_secret_was_kept(self) -> None:
        """Neither the log nor the audit trail may hold what only its two ends may see."""
        log = self._log.getvalue()
        trail = "\n".join(f"{event.data} {event.visitor}" for event in self.audit)
        for secret in self.secrets | self.provider.secrets:
            if len(secret) >= _MIN_SECRET_CHARACTERS:
                assert secret not in log, f"{secret!r} was logged"
                assert secret not in trail, f"{secret!r} stands in the audit trail"

    async def _note_secrets(self, response: httpx.Response) -> None:
        self.secrets.update(
            cookie.value or ""
            for cookie in response.cookies.jar
            if not cookie.name.endswith(_TO_BE_QUOTED)
        )
        for url in (str(response.request.url), response.headers.get("location", "")):
            for name, value in parse_qsl(urlsplit(url).query, errors="replace"):
                if name in _SECRET_PARAMETERS:
                    self.secrets.add(value)


#: To make a container takes longer than most tests do.
_SPARE_CONTAINERS: Final[list[Container]] = []


@contextmanager
def _container(**overrides: object) -> Iterator[Container]:
    """A container as if it were new, with these providers until the block ends."""
    container = _SPARE_CONTAINERS.pop() if _SPARE_CONTAINERS else Container()
    container.override_providers(**overrides)
    yield container
    container.reset_singletons()
    container.reset_override()
    _SPARE_CONTAINERS.append(container)


@asynccontextmanager
async def running_product(
    *,
    provider: Provider | None = None,
    clock: Clock | None = None,
    pool: Pool | None = None,
    deadline: timedelta = _DEADLINE,
    sign_in_limits: BulkheadLimits = SIGN_INS,
    sockets: Sequence[str] = (),
    **overrides: object,
) -> AsyncIterator[Product]:
    """Run the product until the block ends.

    Args:
        provider: Who signs Veterans in; the simulated VA if none is given.
        clock: One that stands still, unless another is given.
        pool: Stores in PostgreSQL instead of memory.
        deadline: For each call to the provider.
        sign_in_limits: How many sign-ins may be in progress at the provider.
        sockets: Origins that the service reaches over real sockets.
        overrides: Settings by field name, as an operator would write them.
    """
    provider = provider or Sandbox()
    clock = clock or frozen_clock()
    given = {
        "public_url": SERVICE_URL,
        "frontend_url": FRONT_END_URL,
        **provider.settings,
        **overrides,
    }
    settings = read(
        required_settings("postgresql://nowhere.invalid/vetassist")
        | {f"{PREFIX}{name.upper()}": str(value) for name, value in given.items()}
    )
    store = MemoryStore()
    strays: list[str] = []
    provider_app = provider.opened(redirect_uri=settings.redirect_uri, clock=clock)
    hosts: dict[str, ASGIApp | None] = dict.fromkeys(sockets)
    hosts[origin_of(provider.url)] = provider_app
    network = Network(hosts, address="127.0.0.1", strays=strays)
    async with AsyncExitStack() as stack:
        wire = ServiceWire(network, sockets)
        stack.push_async_callback(wire.aclose)
        log = stack.enter_context(captured_log())
        container = stack.enter_context(
            _container(
                settings=settings,
                clock=providers.Object(clock),
                lifetimes=providers.List(),
                **_storage_providers(
                    memory_storage(store) if pool is None else postgres_storage(pool)
                ),
            )
        )
        built = container.identity_provider
        assert isinstance(built, providers.Singleton)
        changes = {"wire": wire, "deadline": deadline, "sign_in_limits": sign_in_limits}
        built.override(providers.Singleton(built.cls, **built.kwargs | changes))
        # Its lifespan opens nothing, as nothing has to be opened; it would only tune this process.
        app = create_app(container)
        product = Product(
            settings=settings,
            container=container,
            app=app,
            provider=provider,
            provider_app=provider_app,
            store=store,
            strays=strays,
            conversations=wire.conversations,
            log=log,
        )
        stack.push_async_callback(product.aclose)
        yield product
        product.assert_nothing_secret_was_kept()


@contextmanager
def captured_log() -> Iterator[StringIO]:
    """All that the process logs, in the product's own format, down to the last detail."""
    root = logging.getLogger()
    before = root.handlers, root.level
    configure_logs("DEBUG")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    log = StringIO()
    handler.setStream(log)
    try:
        yield log
    finally:
        root.handlers, level = before
        root.setLevel(level)


@asynccontextmanager
async def serving(
    app: ASGIApp,
    *,
    port: int = 0,
    keep_alive_seconds: int = 75,
    most_connections: int = 1000,
    grace_seconds: int | None = None,
    refusal: ASGIApp = refuse,
    crowd_limits: CrowdLimits | None = None,
) -> AsyncIterator[tuple[str, HTTPServer]]:
    """Serve an app on a real socket as the service is served; gives its URL and its server.

    When the block ends, requests in progress have ``grace_seconds`` to end; None: as long as they
    take. ``refusal`` answers when there are too many.
    """
    config = server_config(app, keep_alive_seconds=keep_alive_seconds)
    config.lifespan = "off"
    config.timeout_graceful_shutdown = grace_seconds
    server = HTTPServer(
        config,
        most_connections=most_connections,
        refusal=refusal,
        crowded=(LOGIN, CALLBACK),
        crowd_limits=crowd_limits,
    )
    with socket.create_server(("127.0.0.1", port)) as listener:
        port = listener.getsockname()[1]
        serve = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await until(lambda: server.started or serve.done())
            yield f"http://127.0.0.1:{port}", server
        finally:
            server.should_exit = True
            await serve


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until ``condition`` holds; it must, in the end."""
    began, turns = time.monotonic(), 0
    while not condition():
        assert time.monotonic() - began < _PATIENCE_SECONDS, "it never came to that"
        # What takes many turns waits for the outside, which may need this processor.
        turns += 1
        await (checkpoint() if turns < _TURNS else asyncio.sleep(_AGAIN_SECONDS))


def origin_of(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _parameters(location: str) -> dict[str, str]:
    parts = urlsplit(location)
    return dict(parse_qsl(parts.query or parts.fragment, strict_parsing=True))


def _storage_providers(storage: Storage) -> dict[str, providers.Provider[Any]]:
    ports = {port.name: providers.Object(getattr(storage, port.name)) for port in fields(storage)}
    return {**ports, "unit_of_work": providers.Callable(storage.unit_of_work)}
