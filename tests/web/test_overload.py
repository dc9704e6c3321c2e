"""More sign-ins than a slow provider can take, and what the others notice of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import final
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from adapters.va_oauth.bulkhead import BulkheadLimits
from adapters.va_oauth.identity_provider import VAIdentityProvider
from application.errors import ProviderBusyError
from domain.audit_event import AuditEventType
from domain.identifiers import ICN
from domain.secret import Secret
from domain.va_identity import VAAccount
from entrypoints.serving.turnstile import CrowdLimits
from tests.support.held_server import HeldServer
from tests.support.hostile_provider import ICN as THE_ICN
from tests.support.hostile_provider import HostileProvider, never, saying
from tests.support.product import (
    LOGIN,
    Browser,
    Product,
    SignedIn,
    running_product,
    serving,
    until,
)

DISCOVERY = "/realms/veterans/.well-known/openid-configuration"
TOKEN = "/connect/exchange"
KEYS = "/certs.json"
USERINFO = "/connect/me"
REVOCATION = "/connect/end"
IN_PROGRESS = 3
WAITING = 2
LIMITS = BulkheadLimits(
    in_progress=IN_PROGRESS,
    waiting=WAITING,
    patience=timedelta(seconds=20),
    retry_after=timedelta(seconds=7),
)
#: Generous: what must not hang has this long.
PATIENCE_SECONDS = 60
BUSY = "/va-error?error=provider_unavailable"


@final
class SlowProvider:
    """A provider whose token endpoint takes its time over one kind of grant."""

    def __init__(self, grant: str = "authorization_code") -> None:
        self.provider = HostileProvider()
        #: How many requests are held.
        self.held = 0
        self._grant = grant
        self._answers = asyncio.Event()
        self.provider.replies[TOKEN] = self._reply

    def answer(self) -> None:
        self._answers.set()

    async def _reply(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if form["grant_type"] == self._grant:
            self.held += 1
            await self._answers.wait()
        return await self.provider.exchange(request)


@asynccontextmanager
async def slow_product() -> AsyncIterator[tuple[Product, SlowProvider]]:
    slow = SlowProvider()
    async with running_product(provider=slow.provider, sign_in_limits=LIMITS) as product:
        try:
            yield product, slow
        finally:
            slow.answer()


def come_back(begun: list[tuple[Browser, str]]) -> list[asyncio.Task[httpx.Response]]:
    """Let each browser follow its callback."""
    return [asyncio.create_task(browser.get(callback)) for browser, callback in begun]


async def filled(product: Product, slow: SlowProvider) -> None:
    """Wait until all room is taken, and the line is full as well."""
    sign_ins = adapter_of(product)._sign_ins
    await until(lambda: slow.held == IN_PROGRESS and sign_ins._waiting == WAITING)


def adapter_of(product: Product) -> VAIdentityProvider:
    adapter = product.container.identity_provider()
    assert isinstance(adapter, VAIdentityProvider)
    return adapter


async def begin(product: Product, count: int) -> list[tuple[Browser, str]]:
    """So many browsers that have signed in at the provider."""
    browsers = [product.browser() for _ in range(count)]
    return [(browser, await browser.begin()) for browser in browsers]


async def test_a_callback_beyond_the_bound_is_refused_at_once_and_can_come_again() -> None:
    async with slow_product() as (product, slow):
        begun = await begin(product, IN_PROGRESS + WAITING + 1)
        *others, (browser, callback) = begun
        waiting = come_back(others)
        await filled(product, slow)

        async with asyncio.timeout(PATIENCE_SECONDS):
            refused = await browser.get(callback)

        assert refused.status_code == 303
        assert refused.headers["location"] == f"{product.settings.frontend_url}{BUSY}"
        assert "set-cookie" not in refused.headers
        assert slow.held == IN_PROGRESS
        (event,) = product.audit
        assert event.type is AuditEventType.LOGIN_FAILED
        assert event.data == {"error": "provider_unavailable", "reason": "provider_busy"}

        slow.answer()
        answers = await asyncio.gather(*waiting)
        # The same callback, from the same browser.
        answers.append(await browser.get(callback))
        for (each, _), answer in zip(begun, answers, strict=True):
            SignedIn.of(each, answer)
        assert len(product.sessions) == len(begun)


async def test_a_start_is_refused_while_callbacks_are_refused() -> None:
    async with slow_product() as (product, slow):
        *others, (browser, callback) = await begin(product, IN_PROGRESS + WAITING + 1)
        waiting = come_back(others)
        await filled(product, slow)
        # There may be room again when this one comes back.
        assert (await product.browser().start()).status_code == 303
        await browser.get(callback)

        refused = await product.browser().start()

        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "7"
        assert refused.json()["code"] == "provider_unavailable"
        assert "set-cookie" not in refused.headers
        slow.answer()
        await asyncio.gather(*waiting)


async def test_who_finds_a_crowd_is_told_to_come_again_and_nothing_is_used_up() -> None:
    slow = SlowProvider()
    limits = CrowdLimits(in_progress=1, waiting=1)
    async with (
        running_product(provider=slow.provider) as product,
        serving(product.app, crowd_limits=limits) as (url, server),
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):

        async def follow(browser: Browser, callback: str) -> httpx.Response:
            target = urlsplit(callback)
            cookies = {"Cookie": browser.cookie_header}
            return await client.get(f"{target.path}?{target.query}", headers=cookies)

        (first, second), last = await begin(product, 2), product.browser()
        callback = await last.begin(return_to="/claims")
        in_progress = asyncio.create_task(follow(*first))
        await until(lambda: slow.held == 1)
        waiting = asyncio.create_task(follow(*second))
        await until(lambda: len(server._turnstile._line) == 1)

        started = await client.get(LOGIN)
        refused = await follow(last, callback)

        assert started.headers["retry-after"] == "2"
        assert started.json()["code"] == "unavailable"
        told = "/va-error?error=service_unavailable&return_to=%2Fclaims"
        assert refused.headers["location"].endswith(told)
        assert "set-cookie" not in refused.headers
        assert product.audit == []
        slow.answer()
        for answer in await asyncio.gather(in_progress, waiting):
            assert "/va-success" in answer.headers["location"]
        SignedIn.of(last, await last.get(callback))


async def test_validations_go_on_while_the_provider_is_slow() -> None:
    slow = SlowProvider()
    reply = slow.provider.replies.pop(TOKEN)
    async with running_product(provider=slow.provider, sign_in_limits=LIMITS) as product:
        signed_in = await product.sign_in()
        slow.provider.replies[TOKEN] = reply
        waiting = come_back(await begin(product, IN_PROGRESS + WAITING))
        await filled(product, slow)

        for path in ("/api/v1/session", "/api/v1/verify", "/api/v1/sessions"):
            answer = await signed_in.browser.get(path, headers=signed_in.headers)
            assert answer.status_code == 200

        slow.answer()
        await asyncio.gather(*waiting)


async def test_slow_refreshes_take_no_room_from_sign_ins() -> None:
    slow = SlowProvider("refresh_token")
    async with running_product(provider=slow.provider, sign_in_limits=LIMITS) as product:
        for _ in range(150):
            await product.sign_in()
        account = VAAccount(issuer=slow.provider.issuer, subject=str(slow.provider.person["sub"]))
        refreshes = [
            asyncio.create_task(
                adapter_of(product).refresh(
                    Secret(token), account=account, icn=ICN(THE_ICN), scope="openid"
                )
            )
            for token in slow.provider.refresh_tokens
        ]
        # As many again wait for a moment.
        await until(lambda: slow.held == 50 and sum(task.done() for task in refreshes) == 50)
        for refresh in refreshes:
            if refresh.done():
                assert isinstance(refresh.exception(), ProviderBusyError)

        await product.sign_in()

        slow.answer()
        await asyncio.gather(*refreshes, return_exceptions=True)


async def test_slow_revocations_are_bounded_and_take_no_room_from_sign_ins() -> None:
    provider = HostileProvider()
    answers = asyncio.Event()
    asked = 0

    async def revoked(_request: Request) -> Response:
        nonlocal asked
        asked += 1
        await answers.wait()
        return Response()

    provider.metadata["revocation_endpoint"] = f"{provider.url}{REVOCATION}"
    provider.replies[REVOCATION] = revoked
    async with running_product(provider=provider, sign_in_limits=LIMITS) as product:
        revocations = [
            asyncio.create_task(
                adapter_of(product).revoke(Secret(f"token-{number}"), is_refresh_token=True)
            )
            for number in range(30)
        ]
        # As many again wait for a moment.
        await until(lambda: asked == 10 and sum(task.done() for task in revocations) == 10)

        await product.sign_in()

        answers.set()
        outcomes = await asyncio.gather(*revocations, return_exceptions=True)
        assert sum(isinstance(outcome, ProviderBusyError) for outcome in outcomes) == 10
        assert outcomes.count(True) == 20


async def test_a_person_does_not_wait_for_the_same_silence_twice() -> None:
    provider = HostileProvider()
    async with running_product(provider=provider) as product:
        await product.sign_in()
        asked = provider.requests[USERINFO]
        provider.replies[USERINFO] = never

        await product.sign_in()

        assert provider.requests[USERINFO] == asked + 1


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
async def test_one_caller_waits_for_newer_documents_and_the_kept_ones_serve_the_others(
    path: str,
) -> None:
    provider = HostileProvider()
    async with running_product(provider=provider, session_idle_minutes=240) as product:
        await product.sign_in()
        product.clock.advance(timedelta(hours=2))
        publish = saying({"keys": [provider.key.jwk()]} if path == KEYS else provider.metadata)
        answers = asyncio.Event()

        async def slow(request: Request) -> Response:
            await answers.wait()
            return await publish(request)

        provider.replies[path] = slow
        before = provider.requests[path]
        first = asyncio.create_task(product.sign_in())
        await until(lambda: provider.requests[path] == before + 1)

        async with asyncio.timeout(PATIENCE_SECONDS):
            await product.sign_in()

        answers.set()
        await first
        assert provider.requests[path] == before + 1


async def test_a_flood_of_starts_waits_for_no_discovery_without_bound() -> None:
    provider = HostileProvider()
    answers = asyncio.Event()
    publish = saying(provider.metadata)

    async def slow(request: Request) -> Response:
        await answers.wait()
        return await publish(request)

    provider.replies[DISCOVERY] = slow
    async with running_product(provider=provider, login_rate=0) as product:
        starts = [asyncio.create_task(product.browser().start()) for _ in range(300)]
        # Two hundred have room, to be answered or to wait.
        await until(lambda: sum(start.done() for start in starts) >= 100)
        refused = [start.result() for start in starts if start.done()]
        answers.set()
        await asyncio.gather(*starts)

        assert {answer.status_code for answer in refused} == {503}
        assert {answer.headers["retry-after"] for answer in refused} == {"5"}


async def test_a_call_that_the_provider_does_not_answer_does_not_hold_up_a_stop() -> None:
    provider, silent = HostileProvider(), HeldServer(is_held=True)
    async with silent.listening() as url:
        provider.metadata["token_endpoint"] = f"{url}/token"
        async with running_product(provider=provider, sockets=[url]) as product:
            ((browser, callback),) = await begin(product, 1)
            async with asyncio.timeout(PATIENCE_SECONDS):
                async with (
                    adapter_of(product),
                    serving(product.app, grace_seconds=1) as (service, _),
                    httpx.AsyncClient() as client,
                ):
                    call = asyncio.create_task(
                        client.get(
                            callback.replace(product.settings.public_url, service),
                            headers={"Cookie": browser.cookie_header},
                        )
                    )
                    await until(lambda: silent.requests == 1)
                with pytest.raises(httpx.HTTPError):
                    await call
            assert not product.sessions
