"""The Python client's token exchange against the real service, and its reading of answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from application.use_cases.clients.disable_client import DisableClientCommand
from domain.service_client import parse_client_id
from tests.support.product import SERVICE_URL, Product, SignedIn, running_product, serving
from tests.support.service_clients import (
    PURPOSE,
    SCOPE,
    PrivateKey,
    SecretClient,
    ec_key,
    ed_key,
    jwk_of,
    pem_of,
    register,
    rsa_key,
)
from vetassist_client import (
    AsyncVATokens,
    ClientNotAcceptedError,
    ClientSecret,
    RequestNotAcceptedError,
    ScopeNotGrantedError,
    SessionEndedError,
    SignInNeededError,
    TokenNotAcceptedError,
    UnavailableError,
    VASignInNeededError,
    VATokens,
    VetAssistError,
)
from vetassist_client.client_key import ClientKey


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


@pytest.fixture
async def signed_in(product: Product) -> SignedIn:
    return await product.sign_in()


def exchanging(product: Product, credential: ClientSecret | ClientKey) -> AsyncVATokens:
    return AsyncVATokens(SERVICE_URL, credential, transport=httpx.ASGITransport(app=product.app))


async def with_key(product: Product, key: PrivateKey, **options: Any) -> ClientKey:
    """A registered client with a key, whose clock is the service's."""
    public = jwk_of(key, alg="PS256") if options.get("uses_pss") else pem_of(key)
    added = await register(product.container, public_key=public)
    return ClientKey(
        str(added.client.id),
        key,
        audience=SERVICE_URL,
        clock=lambda: product.clock.now().timestamp(),
        **options,
    )


async def with_secret(product: Product) -> ClientSecret:
    client = await SecretClient.registered(product.container)
    product.secrets.add(client.secret)
    return ClientSecret(client.id, client.secret)


@pytest.mark.parametrize(
    ("key", "options"),
    [
        (ec_key(), {}),
        (ed_key(), {}),
        (rsa_key(), {}),
        (rsa_key(), {"uses_pss": True}),
    ],
    ids=["ES256", "EdDSA", "RS256", "PS256"],
)
async def test_each_kind_of_key_gets_a_token_again_and_again(
    product: Product, signed_in: SignedIn, key: PrivateKey, options: dict[str, Any]
) -> None:
    async with exchanging(product, await with_key(product, key, **options)) as tokens:
        for _ in range(2):
            token = await tokens.token(signed_in.token, purpose=PURPOSE, scope=SCOPE)

    assert SCOPE in token.scope.split()
    assert 3500 < token.expires_in <= 3600
    assert token.access_token not in repr(token)


async def test_a_secret_gets_a_token_without_a_scope_too(
    product: Product, signed_in: SignedIn
) -> None:
    async with exchanging(product, await with_secret(product)) as tokens:
        assert (await tokens.token(signed_in.token, purpose=PURPOSE)).access_token


async def test_threads_get_a_token(product: Product, signed_in: SignedIn) -> None:
    async with serving(product.app) as (url, _):
        with VATokens(url, await with_key(product, ec_key())) as tokens:
            token = await asyncio.to_thread(tokens.token, signed_in.token, purpose=PURPOSE)

    assert token.access_token


async def test_a_session_that_ended(product: Product, signed_in: SignedIn) -> None:
    tokens = exchanging(product, await with_secret(product))
    await signed_in.browser.delete("/api/v1/session", headers=signed_in.headers)

    with pytest.raises(SessionEndedError):
        await tokens.token(signed_in.token, purpose=PURPOSE)


async def test_a_jwt_that_is_none_of_the_services(product: Product) -> None:
    tokens = exchanging(product, await with_secret(product))

    with pytest.raises(TokenNotAcceptedError):
        await tokens.token("e30.e30.c2ln", purpose=PURPOSE)


async def test_a_client_that_was_disabled(product: Product, signed_in: SignedIn) -> None:
    secret = await with_secret(product)
    client_id = parse_client_id(secret.client_id)
    assert client_id is not None
    await product.container.disable_client().execute(
        DisableClientCommand(client_id=client_id, reason="leaked")
    )

    with pytest.raises(ClientNotAcceptedError):
        await exchanging(product, secret).token(signed_in.token, purpose=PURPOSE)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"purpose": "claim_filing"}, "unauthorized_client"),
        ({"purpose": PURPOSE, "scope": "launch"}, "invalid_scope"),
        ({"purpose": "curiosity"}, "invalid_request"),
    ],
)
async def test_a_mistake_of_the_back_end_is_told_to_its_developer(
    product: Product, signed_in: SignedIn, asked: dict[str, Any], told: str
) -> None:
    tokens = exchanging(product, await with_secret(product))

    with pytest.raises(RequestNotAcceptedError, match=told):
        await tokens.token(signed_in.token, **asked)


def an_error(error: object, code: object = None, **more: object) -> bytes:
    return json.dumps({"error": error, "code": code, **more}).encode()


def a_token(**changes: object) -> bytes:
    token = {"access_token": "a", "scope": "b", "expires_in": 60, "token_type": "Bearer"}
    return json.dumps(token | changes).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, an_error("invalid_grant", "va_sign_in_needed"), VASignInNeededError),
        (400, an_error("invalid_grant", "session_ended"), SessionEndedError),
        (400, an_error("invalid_grant"), SignInNeededError),
        (400, an_error("invalid_grant", "to_come"), SignInNeededError),
        (400, an_error("invalid_scope", "va_scope_not_granted"), ScopeNotGrantedError),
        (400, an_error("invalid_scope"), RequestNotAcceptedError),
        (413, an_error("invalid_request"), RequestNotAcceptedError),
        (401, an_error("invalid_client"), ClientNotAcceptedError),
        (429, an_error("temporarily_unavailable", "too_many_refusals"), UnavailableError),
        (503, an_error("temporarily_unavailable"), UnavailableError),
        (500, b"", UnavailableError),
        (400, an_error(""), UnavailableError),
        (400, an_error(None), UnavailableError),
        (400, b"[]", UnavailableError),
        (400, b"<html>", UnavailableError),
        (404, b"{}", UnavailableError),
        (302, a_token(), UnavailableError),
        (200, a_token(access_token=""), UnavailableError),
        (200, a_token(access_token=None), UnavailableError),
        (200, a_token(expires_in=True), UnavailableError),
        (200, a_token(expires_in="60"), UnavailableError),
        (200, a_token(expires_in=-1), UnavailableError),
    ],
)
async def test_each_reason_has_a_type(status: int, body: bytes, kind: type[VetAssistError]) -> None:
    answer = httpx.Response(status, content=body, headers={"Retry-After": "7"})
    tokens = AsyncVATokens(
        SERVICE_URL,
        ClientSecret("a", "b"),
        transport=httpx.MockTransport(lambda _request: answer),
    )

    with pytest.raises(VetAssistError) as error:
        await tokens.token("jwt", purpose="x")

    assert type(error.value) is kind
    if isinstance(error.value, UnavailableError) and status >= 429:
        assert error.value.retry_after == 7


async def test_a_secret_is_written_as_in_a_form() -> None:
    """RFC 6749, section 2.3.1."""
    asked: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=a_token())

    secret = ClientSecret("a:b", "c d%")
    await AsyncVATokens(SERVICE_URL, secret, transport=httpx.MockTransport(serve)).token(
        "jwt", purpose="x"
    )

    assert asked[0].headers["authorization"] == "Basic YSUzQWI6YytkJTI1"
    assert "c d%" not in repr(secret)
    assert b"scope" not in asked[0].content


def pem(key: PrivateKey, *, password: bytes | None = None) -> bytes:
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        "-----BEGIN PRIVATE KEY-----",
        pem_of(ec_key()),
        pem(ec_key(), password=b"x"),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa_key(1024)),
    ],
    ids=["empty", "cut-off", "public", "encrypted", "P-384", "short"],
)
def test_a_key_that_the_service_would_refuse_is_refused_at_once(key: bytes | str) -> None:
    with pytest.raises(ValueError, match="private key"):
        ClientKey("client", key, audience=SERVICE_URL)


def test_a_key_may_be_pem_as_text() -> None:
    assert ClientKey("client", pem(ed_key()).decode(), audience=SERVICE_URL).fields()


def test_only_rsa_signs_with_pss() -> None:
    with pytest.raises(ValueError, match="RSA"):
        ClientKey("client", ec_key(), audience=SERVICE_URL, uses_pss=True)
