"""Every field of everything a provider says, with every kind of value that JSON has.

What comes of it is a sign-in or a denial; a failure of ours it never is.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.security.denials import parameters_of
from tests.support.hostile_provider import (
    ABSENT,
    STATUS_PATH,
    HostileProvider,
    altered,
    saying,
)
from tests.support.product import Product, running_product

ODD: Final[tuple[object, ...]] = (
    ABSENT,
    None,
    True,
    -1,
    1.5,
    2**70,
    "",
    "x\u0000",
    "\ud800",
    "x" * 3000,
    [None],
    {"x": []},
)


def _changed_key(provider: HostileProvider, change: Mapping[str, object]) -> None:
    provider.keys = [provider.key.jwk(**change)]


def _changed_status(provider: HostileProvider, change: Mapping[str, object]) -> None:
    attributes = {"veteran_status": "confirmed", "not_confirmed_reason": "NOT_TITLE_38"}
    data = altered({"id": provider.person["icn"], "attributes": attributes, **change}, {})
    provider.replies[STATUS_PATH] = saying({"data": data})


def _changed_attributes(provider: HostileProvider, change: Mapping[str, object]) -> None:
    attributes = altered({"veteran_status": "confirmed", **change}, {})
    data = {"id": provider.person["icn"], "attributes": attributes}
    provider.replies[STATUS_PATH] = saying({"data": data})


PLACES: Final[
    dict[str, tuple[tuple[str, ...], Callable[[HostileProvider, dict[str, Any]], None]]]
] = {
    "ID token header": (
        ("alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5c", "cty", "zip"),
        lambda provider, change: setattr(provider, "header", change),
    ),
    "ID token": (
        ("iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "icn", "email"),
        lambda provider, change: setattr(provider, "claims", change),
    ),
    "token answer": (
        (
            *("access_token", "token_type", "expires_in", "refresh_token", "scope"),
            *("id_token", "patient", "error"),
        ),
        lambda provider, change: setattr(provider, "token_answer", change),
    ),
    "userinfo": (
        ("sub", "icn", "given_name", "family_name", "email"),
        lambda provider, change: setattr(provider, "userinfo", change),
    ),
    "key": (("kty", "kid", "use", "alg", "key_ops", "n", "e", "d", "x5c"), _changed_key),
    "status": (("id", "attributes"), _changed_status),
    "status attributes": (("veteran_status", "not_confirmed_reason"), _changed_attributes),
}
FIELDS: Final = [(place, field) for place, (fields, _) in PLACES.items() for field in fields]
METADATA: Final = (
    *("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"),
    "authorization_response_iss_parameter_supported",
)


def assert_ours_is_the_answer(product: Product) -> None:
    assert not [line for line in product.logged if line["event"] == "unhandled_error"]


@pytest.mark.parametrize(("place", "field"), FIELDS, ids=[" ".join(each) for each in FIELDS])
async def test_an_odd_value_in_any_field_is_no_error_of_ours(place: str, field: str) -> None:
    _fields, change = PLACES[place]
    provider = HostileProvider()
    status_url = f"{provider.url}{STATUS_PATH}" if place.startswith("status") else ""
    async with running_product(
        provider=provider, va_status_url=status_url, login_rate=0
    ) as product:
        browser = product.browser()
        for value in ODD:
            change(provider, {field: value})
            answer = await browser.attempt()
            # Keys that changed are looked for again after a second.
            product.clock.advance(timedelta(seconds=2))

            assert answer.status_code == 303, (value, answer.text)
            outcome = parameters_of(answer)
            assert "token" in outcome or "error" in outcome
            assert_ours_is_the_answer(product)


@pytest.mark.parametrize("field", METADATA)
async def test_an_odd_value_in_the_metadata_is_no_error_of_ours(field: str) -> None:
    for value in ODD:
        provider = HostileProvider()
        provider.metadata[field] = value
        async with running_product(provider=provider) as product:
            answer = await product.browser().start()

            assert answer.status_code in {303, 503}, (value, answer.text)
            assert_ours_is_the_answer(product)
