"""`GET /api/v1/va/uses`."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from domain.va_token_use import TokenPurpose
from tests.support.product import Product, SignedIn, running_product
from tests.support.service_clients import PATH, PURPOSE, SecretClient, exchange_fields

USES = "/api/v1/va/uses"


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


async def account(signed_in: SignedIn, **parameters: str) -> dict[str, Any]:
    answer = await signed_in.browser.get(USES, params=parameters, headers=signed_in.headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def use(product: Product, signed_in: SignedIn, client: SecretClient, **changes: str) -> None:
    answer = await product.browser().post(
        PATH, data=exchange_fields(signed_in.token, **changes), auth=client.basic
    )
    assert answer.status_code == 200, answer.text


async def test_a_veteran_reads_who_used_the_connection_when_and_what_for(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    both = frozenset({PURPOSE, TokenPurpose.CLAIM_STATUS})
    client = await SecretClient.registered(product.container, name="Helper", purposes=both)
    await use(product, signed_in, client)
    first = product.clock.now()
    product.clock.advance(timedelta(seconds=5))
    await use(product, signed_in, client, purpose=TokenPurpose.CLAIM_STATUS.value)

    told = await account(signed_in)

    assert told["next"] is None
    newest, oldest = told["uses"]
    assert newest["purpose"] == TokenPurpose.CLAIM_STATUS.value
    assert oldest == {
        "client": "Helper",
        "purpose": PURPOSE.value,
        "in_order_to": PURPOSE.plain_name,
        "scope": oldest["scope"],
        "used_at": first.isoformat().replace("+00:00", "Z"),
    }
    assert "veteran_status.read" in oldest["scope"].split()


async def test_nobody_reads_of_somebody_else(product: Product) -> None:
    veteran, neighbour = await product.sign_in(), await product.sign_in("janet-moore")
    client = await SecretClient.registered(product.container)
    await use(product, veteran, client)

    assert await account(neighbour) == {"uses": [], "next": None}


async def test_a_refused_use_is_none(product: Product) -> None:
    signed_in = await product.sign_in()
    client = await SecretClient.registered(product.container)
    answer = await product.browser().post(
        PATH, data=exchange_fields(signed_in.token, scope="everything"), auth=client.basic
    )

    assert answer.status_code == 400
    assert await account(signed_in) == {"uses": [], "next": None}


async def test_pages_follow_one_another_to_the_last(product: Product) -> None:
    signed_in = await product.sign_in()
    client = await SecretClient.registered(product.container)
    for _ in range(51):
        await use(product, signed_in, client)
        product.clock.advance(timedelta(seconds=1))

    pages = [await account(signed_in)]
    while (after := pages[-1]["next"]) is not None:
        pages.append(await account(signed_in, after=after))

    assert [len(page["uses"]) for page in pages] == [25, 25, 1]
    times = [each["used_at"] for page in pages for each in page["uses"]]
    assert len(set(times)) == 51
    assert times == sorted(times, reverse=True)


def _mark(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.case(20)
@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "!",
        "x" * 300,
        _mark("yesterday 1"),
        _mark("2026-01-20T17:30:00 1"),
        _mark("2026-01-20T17:30:00+00:00 1"),
        _mark("2026-01-20T17:30:00Z \x00"),
        _mark("0001-01-01T00:00:00+23:59 1"),
        _mark("2026-01-20T17:30:00Z 1") + "=",
        _mark("é"),
    ],
)
async def test_a_place_that_is_none_of_ours_is_refused(product: Product, after: str) -> None:
    signed_in = await product.sign_in()

    answer = await signed_in.browser.get(USES, params={"after": after}, headers=signed_in.headers)

    assert_problem(answer)


def assert_problem(answer: httpx.Response) -> None:
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_place_that_stands_twice_is_refused(product: Product) -> None:
    signed_in = await product.sign_in()
    good = _mark("2026-01-20T17:30:00Z 1")

    once = await signed_in.browser.get(f"{USES}?after={good}", headers=signed_in.headers)
    twice = await signed_in.browser.get(
        f"{USES}?after={good}&after={good}", headers=signed_in.headers
    )

    assert once.status_code == 200
    assert_problem(twice)
