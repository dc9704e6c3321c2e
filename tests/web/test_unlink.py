"""`DELETE /api/v1/va/link`."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from domain.audit_event import AuditEventType
from tests.support.product import SERVICE_URL, Product, running_product

LINK = "/api/v1/va/link"
FRESH_FOR = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


async def test_unlinking_ends_every_session_and_revokes_at_va(product: Product) -> None:
    signed_in, elsewhere = [await product.sign_in() for _ in range(2)]

    answer = await signed_in.browser.delete(LINK, headers=signed_in.headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"
    for each in (signed_in, elsewhere):
        shown = await each.browser.get("/api/v1/session", headers=each.headers)
        assert_problem(shown, 401, "invalid_token")
    # One for each of the two sign-ins.
    assert product.sandbox.counters.revocations == 2
    assert product.store.committed.va_tokens == {}
    assert product.store.committed.data_keys == {}
    assert product.store.committed.va_revocations == {}
    types = [event.type for event in product.audit]
    assert types[-3:] == [AuditEventType.VA_UNLINKED, *[AuditEventType.VA_TOKENS_REVOKED] * 2]


async def test_signing_in_again_finds_the_same_account(product: Product) -> None:
    signed_in = await product.sign_in()
    await signed_in.browser.delete(LINK, headers=signed_in.headers)
    await product.sign_in()

    assert len({session.user_id for session in product.sessions}) == 1
    assert len(product.store.committed.data_keys) == 1


async def test_without_a_session_nothing_is_unlinked(product: Product) -> None:
    await product.sign_in()
    stranger = product.browser()

    assert_problem(await stranger.delete(LINK), 401, "invalid_token")
    forged = await stranger.delete(LINK, headers={"Authorization": "Bearer nobody"})
    assert_problem(forged, 401, "invalid_token")
    assert len(product.store.committed.va_tokens) == 1


@pytest.mark.parametrize(("age", "status"), [(FRESH_FOR - SECOND, 204), (FRESH_FOR, 403)])
async def test_it_takes_a_sign_in_that_was_only_just_now(
    product: Product, age: timedelta, status: int
) -> None:
    signed_in = await product.sign_in()
    product.clock.advance(age)

    answer = await signed_in.browser.delete(LINK, headers=signed_in.headers)

    assert answer.status_code == status
    if status == 403:
        assert_problem(answer, 403, "fresh_sign_in_needed")
        shown = await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)
        assert shown.status_code == 200
        assert len(product.store.committed.va_tokens) == 1


async def test_how_fresh_is_a_setting() -> None:
    async with running_product(fresh_sign_in_minutes=1) as product:
        signed_in = await product.sign_in()
        product.clock.advance(timedelta(minutes=1))
        answer = await signed_in.browser.delete(LINK, headers=signed_in.headers)

        assert_problem(answer, 403, "fresh_sign_in_needed")


@pytest.mark.parametrize("fault", [{"answer": 503}, {"answer": 401}, {"answer": 500}])
async def test_va_being_down_does_not_stand_in_the_way(
    product: Product, fault: dict[str, int]
) -> None:
    signed_in = await product.sign_in()
    product.faults(revoke=fault)

    answer = await signed_in.browser.delete(LINK, headers=signed_in.headers)

    assert answer.status_code == 204
    assert product.store.committed.va_tokens == {}
    assert len(product.store.committed.va_revocations) == 1


async def test_a_cookie_that_vouches_is_cleared_and_vouches_for_our_own_pages_only() -> None:
    async with running_product(session_delivery="cookie") as product:
        browser = product.browser()
        await browser.get(await browser.begin())
        deceived = await browser.delete(LINK, headers={"Origin": "https://elsewhere.example"})
        assert_problem(deceived, 403, "forbidden")
        assert len(product.store.committed.va_tokens) == 1

        answer = await browser.delete(LINK, headers={"Origin": SERVICE_URL})

        assert answer.status_code == 204
        assert not [cookie for cookie in browser.http.cookies.jar if "session" in cookie.name]
