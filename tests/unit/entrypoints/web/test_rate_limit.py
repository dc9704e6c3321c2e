"""How often somebody may start to sign in."""

from datetime import timedelta

import pytest

from entrypoints.web.rate_limit import RateLimit
from tests.support.frozen_clock import FrozenClock, frozen_clock
from tests.support.product import running_product


@pytest.fixture
def clock() -> FrozenClock:
    return frozen_clock()


def allowed(limit: RateLimit, address: str | None, *, tries: int) -> int:
    return sum(limit.allows(address) for _ in range(tries))


def test_an_address_may_start_as_often_as_a_minute_allows_and_no_more(clock: FrozenClock) -> None:
    limit = RateLimit(per_minute=6, clock=clock)

    assert allowed(limit, "a", tries=20) == 6
    assert allowed(limit, "b", tries=20) == 6


def test_an_allowance_comes_back_evenly_and_never_grows_beyond_a_minute(clock: FrozenClock) -> None:
    limit = RateLimit(per_minute=6, clock=clock)
    allowed(limit, "a", tries=6)

    clock.advance(timedelta(seconds=9))
    assert allowed(limit, "a", tries=5) == 0
    clock.advance(timedelta(seconds=1))
    assert allowed(limit, "a", tries=5) == 1
    clock.advance(timedelta(hours=1))
    assert allowed(limit, "a", tries=20) == 6


def test_visitors_without_an_address_share_one_allowance(clock: FrozenClock) -> None:
    limit = RateLimit(per_minute=6, clock=clock)
    assert allowed(limit, None, tries=20) == 6


def test_everybody_together_is_bounded_too(clock: FrozenClock) -> None:
    limit = RateLimit(per_minute=1, clock=clock)

    assert sum(limit.allows(f"address {n}") for n in range(200)) == 20
    clock.advance(timedelta(seconds=60))
    assert sum(limit.allows(f"newcomer {n}") for n in range(200)) == 20


def test_what_is_remembered_of_many_addresses_is_bounded(clock: FrozenClock) -> None:
    limit = RateLimit(per_minute=700, clock=clock)
    for n in range(10_500):
        assert limit.allows(f"address {n}")
    assert len(limit._buckets) == 10_000
    # What is let go is the oldest: neither the newcomer's bound, nor the one for all.
    assert allowed(limit, "newcomer", tries=1_000) == 700
    assert sum(limit.allows(f"another {n}") for n in range(5_000)) == 14_000 - 10_500 - 700


def test_a_limit_of_zero_allows_all(clock: FrozenClock) -> None:
    limit = RateLimit(per_minute=0, clock=clock)
    assert allowed(limit, "a", tries=1_000) == 1_000


@pytest.mark.case(7)
async def test_a_flood_of_starts_is_told_to_wait_and_leaves_no_attempts() -> None:
    async with running_product(login_rate=3) as product:
        browser = product.browser()
        answers = [await browser.start() for _ in range(5)]

        assert [answer.status_code for answer in answers] == [303, 303, 303, 429, 429]
        assert answers[-1].headers["retry-after"].isdigit()
        assert answers[-1].headers["content-type"] == "application/problem+json"
        assert "set-cookie" not in answers[-1].headers
        assert len(product.store.committed.login_attempts) == 3
        # Another address is only this peer's word.
        spoofed = await browser.start(headers={"X-Forwarded-For": "192.0.2.77"})
        assert spoofed.status_code == 429


@pytest.mark.case(78)
async def test_each_client_of_a_trusted_proxy_has_an_allowance_of_its_own() -> None:
    async with running_product(login_rate=1, trusted_proxies="198.51.100.0/24") as product:
        proxy = product.browser(address="198.51.100.7")
        clients = ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3, 192.0.2.2", "192.0.2.4")
        statuses = [
            (await proxy.start(headers={"X-Forwarded-For": client})).status_code
            for client in clients
        ]
    assert statuses == [303, 303, 429, 429, 303]
