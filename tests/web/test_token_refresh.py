"""`POST /oauth/token` when VA's access token has come to its end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from tests.support.product import Product, SignedIn, running_product
from tests.support.service_clients import PATH, SecretClient, exchange_fields


@dataclass(frozen=True, kw_only=True)
class BackEnd:
    """One that acts for a Veteran whose token has just expired."""

    product: Product
    client: SecretClient
    signed_in: SignedIn

    async def exchange(self) -> httpx.Response:
        return await self.product.browser().post(
            PATH, data=exchange_fields(self.signed_in.token), auth=self.client.basic
        )

    @property
    def token_requests(self) -> int:
        """How often the simulated VA's token endpoint was asked, the sign-in included."""
        return self.product.sandbox.counters.requests["token"]


@pytest.fixture
async def back_end() -> AsyncIterator[BackEnd]:
    async with running_product(session_idle_minutes=180, jwt_expiry_minutes=180) as product:
        client = await SecretClient.registered(product.container)
        product.secrets.add(client.secret)
        signed_in = await product.sign_in()
        product.clock.advance(timedelta(hours=1))
        yield BackEnd(product=product, client=client, signed_in=signed_in)


@pytest.mark.case(81)
async def test_many_requests_at_once_share_one_refresh(back_end: BackEnd) -> None:
    answers = await asyncio.gather(*(back_end.exchange() for _ in range(16)))

    assert {answer.status_code for answer in answers} == {200}
    (token,) = {answer.json()["access_token"] for answer in answers}
    assert back_end.product.sandbox.counters.refreshes == 1
    status = await back_end.product.browser().get(
        str(back_end.product.settings.va_status_url),
        headers={"Authorization": f"Bearer {token}"},
    )
    assert status.status_code == 200


@pytest.mark.case(49)
async def test_a_back_end_is_told_when_va_may_be_asked_again(back_end: BackEnd) -> None:
    back_end.product.faults(token={"answer": 503, "retry_after": "30"})

    for waited in range(3):
        answer = await back_end.exchange()
        assert answer.status_code == 503
        assert answer.json()["code"] == "provider_unavailable"
        assert answer.headers["retry-after"] == str(30 - waited)
        back_end.product.clock.advance(timedelta(seconds=1))
    assert back_end.token_requests == 2

    back_end.product.faults()
    back_end.product.clock.advance(timedelta(seconds=27))
    assert (await back_end.exchange()).status_code == 200


@pytest.mark.case(47)
async def test_when_va_gives_no_more_the_veteran_is_told_and_signs_in_again(
    back_end: BackEnd,
) -> None:
    browser, headers = back_end.signed_in.browser, back_end.signed_in.headers
    back_end.product.faults(token={"answer": 400, "times": 1})

    for _ in range(2):
        answer = await back_end.exchange()
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_grant"
        assert answer.json()["code"] == "va_sign_in_needed"
    assert back_end.token_requests == 2
    user = (await browser.get("/api/v1/user", headers=headers)).json()
    assert user["va_sign_in_needed"]

    again = await browser.sign_in()

    user = (await browser.get("/api/v1/user", headers=again.headers)).json()
    assert not user["va_sign_in_needed"]
    assert (await back_end.exchange()).status_code == 200
