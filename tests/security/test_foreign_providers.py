"""Any standard OpenID Provider will do, given only by the settings; the sandbox is not special.

The tests named ``test_oidcc_client_test`` and what follows are the modules of the OpenID
Foundation's Basic Relying Party plan, and its Config plan, on the provider's side of the wire.
"""

from collections.abc import Callable
from typing import Any

import pytest

from domain.veteran_status import VeteranStatus
from tests.security.denials import EXCHANGE_FAILED, IDENTITY_MISSING, assert_denied, parameters_of
from tests.support.hostile_provider import (
    ABSENT,
    CLIENT_ID,
    ICN,
    HostileProvider,
    compact,
    ec_jwk,
    rsa_key,
    saying,
)
from tests.support.product import Product, running_product

Bend = Callable[[HostileProvider], object]


def _set(**attributes: Any) -> Bend:
    def bend(provider: HostileProvider) -> None:
        for name, value in attributes.items():
            setattr(provider, name, value)

    return bend


def _metadata(**changes: object) -> Bend:
    return lambda provider: provider.metadata.update(changes)


def _keys(*before: object, kid: object = None) -> Bend:
    """Other entries beside the key that signs, whose id may be another or ABSENT."""

    def bend(provider: HostileProvider) -> None:
        ours = provider.key.jwk() if kid is None else provider.key.jwk(kid=kid)
        provider.keys = [*before, ours]

    return bend


WELL_BEHAVED: dict[str, Bend] = {
    "as it comes": lambda provider: None,
    "the ICN stands in the ID token": _set(icn_in="id_token"),
    "the ICN stands beside the tokens": _set(icn_in="patient"),
    "there is no userinfo": lambda provider: (
        provider.metadata.pop("userinfo_endpoint"),
        _set(icn_in="id_token")(provider),
    ),
    "userinfo says the subject and the ICN only": _set(
        userinfo={"given_name": ABSENT, "family_name": ABSENT, "email": ABSENT}
    ),
    "aud is a text": _set(claims={"aud": CLIENT_ID}),
    "aud is a list with azp": _set(claims={"aud": [CLIENT_ID], "azp": CLIENT_ID}),
    "aud names others too, and azp us": _set(
        claims={"aud": [CLIENT_ID, "https://api.example"], "azp": CLIENT_ID}
    ),
    "times are fractions": _set(claims={"exp": 4_000_000_000.5, "iat": 1_700_000_000.25}),
    "there is no at_hash": _set(claims={"at_hash": ABSENT}),
    "there are claims nobody knows": _set(
        claims={"acr": "urn:gov:aal2", "groups": ["a", "b"], "address": {"country": "US"}}
    ),
    "there is no typ": _set(header={"typ": ABSENT}),
    "the callback names the issuer": lambda provider: provider.callback.update(iss=provider.issuer),
    "the callback names the issuer as promised": lambda provider: (
        _metadata(authorization_response_iss_parameter_supported=True)(provider),
        provider.callback.update(iss=provider.issuer),
    ),
    "the callback brings parameters of its own": _set(
        callback={"session_state": "abc.def", "scope": "openid profile", "hd": "veterans.example"}
    ),
    "there is no kid, and one key": _set(header={"kid": ABSENT}),
    "there is no kid, and one key that signs": lambda provider: (
        _keys(rsa_key("enc").jwk(use="enc"), ec_jwk(), {"kty": "oct", "k": "AAAA"})(provider),
        _set(header={"kid": ABSENT})(provider),
    ),
    "there are several keys": _keys(rsa_key("2025-z").jwk(), rsa_key("enc").jwk(use="enc")),
    "there are keys of other kinds": _keys(ec_jwk(), {"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
    "there is rubbish among the keys": _keys(
        None,
        7,
        "key",
        [],
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "kid": "x", "n": "!!!", "e": "AQAB"},
        {"kty": "RSA", "kid": "y", "n": 5, "e": None},
        {"kty": ["RSA"], "kid": {"a": 1}},
        {"kty": "oct", "kid": "2026-a", "k": "c2VjcmV0"},
    ),
    "the key says little of itself": lambda provider: setattr(
        provider, "keys", [provider.key.jwk(use=ABSENT, alg=ABSENT)]
    ),
    "the key carries certificates and its operations": lambda provider: setattr(
        provider,
        "keys",
        [provider.key.jwk(key_ops=["verify"], x5c=["MIIB"], x5t="AAAA", x5u="https://x.example")],
    ),
    "the access token is bound to a scope": _set(token_answer={"scope": "openid profile"}),
    "there is no expires_in": _set(token_answer={"expires_in": ABSENT}),
    "there is no refresh token": _set(token_answer={"refresh_token": ABSENT}),
    "token_type is written in capitals": _set(token_answer={"token_type": "BEARER"}),
}


@pytest.mark.parametrize("bend", WELL_BEHAVED.values(), ids=WELL_BEHAVED.keys())
async def test_a_standard_provider_signs_a_veteran_in(
    product: Product, provider: HostileProvider, bend: Bend
) -> None:
    bend(provider)

    signed_in = await product.sign_in()
    shown = await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)

    assert shown.status_code == 200
    (user,) = product.store.committed.users.values()
    assert user.icn is not None
    assert user.icn.value == ICN
    assert user.status is VeteranStatus.UNKNOWN
    assert list(product.store.committed.aliases) == [(provider.issuer, provider.person["sub"])]
    assert not product.strays


async def test_names_come_from_userinfo(product: Product, provider: HostileProvider) -> None:
    provider.claims = {"given_name": "An older", "family_name": "word", "email": "old@x.example"}

    await product.sign_in()

    (user,) = product.store.committed.users.values()
    assert (user.given_name, user.family_name) == ("Marguerite", "Oyelaran")
    assert user.email == "marguerite@veterans.example"


async def test_two_issuers_may_use_one_subject_for_two_people() -> None:
    """ASVS 5.0, 10.5.2: a subject means nothing without its issuer."""
    one, other = HostileProvider(), HostileProvider(url="http://localhost:9001")
    other.person["icn"] = "1012845631V000001"
    async with (
        running_product(provider=one) as first,
        running_product(provider=other) as second,
    ):
        second.store.committed = first.store.committed
        await first.sign_in()
        second.store.committed = first.store.committed
        await second.sign_in()

        assert len(second.store.committed.users) == 2
        assert len(second.store.committed.aliases) == 2


async def test_an_icn_that_the_sources_contradict_denies(
    product: Product, provider: HostileProvider
) -> None:
    provider.token_answer = {"patient": "1012667145V762142"}

    assert_denied(product, await product.browser().attempt(), reason="icn_disagreement")


# The OpenID Foundation's Basic RP plan -------------------------------------------------------


async def test_oidcc_client_test_response_type_code(
    product: Product, provider: HostileProvider
) -> None:
    started = await product.browser().start()

    assert parameters_of(started)["response_type"] == "code"
    await product.sign_in()


BASIC_RP: dict[str, Bend] = {
    "issuer-mismatch": _set(claims={"iss": "https://another.example"}),
    "missing-sub": _set(claims={"sub": ABSENT}),
    "invalid-aud": _set(claims={"aud": ["another-client"]}),
    "missing-iat": _set(claims={"iat": ABSENT}),
    "kid-absent-multiple-jwks": lambda provider: (
        _keys(rsa_key("2025-z").jwk())(provider),
        _set(header={"kid": ABSENT})(provider),
    ),
    "idtoken-sig-none": _set(
        forge=lambda header, claims: compact({"alg": "none"}, claims, lambda _: b"")
    ),
    "invalid-sig-rs256": _set(
        forge=lambda header, claims: compact(header, claims, rsa_key("attacker").rs256)
    ),
    "userinfo-invalid-sub": _set(userinfo={"sub": "somebody else"}),
    "nonce-invalid": _set(claims={"nonce": "a nonce that nobody sent"}),
}


@pytest.mark.parametrize("bend", BASIC_RP.values(), ids=BASIC_RP.keys())
async def test_oidcc_client_test_refuses(
    product: Product, provider: HostileProvider, bend: Bend
) -> None:
    bend(provider)

    assert_denied(product, await product.browser().attempt(), EXCHANGE_FAILED)


async def test_oidcc_client_test_kid_absent_single_jwks(
    product: Product, provider: HostileProvider
) -> None:
    provider.header = {"kid": ABSENT}

    await product.sign_in()


async def test_oidcc_client_test_idtoken_sig_rs256(product: Product) -> None:
    await product.sign_in()


async def test_oidcc_client_test_scope_userinfo_claims(
    product: Product, provider: HostileProvider
) -> None:
    started = await product.browser().start()
    await product.sign_in()

    assert parameters_of(started)["scope"] == "openid profile email"
    assert provider.requests["/connect/me"] == 1


async def test_oidcc_client_test_client_secret_basic(
    product: Product, provider: HostileProvider
) -> None:
    # The provider takes nothing else; id and secret hold what has to be encoded first.
    await product.sign_in()

    assert provider.exchanges == 1


# And its Config plan -------------------------------------------------------------------------


async def test_oidcc_client_test_discovery_issuer_mismatch(
    product: Product, provider: HostileProvider
) -> None:
    provider.metadata["issuer"] = f"{provider.issuer}/"

    assert (await product.browser().start()).status_code == 503


async def test_oidcc_client_test_signing_key_rotation(
    product: Product, provider: HostileProvider
) -> None:
    await product.sign_in()
    provider.rotate("2026-b")

    await product.sign_in()

    assert provider.requests["/certs.json"] == 2


async def test_oidcc_client_test_signing_key_rotation_just_before_signing(
    product: Product, provider: HostileProvider
) -> None:
    await product.sign_in()
    browser = product.browser()
    callback = await browser.begin()
    provider.rotate("2026-b")

    assert "token" in parameters_of(await browser.get(callback))


async def test_oidcc_client_test_unparseable_jwk_is_ignored(
    product: Product, provider: HostileProvider
) -> None:
    provider.keys = [{"kty": "RSA", "kid": "bad", "n": "%%%", "e": {}}, provider.key.jwk()]

    await product.sign_in()


async def test_no_icn_anywhere_denies_and_is_not_made_up(
    product: Product, provider: HostileProvider
) -> None:
    provider.person["icn"] = ABSENT

    assert_denied(product, await product.browser().attempt(), IDENTITY_MISSING, reason="no_icn")


async def test_userinfo_that_is_down_admits_nobody_new(
    product: Product, provider: HostileProvider
) -> None:
    provider.icn_in = "id_token"
    provider.replies["/connect/me"] = saying(status=503)

    answer = await product.browser().attempt()

    assert_denied(product, answer, "provider_unavailable")


async def test_userinfo_that_is_down_admits_who_is_known(
    product: Product, provider: HostileProvider
) -> None:
    await product.sign_in()
    provider.replies["/connect/me"] = saying(status=503)

    await product.sign_in()

    assert len(product.sessions) == 2
    assert len(product.store.committed.users) == 1
