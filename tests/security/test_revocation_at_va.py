"""What VA, or whatever stands before it, may say when it is asked to revoke a token."""

from typing import Any, Final

import pytest

from application.errors import ProviderUnavailableError, UpstreamRejectedError
from application.ports.identity_provider import IdentityProvider
from domain.secret import Secret
from tests.support.hostile_provider import (
    ABSENT,
    HostileProvider,
    never,
    redirecting,
    saying,
)
from tests.support.product import Product

REVOKE: Final = "/connect/end"
TOKEN: Final = Secret("a-refresh-token-that-was-given")


@pytest.fixture
def provider() -> HostileProvider:
    provider = HostileProvider()
    provider.metadata["revocation_endpoint"] = provider.url + REVOKE
    return provider


def identity_provider(product: Product) -> IdentityProvider:
    return product.container.identity_provider()


@pytest.mark.parametrize(
    "reply",
    [
        *(saying(b"", status) for status in (200, 201, 202, 203, 204, 205, 299)),
        saying({"error": "invalid_request"}),
        saying(b"<html>Done</html>"),
        saying(b"x" * 300_000),
        saying(b"{}", Content_Encoding="gzip"),
        saying(b"{}", Content_Encoding="br"),
        *(saying({"error": error}, 400) for error in ("invalid_token", "invalid_grant")),
    ],
)
async def test_a_success_is_done_whatever_stands_there_and_so_is_a_token_that_is_no_token(
    product: Product, provider: HostileProvider, reply: Any
) -> None:
    provider.replies[REVOKE] = reply
    assert await identity_provider(product).revoke(TOKEN, is_refresh_token=True)


@pytest.mark.parametrize("error", ["unsupported_token_type", "invalid_request"])
async def test_what_will_be_refused_the_next_time_as_well_is_a_refusal(
    product: Product, provider: HostileProvider, error: str
) -> None:
    provider.replies[REVOKE] = saying({"error": error}, 400)
    with pytest.raises(UpstreamRejectedError):
        await identity_provider(product).revoke(TOKEN, is_refresh_token=True)


@pytest.mark.parametrize(
    "reply",
    [
        *(saying({}, status) for status in (401, 403, 404, 405, 408, 410, 418, 429, 500, 503)),
        *(saying({"error": error}, 400) for error in ("invalid_client", "server_error", 7, None)),
        saying(b"<html>Bad Request</html>", 400),
        saying({"error": "unsupported_token_type"}, 401),
        saying({"error": "invalid_token"}, 401),
        saying(b"x" * 300_000, 400),
        redirecting("http://localhost:9000/maintenance"),
    ],
)
async def test_whatever_says_nothing_of_the_token_leaves_it_to_be_asked_again(
    product: Product, provider: HostileProvider, reply: Any
) -> None:
    provider.replies[REVOKE] = reply
    with pytest.raises(ProviderUnavailableError):
        await identity_provider(product).revoke(TOKEN, is_refresh_token=True)


async def test_no_answer_leaves_it_to_be_asked_again(
    product: Product, provider: HostileProvider
) -> None:
    provider.replies[REVOKE] = never
    with pytest.raises(ProviderUnavailableError):
        await identity_provider(product).revoke(TOKEN, is_refresh_token=True)


@pytest.mark.parametrize("endpoint", [ABSENT, None, ""])
async def test_a_provider_without_such_an_endpoint_is_not_said_to_have_revoked(
    product: Product, provider: HostileProvider, endpoint: object
) -> None:
    provider.metadata["revocation_endpoint"] = endpoint
    assert not await identity_provider(product).revoke(TOKEN, is_refresh_token=True)
    assert not provider.requests[REVOKE]


@pytest.mark.parametrize("endpoint", ["http://va.example/revoke", "revoke", 7, ["x"]])
async def test_an_endpoint_that_is_none_keeps_nobody_out_and_the_token_in_the_outbox(
    product: Product, provider: HostileProvider, endpoint: object
) -> None:
    provider.metadata["revocation_endpoint"] = endpoint

    await product.sign_in()

    with pytest.raises(ProviderUnavailableError):
        await identity_provider(product).revoke(TOKEN, is_refresh_token=True)
    assert not product.strays
