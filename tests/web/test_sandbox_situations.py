"""What a person can try with the sandbox's faults, and where it leads them."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from domain.veteran_status import VeteranStatus
from tests.support.product import SERVICE_URL, Product, running_product


@pytest.fixture
async def sandboxed() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


#: Each plan, what it is about, and what is stored of the Veteran afterwards.
SIGNED_IN: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "null claims": ({"null_claims": {}}, {}),
    "an empty refresh token": ({"empty_refresh_token": {}}, {}),
    "a lifetime as text": ({"expires_in_as_text": {}}, {}),
    "names that userinfo leaves to the ID token": (
        {"null_names": {}, "id_token_overrides": {"value": {"given_name": "Tammy"}}},
        {"given_name": "Tammy", "family_name": None, "email": None},
    ),
    "spaces that are no plain ones": (
        {"unusual_spaces": {}},
        {"given_name": "Mary\u00a0Ann", "family_name": "\u5c71\u7530\u3000\u592a\u90ce"},
    ),
    "an e-mail that is too long": ({"long_email": {}}, {"email": None, "given_name": "Tamara"}),
    "half a character": ({"half_a_character": {}}, {}),
    "keys with empty limits": ({"empty_key_limits": {}}, {}),
    "Latin-1": (
        {
            "userinfo": {"charset": "iso-8859-1"},
            "userinfo_overrides": {"value": {"given_name": "Jos\u00e9"}},
        },
        {"given_name": "Jos\u00e9"},
    ),
    "UTF-16 and gzip everywhere": (
        {
            name: {"charset": "utf-16", "content_encoding": "gzip"}
            for name in ("discovery", "keys", "token", "userinfo", "status")
        },
        {},
    ),
    "signed userinfo": ({"signed_userinfo": {}}, {"email": "va.api.user+idme.001@gmail.com"}),
    "no status": (
        {"status": {"answer": 404}, "icn_in_userinfo": {}},
        {"status": VeteranStatus.UNKNOWN},
    ),
    "no status in time": (
        {"status": {"answer": 503}, "icn_in_userinfo": {}},
        {"status": VeteranStatus.UNKNOWN},
    ),
    "no revocation endpoint": ({"discovery_overrides": {"value": {"revocation_endpoint": ""}}}, {}),
}


@pytest.mark.parametrize(("plan", "stored"), SIGNED_IN.values(), ids=SIGNED_IN.keys())
async def test_a_careless_provider_signs_a_veteran_in(
    sandboxed: Product, plan: dict[str, Any], stored: dict[str, Any]
) -> None:
    sandboxed.faults(**plan)

    await sandboxed.sign_in()

    (user,) = sandboxed.store.committed.users.values()
    expected = {"status": VeteranStatus.CONFIRMED, "given_name": "Tamara", **stored}
    assert {name: getattr(user, name) for name in expected} == expected


async def test_a_mistake_of_the_operator_ends_on_a_page_that_says_whose_fault_it_is() -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        product.faults(callback_error={"error": "invalid_scope"})
        browser = product.browser()

        answer = await browser.get((await browser.attempt()).headers["location"])

    assert "on our side" in answer.text
    assert "You did nothing wrong" in answer.text


async def test_a_revocation_that_is_answered_204_is_done(sandboxed: Product) -> None:
    signed_in = await sandboxed.sign_in()
    sandboxed.faults(revoke={"status": 204})

    await signed_in.browser.delete("/api/v1/va/link", headers=signed_in.headers)

    assert sandboxed.sandbox.counters.revocations == 1
    assert not sandboxed.store.committed.va_revocations
    assert sandboxed.audit[-1].data["outcome"] == "revoked"
