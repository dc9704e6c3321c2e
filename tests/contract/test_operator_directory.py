"""What every OperatorDirectory promises, run against each adapter.

The one that speaks HTTP talks to the simulated provider of operators, inside this process.
"""

from abc import abstractmethod
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Protocol, final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.memory.operator_directory import MemoryOperatorDirectory
from adapters.va_oauth.operator_directory import OpenIDOperatorDirectory
from adapters.va_oauth.settings import ProviderSettings
from application.errors import ProviderUnavailableError, UpstreamRejectedError
from application.ports.operator_directory import KnownOperator, OperatorDirectory
from application.sign_in_errors import MalformedCallbackError, SignInDeniedError
from domain.login_attempt import LoginSecrets
from domain.operator import OperatorRole
from domain.secret import Secret
from entrypoints.sandbox.app import create_sandbox
from entrypoints.sandbox.settings import OPERATORS_BASE, OperatorClient, SandboxSettings
from tests.support.builders import a_callback, some_login_secrets
from tests.support.frozen_clock import frozen_clock
from tests.support.httpx_wire import HttpxWire

SANDBOX: Final = "http://localhost:8001"
ISSUER: Final = f"{SANDBOX}{OPERATORS_BASE}"
CLIENT: Final = OperatorClient(
    issuer=ISSUER,
    client_id="vetassist_console",
    client_secret=Secret("a-secret-of-the-console"),
    redirect_uri="http://localhost:8002/console/sign-in/callback",
)
ADMIN: Final = KnownOperator(subject="admin-operator", groups=frozenset({OperatorRole.ADMIN.value}))


class DirectoryWorld(Protocol):
    """A directory, and what can be done to the world behind it."""

    @property
    @abstractmethod
    def directory(self) -> OperatorDirectory: ...

    @abstractmethod
    async def consent(self, authorization_url: str) -> str:
        """Let the admin operator sign in where the URL leads; returns the code."""

    @abstractmethod
    def go_down(self) -> None: ...


@final
class MemoryDirectoryWorld(DirectoryWorld):
    def __init__(self) -> None:
        self._directory = MemoryOperatorDirectory(issuer=ISSUER)

    @property
    def directory(self) -> OperatorDirectory:
        return self._directory

    async def consent(self, authorization_url: str) -> str:
        return self._directory.consent(authorization_url, ADMIN).reveal()

    def go_down(self) -> None:
        self._directory.is_up = False


@final
class SandboxDirectoryWorld(DirectoryWorld):
    def __init__(self) -> None:
        settings = SandboxSettings(
            client_id="unused", client_secret="unused", redirect_uris=(), console=CLIENT
        )
        self._app: Starlette = create_sandbox(settings)
        self._is_down = False
        transport = httpx.ASGITransport(self._app)
        self.http = httpx.AsyncClient(transport=transport, base_url=SANDBOX)
        wire = httpx.AsyncClient(transport=httpx.ASGITransport(self._answer))
        self._directory = OpenIDOperatorDirectory(
            settings=ProviderSettings(
                discovery_url=f"{ISSUER}/.well-known/openid-configuration",
                issuer=ISSUER,
                client_id=CLIENT.client_id,
                client_secret=CLIENT.client_secret,
                scopes=("openid", "profile"),
                redirect_uri=CLIENT.redirect_uri,
                status_url=None,
            ),
            role_claim="groups",
            wire=HttpxWire(wire),
            clock=frozen_clock(datetime.now(UTC)),
        )

    @property
    def directory(self) -> OperatorDirectory:
        return self._directory

    async def consent(self, authorization_url: str) -> str:
        page = await self.http.get(authorization_url)
        request = page.text.partition('name="request" value="')[2].partition('"')[0]
        form = {"request": request, "operator": ADMIN.subject}
        answer = await self.http.post(f"{OPERATORS_BASE}/authorization", data=form)
        sent = parse_qs(urlsplit(answer.headers["location"]).query)
        assert sent["iss"] == [ISSUER]
        return sent["code"][0]

    def go_down(self) -> None:
        self._is_down = True

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = Response(status_code=503) if self._is_down else self._app
        await app(scope, receive, send)


@pytest.fixture(params=[MemoryDirectoryWorld, SandboxDirectoryWorld])
def world(request: pytest.FixtureRequest) -> DirectoryWorld:
    made: DirectoryWorld = request.param()
    return made


async def come_back(
    world: DirectoryWorld, secrets: LoginSecrets, **parameters: str
) -> KnownOperator:
    callback = world.directory.read_callback(a_callback(parameters))
    return await world.directory.sign_in(callback, secrets)


async def test_an_operator_is_known_by_subject_and_groups(world: DirectoryWorld) -> None:
    secrets = some_login_secrets()
    code = await world.consent(await world.directory.authorization_url(secrets))

    assert await come_back(world, secrets, code=code, iss=ISSUER) == ADMIN


async def test_a_code_works_once(world: DirectoryWorld) -> None:
    secrets = some_login_secrets()
    code = await world.consent(await world.directory.authorization_url(secrets))
    await come_back(world, secrets, code=code, iss=ISSUER)

    with pytest.raises(UpstreamRejectedError):
        await come_back(world, secrets, code=code, iss=ISSUER)


async def test_a_code_of_another_attempt_is_refused(world: DirectoryWorld) -> None:
    secrets = some_login_secrets()
    code = await world.consent(await world.directory.authorization_url(secrets))
    others = replace(secrets, browser=some_login_secrets().browser)

    with pytest.raises(UpstreamRejectedError):
        await come_back(world, others, code=code, iss=ISSUER)


async def test_a_callback_of_another_issuer_is_refused(world: DirectoryWorld) -> None:
    secrets = some_login_secrets()
    code = await world.consent(await world.directory.authorization_url(secrets))

    with pytest.raises(UpstreamRejectedError):
        await come_back(world, secrets, code=code, iss="https://elsewhere.example")
    # The code was not used, so it was not sent anywhere.
    assert await come_back(world, secrets, code=code, iss=ISSUER) == ADMIN


async def test_an_operator_can_decline(world: DirectoryWorld) -> None:
    with pytest.raises(SignInDeniedError):
        await come_back(world, some_login_secrets(), error="access_denied", iss=ISSUER)


async def test_a_malformed_callback_is_not_read(world: DirectoryWorld) -> None:
    with pytest.raises(MalformedCallbackError):
        world.directory.read_callback(a_callback({"code": ["one", "two"]}))


async def test_a_provider_that_is_down_is_unavailable(world: DirectoryWorld) -> None:
    world.go_down()

    with pytest.raises(ProviderUnavailableError):
        await world.directory.authorization_url(some_login_secrets())
    with pytest.raises(ProviderUnavailableError):
        await come_back(world, some_login_secrets(), code="a-code", iss=ISSUER)
