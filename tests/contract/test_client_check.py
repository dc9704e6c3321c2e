"""What every check of our client credentials at the provider promises."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Protocol, final

import httpx
import pytest

from adapters.memory.client_check import MemoryClientCheck
from adapters.memory.secret_source import MemorySecretSource
from adapters.va_oauth.client_check import VAClientCheck
from adapters.va_oauth.settings import ProviderSettings
from application.errors import (
    ClientRejectedByProviderError,
    ProviderUnavailableError,
    UpstreamRejectedError,
)
from application.ports.client_check import ClientCheck
from domain.secret import Secret
from entrypoints.sandbox.app import create_sandbox
from entrypoints.sandbox.documents import OAUTH_BASE
from entrypoints.sandbox.settings import SandboxSettings
from entrypoints.sandbox.signing import SigningKey
from entrypoints.sandbox.world import World
from tests.support.frozen_clock import frozen_clock
from tests.support.httpx_wire import HttpxWire

REDIRECT_URI = "http://localhost:8000/api/v1/va/callback"


class ProviderWorld(Protocol):
    """A provider, and what can happen to it."""

    @property
    def check(self) -> ClientCheck: ...

    @abstractmethod
    def refuse_the_client(self) -> None: ...

    @abstractmethod
    def go_down(self) -> None: ...

    @abstractmethod
    def answer_something_else(self) -> None: ...


@final
class MemoryWorld(ProviderWorld):
    def __init__(self) -> None:
        self._check = MemoryClientCheck()

    @property
    def check(self) -> ClientCheck:
        return self._check

    def refuse_the_client(self) -> None:
        self._check.error = ClientRejectedByProviderError("invalid_client")

    def go_down(self) -> None:
        self._check.error = ProviderUnavailableError("down")

    def answer_something_else(self) -> None:
        self._check.error = UpstreamRejectedError("invalid_request")


@final
class SandboxWorld(ProviderWorld):
    def __init__(self, signing_key: SigningKey) -> None:
        self._settings = SandboxSettings(
            client_id="vetassist", client_secret="a %secret/", redirect_uris=(REDIRECT_URI,)
        )
        clock = frozen_clock()
        self.world = World(
            self._settings, clock=lambda: clock.now().timestamp(), signing_key=signing_key
        )
        self.requests: list[httpx.Request] = []
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_sandbox(self._settings, world=self.world)),
            event_hooks={"request": [self._note]},
        )
        self._check = self._with(self._settings.client_secret)

    def _with(self, secret: str) -> VAClientCheck:
        url = f"{self._settings.public_url}{OAUTH_BASE}/.well-known/openid-configuration"
        return VAClientCheck(
            settings=ProviderSettings(
                discovery_url=url,
                issuer=self._settings.issuer,
                client_id=self._settings.client_id,
                client_secret=Secret(secret),
                scopes=("openid",),
                redirect_uri=REDIRECT_URI,
                status_url=None,
            ),
            wire=HttpxWire(self.http),
            clock=frozen_clock(),
            secrets=MemorySecretSource(),
        )

    async def _note(self, request: httpx.Request) -> None:
        self.requests.append(request)

    @property
    def check(self) -> ClientCheck:
        return self._check

    def refuse_the_client(self) -> None:
        self._check = self._with("another secret")

    def go_down(self) -> None:
        self.world.faults.replace({"token": {"answer": 503}})

    def answer_something_else(self) -> None:
        self.world.faults.replace({"token": {"answer": 400, "body": '{"error":"invalid_request"}'}})


@pytest.fixture(scope="module")
def signing_key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture(params=["memory", "va_oauth"])
async def world(
    request: pytest.FixtureRequest, signing_key: SigningKey
) -> AsyncIterator[ProviderWorld]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    world = SandboxWorld(signing_key)
    async with world.http:
        yield world


async def test_credentials_that_the_provider_knows_are_accepted(world: ProviderWorld) -> None:
    await world.check.check()


async def test_credentials_that_it_does_not_know_are_refused(world: ProviderWorld) -> None:
    world.refuse_the_client()
    with pytest.raises(ClientRejectedByProviderError):
        await world.check.check()


async def test_a_provider_that_is_away_has_not_refused_them(world: ProviderWorld) -> None:
    world.go_down()
    with pytest.raises(ProviderUnavailableError):
        await world.check.check()


async def test_another_answer_says_nothing_of_them(world: ProviderWorld) -> None:
    world.answer_something_else()
    with pytest.raises(UpstreamRejectedError) as said:
        await world.check.check()
    assert not isinstance(said.value, ClientRejectedByProviderError)


async def test_the_code_is_made_up_each_time_and_the_call_is_the_only_one(
    signing_key: SigningKey,
) -> None:
    world = SandboxWorld(signing_key)
    async with world.http:
        await world.check.check()
        await world.check.check()
    sent: list[Any] = [dict(httpx.QueryParams(each.content.decode())) for each in world.requests]
    # The metadata is fetched once.
    assert [each.url.path.rpartition("/")[2] for each in world.requests] == [
        *("openid-configuration", "token", "token")
    ]
    assert sent[1]["grant_type"] == "authorization_code"
    assert sent[1]["redirect_uri"] == REDIRECT_URI
    assert sent[1]["code"] != sent[2]["code"]


async def test_a_provider_that_takes_the_made_up_code_says_nothing_of_them(
    signing_key: SigningKey,
) -> None:
    world = SandboxWorld(signing_key)
    body = '{"access_token":"x","token_type":"Bearer","expires_in":60,"id_token":"x"}'
    world.world.faults.replace({"token": {"answer": 200, "body": body}})
    async with world.http:
        with pytest.raises(UpstreamRejectedError):
            await world.check.check()
