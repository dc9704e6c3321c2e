"""What every RefusalLimit promises, run against each implementation."""

import pytest

from adapters.memory.refusal_limit import MemoryRefusalLimit
from application.ports.refusal_limit import RefusalLimit
from entrypoints.web.rate_limit import RateLimit
from tests.support.frozen_clock import frozen_clock

ALLOWED = 5


@pytest.fixture(params=["memory", "web"])
def limit(request: pytest.FixtureRequest) -> RefusalLimit:
    if request.param == "memory":
        return MemoryRefusalLimit(ALLOWED)
    return RateLimit(per_minute=ALLOWED, clock=frozen_clock())


@pytest.mark.parametrize("address", ["one", None])
def test_the_refusals_of_one_address_are_bounded(limit: RefusalLimit, address: str | None) -> None:
    allowed = [limit.allows(address) for _ in range(2 * ALLOWED)]

    assert allowed == [True] * ALLOWED + [False] * ALLOWED


def test_one_address_does_not_use_up_what_another_is_allowed(limit: RefusalLimit) -> None:
    for _ in range(2 * ALLOWED):
        limit.allows("one")

    assert limit.allows("another")
