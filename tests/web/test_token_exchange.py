"""`POST /oauth/token`."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import pytest
from pytest_mock import MockerFixture

from adapters.memory.unit_of_work import MemoryUnitOfWork
from application.errors import UnavailableError
from application.use_cases.clients.disable_client import DisableClientCommand
from domain.audit_event import AuditEventType
from domain.service_client import parse_client_id
from domain.va_token_use import TokenPurpose
from entrypoints.web.token_request import ACCESS_TOKEN, JWT_BEARER
from tests.support.product import FRONT_END_URL, Product, SignedIn, running_product
from tests.support.service_clients import (
    PATH,
    PURPOSE,
    SCOPE,
    KeyClient,
    SecretClient,
    exchange_fields,
)


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


@pytest.fixture
async def client(product: Product) -> SecretClient:
    client = await SecretClient.registered(product.container)
    product.secrets.add(client.secret)
    return client


@pytest.fixture
async def signed_in(product: Product) -> SignedIn:
    return await product.sign_in()


async def exchange(
    product: Product,
    signed_in: SignedIn,
    client: SecretClient | None = None,
    /,
    *,
    headers: Any = None,
    **changes: str | None,
) -> httpx.Response:
    return await product.browser().post(
        PATH,
        data=exchange_fields(signed_in.token, **changes),
        auth=None if client is None else client.basic,
        headers=headers,
    )


def refusals(product: Product) -> list[dict[str, Any]]:
    return [
        dict(event.data) for event in product.audit if event.type is AuditEventType.CLIENT_REFUSED
    ]


def uses(product: Product) -> list[dict[str, Any]]:
    return [
        dict(event.data) for event in product.audit if event.type is AuditEventType.VA_TOKEN_USED
    ]


def assert_error(
    answer: httpx.Response, error: str, *, status: int = 400, code: str | None = None
) -> None:
    body = answer.json()
    assert (answer.status_code, body["error"], body.get("code")) == (status, error, code)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert "set-cookie" not in answer.headers
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert ("retry-after" in answer.headers) == (status in {429, 503})


async def test_a_back_end_gets_vas_token_for_a_live_session(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    answer = await exchange(product, signed_in, client)

    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert told["issued_token_type"] == ACCESS_TOKEN
    assert told["token_type"] == "Bearer"
    assert 3500 < told["expires_in"] <= 3600
    assert SCOPE in told["scope"].split()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert "set-cookie" not in answer.headers
    status = await product.browser().get(
        str(product.settings.va_status_url),
        headers={"Authorization": f"Bearer {told['access_token']}"},
    )
    assert status.status_code == 200
    (use,) = uses(product)
    assert (use["client"], use["purpose"]) == (client.id, PURPOSE.value)


@pytest.mark.parametrize("left_out", ["requested_token_type", "scope"])
async def test_what_may_be_left_out_may(
    product: Product, client: SecretClient, signed_in: SignedIn, left_out: str
) -> None:
    answer = await exchange(product, signed_in, client, **{left_out: None})

    assert answer.status_code == 200


async def test_what_nobody_knows_is_not_looked_at(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    answer = await exchange(product, signed_in, client, colour="blue", requested_issuer="x")

    assert answer.status_code == 200


async def test_the_jwt_may_be_called_an_access_token(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    answer = await exchange(product, signed_in, client, subject_token_type=ACCESS_TOKEN)

    assert answer.status_code == 200


async def test_a_secret_may_come_in_the_form(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    answer = await exchange(product, signed_in, **client.fields)

    assert answer.status_code == 200


async def test_a_basic_header_is_decoded_as_a_form_is(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    spelt = "".join(f"%{ord(each):02X}" for each in client.secret)
    header = b64encode(f"{quote_plus(client.id)}:{spelt}".encode()).decode()

    answer = await exchange(product, signed_in, headers={"Authorization": f"bAsIc {header}"})

    assert answer.status_code == 200


async def test_a_signed_assertion_proves_who_asks_and_counts_once(
    product: Product, signed_in: SignedIn
) -> None:
    client = await KeyClient.registered(product.container)
    shown = client.fields(product.clock.now())

    first = await exchange(product, signed_in, **shown)
    again = await exchange(product, signed_in, **shown)
    other = await exchange(product, signed_in, **client.fields(product.clock.now()))

    assert (first.status_code, other.status_code) == (200, 200)
    assert_error(again, "invalid_client", status=401)
    assert refusals(product) == [{"reason": "assertion_replayed", "client": str(client.id)}]
    assert len(uses(product)) == 2


@pytest.mark.parametrize("audience", ["http://localhost:8000", "http://localhost:8000/oauth/token"])
async def test_an_assertion_is_made_out_to_the_service_or_its_endpoint(
    product: Product, signed_in: SignedIn, audience: str
) -> None:
    client = await KeyClient.registered(product.container)
    shown = client.fields(product.clock.now(), aud=audience)

    assert (await exchange(product, signed_in, **shown)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "http://localhost:8000/other"}, "assertion_audience"),
        ({"aud": "https://va.example"}, "assertion_audience"),
        ({"aud": ["http://localhost:8000", "https://va.example"]}, "assertion_audience"),
        ({"aud": None}, "assertion_audience"),
        ({"jti": None}, "assertion_jti"),
        ({"iat": None}, "assertion_iat"),
        ({"exp": None}, "assertion_exp"),
        ({"exp": "soon"}, "assertion_exp"),
    ],
)
async def test_a_claim_that_does_not_hold_is_refused_and_only_the_audit_says_which(
    product: Product, signed_in: SignedIn, changes: dict[str, Any], reason: str
) -> None:
    client = await KeyClient.registered(product.container)
    shown = client.fields(product.clock.now(), **changes)

    assert_error(await exchange(product, signed_in, **shown), "invalid_client", status=401)
    assert refusals(product) == [{"reason": reason, "client": str(client.id)}]


async def test_every_credential_that_does_not_hold_gets_the_same_answer(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    with_key = await KeyClient.registered(product.container)
    disabled = await SecretClient.registered(product.container)
    await disable(product, disabled)
    nobody = "5b1f0f0e-4c1a-4e37-9b7d-5f6a7b8c9d0e"
    now = product.clock.now()
    expired = with_key.fields(now, exp=int(now.timestamp()) - 60)
    shown: dict[str, tuple[dict[str, Any], str | None]] = {
        "no_credentials": ({}, None),
        "wrong_secret": ({"client_id": client.id, "client_secret": "x"}, client.id),
        "unknown_client": ({"client_id": nobody, "client_secret": "x"}, None),
        "disabled_client": (disabled.fields, disabled.id),
        "assertion_expired": (expired, str(with_key.id)),
        "assertion_client": (
            with_key.fields(now) | {"client_id": client.id},
            str(with_key.id),
        ),
        "malformed_credentials": ({"client_assertion": with_key.assertion(now)}, None),
        "assertion_shape": (
            {"client_assertion_type": JWT_BEARER, "client_assertion": "x"},
            None,
        ),
    }
    answers = [await exchange(product, signed_in, **fields) for fields, _ in shown.values()]

    for answer in answers:
        assert_error(answer, "invalid_client", status=401)
        assert answer.headers["www-authenticate"] == 'Basic realm="vetassist"'
        assert answer.content == answers[0].content
    assert refusals(product) == [
        {"reason": reason} | ({} if known is None else {"client": known})
        for reason, (_, known) in shown.items()
    ]
    assert not uses(product)


async def disable(product: Product, client: SecretClient) -> None:
    client_id = parse_client_id(client.id)
    assert client_id is not None
    command = DisableClientCommand(client_id=client_id, reason="test")
    await product.container.disable_client().execute(command)


@pytest.mark.parametrize(
    "header", ["Bearer x", "Basic", "Basic !", "Basic eA==", "Basic eDp4 x", "Basic w7w6eA=="]
)
async def test_a_header_that_is_no_basic_one_is_refused(
    product: Product, signed_in: SignedIn, header: str
) -> None:
    answer = await exchange(product, signed_in, headers={"Authorization": header})

    assert_error(answer, "invalid_client", status=401)
    (refusal,) = refusals(product)
    assert refusal["reason"] in {"malformed_credentials", "unknown_client"}


async def test_two_ways_at_once_are_refused_even_if_both_hold(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    with_key = await KeyClient.registered(product.container)
    assertion = with_key.fields(product.clock.now())
    header = f"Basic {b64encode(':'.join(client.basic).encode()).decode()}"
    answers = [
        await exchange(product, signed_in, client, **client.fields),
        await exchange(product, signed_in, client, **assertion),
        await exchange(product, signed_in, **client.fields, **assertion),
        await exchange(
            product, signed_in, headers=[("Authorization", header), ("Authorization", header)]
        ),
    ]
    for answer in answers:
        assert_error(answer, "invalid_request")
    assert [each["reason"] for each in refusals(product)] == ["several_credentials"] * 4
    assert not uses(product)


async def test_a_client_id_beside_basic_must_be_the_same(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    same = await exchange(product, signed_in, client, client_id=client.id)
    other = await exchange(product, signed_in, client, client_id="somebody")

    assert same.status_code == 200
    assert_error(other, "invalid_client", status=401)


async def test_a_disabled_client_is_refused_from_its_next_request_on(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    assert (await exchange(product, signed_in, client)).status_code == 200
    await disable(product, client)

    assert_error(await exchange(product, signed_in, client), "invalid_client", status=401)


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_type": None},
        {"subject_token": None},
        {"subject_token": ""},
        {"subject_token_type": None},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "x"},
        {"actor_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"purpose": None},
        {"purpose": "curiosity"},
        {"subject_token": "Zoë"},
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    product: Product, client: SecretClient, signed_in: SignedIn, changes: dict[str, str | None]
) -> None:
    assert_error(await exchange(product, signed_in, client, **changes), "invalid_request")
    assert not uses(product)


def described(answer: httpx.Response) -> str:
    text: str = answer.json()["error_description"]
    return text


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"grant_type": None}, "grant_type is missing"),
        ({"grant_type": "password"}, "grant_type must be urn:ietf:params:oauth:grant-type:"),
        ({"subject_token": None}, "subject_token is missing"),
        ({"subject_token": "Zoë"}, "subject_token must be printable ASCII"),
        ({"subject_token_type": "x"}, "subject_token_type must be urn:ietf:params:oauth:"),
        ({"requested_token_type": "x"}, "requested_token_type must be urn:ietf:params:oauth:"),
        ({"actor_token": "x"}, "actor_token is not supported"),
        ({"actor_token_type": "x"}, "actor_token_type is not supported"),
        ({"purpose": "curiosity"}, "purpose must be one of: veteran_status, "),
        ({"purpose": ["veteran_status"] * 2}, "purpose must not appear twice"),
        ({"scope": "a  b"}, "scope must be words"),
        ({"audience": "https://elsewhere.example"}, "audience must be VA's issuer or the URL"),
        ({"resource": "x"}, "resource must be VA's issuer or the URL"),
        ({"client_id": ["a", "b"]}, "client_id must not appear twice"),
    ],
)
async def test_the_answer_names_the_parameter_and_what_it_must_be(
    product: Product,
    client: SecretClient,
    signed_in: SignedIn,
    changes: dict[str, Any],
    named: str,
) -> None:
    answer = await exchange(product, signed_in, client, **changes)
    assert answer.status_code == 400
    assert described(answer).startswith(named)


async def test_a_client_without_credentials_is_told_what_to_send(
    product: Product, signed_in: SignedIn
) -> None:
    answer = await exchange(product, signed_in)
    for name in ("HTTP Basic", "client_secret", "client_assertion"):
        assert name in described(answer)


@pytest.mark.parametrize("odd", ["x=1&x=2", "x=%ff&y=%00", "x=\xff", "%=%", "=", "\xff"])
async def test_a_parameter_that_nobody_reads_changes_nothing(
    product: Product, client: SecretClient, signed_in: SignedIn, odd: str
) -> None:
    form = urlencode(exchange_fields(signed_in.token))
    answer = await product.browser().post(
        PATH,
        content=f"{odd}&{form}".encode("latin-1"),
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        auth=client.basic,
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("grant_type", ["client_credentials", "refresh_token", "x"])
async def test_there_is_no_other_grant(
    product: Product, client: SecretClient, signed_in: SignedIn, grant_type: str
) -> None:
    answer = await exchange(product, signed_in, client, grant_type=grant_type)

    assert_error(answer, "unsupported_grant_type")


@pytest.mark.parametrize("scope", ["claim.read", f"{SCOPE} claim.read", "a  b", "ä"[:0] + 'a"b'])
async def test_a_scope_that_the_client_may_not_ask_for_is_refused(
    product: Product, client: SecretClient, signed_in: SignedIn, scope: str
) -> None:
    assert_error(await exchange(product, signed_in, client, scope=scope), "invalid_scope")
    assert not uses(product)


async def test_a_purpose_that_the_client_is_not_registered_for_is_refused_and_audited(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    answer = await exchange(product, signed_in, client, purpose=TokenPurpose.HEALTH_RECORDS.value)

    assert_error(answer, "unauthorized_client")
    assert refusals(product) == [{"reason": "purpose_not_allowed", "client": client.id}]


async def test_a_scope_that_the_veteran_did_not_grant_is_refused(product: Product) -> None:
    client = await SecretClient.registered(product.container, scopes=frozenset({SCOPE, "profile"}))
    signed_in = await product.sign_in()
    tokens = product.store.committed.va_tokens
    for user_id, sealed in list(tokens.items()):
        tokens[user_id] = replace(sealed, scope=SCOPE)

    refused = await exchange(product, signed_in, client, scope="profile")
    granted = await exchange(product, signed_in, client, scope=SCOPE)

    assert_error(refused, "invalid_scope", code="va_scope_not_granted")
    assert granted.status_code == 200


@pytest.mark.parametrize("name", ["audience", "resource"])
async def test_vas_apis_are_the_only_target(
    product: Product, client: SecretClient, signed_in: SignedIn, name: str
) -> None:
    status_url = str(product.settings.va_status_url)
    fields = exchange_fields(signed_in.token)

    async def asked(*values: str) -> httpx.Response:
        data: dict[str, Any] = fields | {name: list(values)}
        return await product.browser().post(PATH, data=data, auth=client.basic)

    assert (await asked(status_url)).status_code == 200
    assert (await asked(product.settings.va_issuer)).status_code == 200
    # The only two parameters that may stand more than once.
    assert (await asked(status_url, product.settings.va_issuer)).status_code == 200
    assert_error(await asked(status_url, "https://elsewhere.example"), "invalid_target")
    assert_error(await asked("https://["), "invalid_target")
    assert_error(await asked(f"{status_url}#x"), "invalid_target")


async def test_a_session_that_has_ended_is_of_no_use(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    await signed_in.browser.delete("/api/v1/session", headers=signed_in.headers)

    answer = await exchange(product, signed_in, client)

    assert_error(answer, "invalid_grant", code="session_ended")
    assert not uses(product)
    refused = product.audit[-1]
    assert refused.type is AuditEventType.VA_TOKEN_USE_REFUSED
    assert refused.user_id is not None
    assert refused.data["client"] == client.id
    assert refused.data["reason"] == "session_ended"


async def test_a_jwt_that_does_not_hold_is_no_subject(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    for token in (signed_in.token[:-4] + "AAAA", "x", "a.b.c"):
        answer = await exchange(product, signed_in, client, subject_token=token)
        assert_error(answer, "invalid_request", code="invalid_token")
    product.clock.advance(timedelta(minutes=30))
    answer = await exchange(product, signed_in, client)
    assert_error(answer, "invalid_request", code="invalid_token")
    assert not uses(product)


async def test_without_vas_tokens_a_new_sign_in_is_asked_for(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    product.store.committed.va_tokens.clear()

    answer = await exchange(product, signed_in, client)

    assert_error(answer, "invalid_grant", code="va_sign_in_needed")


@pytest.mark.case(77)
async def test_only_a_form_is_read(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    browser = product.browser()
    fields = exchange_fields(signed_in.token)

    as_json = await browser.post(PATH, json=fields, auth=client.basic)
    as_parts = await browser.post(PATH, files={"grant_type": "x"}, auth=client.basic)
    long = await browser.post(PATH, data=fields | {"x": "x" * 17_000}, auth=client.basic)

    for answer in (as_json, as_parts):
        assert_error(answer, "invalid_request", status=415)
        assert described(answer) == "The Content-Type must be application/x-www-form-urlencoded."
    assert_error(long, "invalid_request", status=413)
    assert described(long) == "The body must be at most 16384 bytes long."
    assert (await browser.get(PATH)).status_code == 405


@pytest.mark.case(77)
@pytest.mark.parametrize(
    "body",
    [
        "grant_type=a&grant_type=a",
        "purpose=a&purpose=",
        "subject_token=%00",
        "subject_token=%ff",
        "subject_token=%0d%0aSet-Cookie:x",
        "purpose=\xff",
        "&".join(f"x{number}=1" for number in range(60)),
    ],
)
async def test_a_form_that_can_be_read_in_two_ways_is_refused(
    product: Product, client: SecretClient, body: str
) -> None:
    answer = await product.browser().post(
        PATH,
        content=body.encode("latin-1"),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=client.basic,
    )

    assert_error(answer, "invalid_request")


async def test_nothing_is_read_from_the_query(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    answer = await product.browser().post(
        f"{PATH}?purpose=x", data=exchange_fields(signed_in.token), auth=client.basic
    )

    assert_error(answer, "invalid_request")


async def test_refusals_of_one_address_are_bounded_and_good_clients_pass_all_the_same(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    answers = [await exchange(product, signed_in, client_id="x") for _ in range(62)]

    assert [answer.status_code for answer in answers] == [401] * 60 + [429] * 2
    assert_error(answers[-1], "temporarily_unavailable", status=429, code="too_many_refusals")
    assert len(refusals(product)) == 60
    assert (await exchange(product, signed_in, client)).status_code == 200
    elsewhere = await product.browser(address="203.0.113.8").post(
        PATH, data=exchange_fields(signed_in.token)
    )
    assert elsewhere.status_code == 401


async def test_an_outage_of_ours_is_no_refusal(
    product: Product, client: SecretClient, signed_in: SignedIn, mocker: MockerFixture
) -> None:
    mocker.patch.object(MemoryUnitOfWork, "__aenter__", side_effect=UnavailableError)

    for answer in (
        await exchange(product, signed_in, client),
        await exchange(product, signed_in),
    ):
        assert_error(answer, "temporarily_unavailable", status=503, code="unavailable")


async def test_no_page_may_read_an_answer(
    product: Product, client: SecretClient, signed_in: SignedIn
) -> None:
    from_page = {"Origin": FRONT_END_URL}
    preflight = await product.browser().http.options(
        PATH, headers=from_page | {"Access-Control-Request-Method": "POST"}
    )
    answer = await exchange(product, signed_in, client, headers=from_page)

    assert preflight.status_code == 405
    for each in (preflight, answer):
        assert not [name for name in each.headers if name.startswith("access-control")]


async def test_a_cookie_is_no_subject(client: SecretClient, product: Product) -> None:
    async with running_product(session_delivery="cookie") as by_cookie:
        its_client = await SecretClient.registered(by_cookie.container)
        browser = by_cookie.browser()
        await browser.get(await browser.begin())

        answer = await browser.post(
            PATH, data=exchange_fields("x", subject_token=None), auth=its_client.basic
        )

    assert_error(answer, "invalid_request")
