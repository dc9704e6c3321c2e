"""Documents that honest providers send and that must not cost a Veteran the sign-in.

What a signature, an identifier or a token depends on stays strict: that is told here, too, beside
each leniency.
"""

import gzip
import json
import zlib
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.veteran_status import VeteranStatus
from tests.security.denials import (
    ACCESS_DENIED,
    EXCHANGE_FAILED,
    IDENTITY_MISSING,
    PROVIDER_UNAVAILABLE,
    SERVICE_UNAVAILABLE,
    assert_denied,
    assert_turned_away,
)
from tests.security.test_refresh import Link, a_link
from tests.support.hostile_provider import (
    ABSENT,
    CLIENT_ID,
    ICN,
    STATUS_PATH,
    Dress,
    Forger,
    HostileProvider,
    base64url,
    compact,
    ec_jwk,
    rsa_key,
    saying,
)
from tests.support.product import Product, running_product

DISCOVERY: Final = "/realms/veterans/.well-known/openid-configuration"
KEYS: Final = "/certs.json"
TOKEN: Final = "/connect/exchange"
USERINFO: Final = "/connect/me"
EVERY_DOCUMENT: Final = (DISCOVERY, KEYS, TOKEN, USERINFO, STATUS_PATH)
EMPTY: Final[list[Any]] = [None, "", []]
OURS: Final = rsa_key("2026-a")
ATTACKERS: Final = rsa_key("attacker")
OTHERS_ICN: Final = "1012861229V078999"


@pytest.fixture
async def asking(provider: HostileProvider) -> AsyncIterator[Product]:
    """A product that asks the status API, too."""
    url = f"{provider.url}{STATUS_PATH}"
    async with running_product(provider=provider, va_status_url=url) as product:
        yield product


def the_user(product: Product) -> Any:
    (user,) = product.store.committed.users.values()
    return user


async def deny(product: Product, error: str = EXCHANGE_FAILED, reason: str | None = None) -> None:
    assert_denied(product, await product.browser().attempt(), error, reason=reason)


# Present but empty is absent -------------------------------------------------------------------

Bend = Callable[[HostileProvider, dict[str, Any]], object]
OPTIONAL: Final[dict[str, tuple[Bend, tuple[str, ...]]]] = {
    "ID token": (
        lambda provider, change: setattr(provider, "claims", change),
        ("at_hash", "azp", "nbf", "acr", "amr", "auth_time", "given_name", "icn"),
    ),
    "header": (
        lambda provider, change: setattr(provider, "header", change),
        ("kid", "typ", "cty", "x5c", "jku"),
    ),
    "token answer": (
        lambda provider, change: setattr(provider, "token_answer", change),
        ("refresh_token", "expires_in", "scope", "patient", "state", "error"),
    ),
    "userinfo": (
        lambda provider, change: setattr(provider, "userinfo", change),
        ("given_name", "family_name", "email", "updated_at"),
    ),
    "key": (
        lambda provider, change: setattr(provider, "keys", [provider.key.jwk(**change)]),
        ("use", "alg", "key_ops", "d", "x5c", "x5t"),
    ),
    "metadata": (
        lambda provider, change: provider.metadata.update(change),
        (
            *("revocation_endpoint", "end_session_endpoint"),
            *("authorization_response_iss_parameter_supported", "scopes_supported"),
        ),
    ),
}
MEMBERS: Final = [(place, name) for place, (_, names) in OPTIONAL.items() for name in names]


@pytest.mark.parametrize(("place", "name"), MEMBERS, ids=[" ".join(each) for each in MEMBERS])
async def test_an_optional_member_that_is_empty_was_not_said(
    product: Product, provider: HostileProvider, place: str, name: str
) -> None:
    bend, _names = OPTIONAL[place]
    for empty in EMPTY:
        bend(provider, {name: empty})

        await product.sign_in()

        assert the_user(product).icn.value == ICN
        (tokens,) = product.store.committed.va_tokens.values()
        assert (tokens.refresh_token is None) == (name == "refresh_token")
        assert tokens.scope == "openid profile email"
        # The next one reads what it is sent, and not what is remembered.
        product.clock.advance(timedelta(hours=2))


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
async def test_a_key_of_which_nothing_is_said_but_the_key_signs_for_a_token_without_a_name(
    product: Product, provider: HostileProvider, empty: object
) -> None:
    said = dict.fromkeys(("kid", "use", "alg", "key_ops", "d"), empty)
    provider.keys = [provider.key.jwk(**said)]
    provider.header = {"kid": empty}

    await product.sign_in()


@pytest.mark.parametrize("empty", [ABSENT, *EMPTY], ids=repr)
async def test_the_only_key_signs_for_every_token_if_it_has_no_name(
    product: Product, provider: HostileProvider, empty: object
) -> None:
    provider.keys = [provider.key.jwk(kid=empty), ec_jwk()]

    await product.sign_in()


@pytest.mark.case(30)
@pytest.mark.parametrize("others", [{"kid": ABSENT}, {"kid": "2026-b"}], ids=repr)
async def test_of_several_keys_one_without_a_name_signs_for_no_token_with_one(
    product: Product, provider: HostileProvider, others: Mapping[str, object]
) -> None:
    provider.keys = [provider.key.jwk(kid=ABSENT), rsa_key("2026-b").jwk(**others)]

    await deny(product, reason="key_unknown")


@pytest.mark.parametrize("change", [{"error": ""}, {"error_description": ""}])
async def test_a_parameter_of_the_callback_that_is_empty_was_not_said(
    product: Product, provider: HostileProvider, change: dict[str, object]
) -> None:
    provider.callback = change

    await product.sign_in()


async def test_a_refusal_with_an_empty_code_is_a_refusal(
    product: Product, provider: HostileProvider
) -> None:
    provider.callback = {"code": "", "error": "access_denied"}

    await deny(product, ACCESS_DENIED)


@pytest.mark.parametrize(
    ("reply", "error", "reason"),
    [
        (saying(b"", 401), SERVICE_UNAVAILABLE, "invalid_client"),
        (saying(b"<html>", 401), SERVICE_UNAVAILABLE, "invalid_client"),
        (saying({"error": None}, 401), SERVICE_UNAVAILABLE, "invalid_client"),
        (saying({"error": "temporarily_unavailable"}, 400), PROVIDER_UNAVAILABLE, None),
        (saying({"error": "server_error"}, 400), PROVIDER_UNAVAILABLE, None),
        (saying(b"", 408), PROVIDER_UNAVAILABLE, None),
        (saying(b"<html>", 404), EXCHANGE_FAILED, "token_endpoint_refused"),
    ],
)
async def test_a_refused_exchange_says_whose_fault_it_is_as_far_as_it_can_be_known(
    product: Product, provider: HostileProvider, reply: Any, error: str, reason: str | None
) -> None:
    provider.replies[TOKEN] = reply

    await deny(product, error, reason=reason)


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "nonce"])
async def test_a_required_claim_that_is_empty_is_missing(
    product: Product, provider: HostileProvider, name: str, empty: object
) -> None:
    provider.claims = {name: empty}

    await deny(product, reason=f"id_token_{name}")


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("access_token", "access_token_missing"),
        ("token_type", "token_type"),
        ("id_token", "id_token_shape"),
    ],
)
async def test_a_required_token_that_is_empty_is_missing(
    product: Product, provider: HostileProvider, name: str, reason: str, empty: object
) -> None:
    provider.token_answer = {name: empty}

    await deny(product, reason=reason)


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
@pytest.mark.parametrize("place", ["id_token", "userinfo", "patient"])
async def test_an_icn_that_is_empty_is_no_icn_and_does_not_contradict_one(
    product: Product, provider: HostileProvider, place: str, empty: object
) -> None:
    provider.icn_in = "userinfo" if place == "id_token" else "id_token"
    provider.claims = {"icn": empty} if place == "id_token" else {}
    provider.userinfo = {"icn": empty} if place == "userinfo" else {}
    provider.token_answer = {"patient": empty} if place == "patient" else {}

    await product.sign_in()


async def test_no_icn_anywhere_but_empty_ones_is_no_icn(
    product: Product, provider: HostileProvider
) -> None:
    provider.claims, provider.userinfo = {"icn": None}, {"icn": ""}
    provider.token_answer = {"patient": []}

    await deny(product, IDENTITY_MISSING, reason="no_icn")


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
@pytest.mark.parametrize("name", ["at_hash", "nbf", "azp", "nonce", "acr", "auth_time", "amr"])
async def test_a_refreshed_id_token_with_an_empty_claim_costs_no_link(
    product: Product, provider: HostileProvider, name: str, empty: object
) -> None:
    link = await a_link(product, provider)
    provider.claims = {name: empty}

    await assert_refreshed(link)


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
@pytest.mark.parametrize("name", ["refresh_token", "id_token", "scope", "patient", "expires_in"])
async def test_a_refresh_with_an_empty_member_leaves_what_was_there(
    product: Product, provider: HostileProvider, name: str, empty: object
) -> None:
    link = await a_link(product, provider)
    before = await link.tokens()
    provider.token_answer = {name: empty}

    await assert_refreshed(link)

    after = await link.tokens()
    assert after.scope == before.scope
    assert (after.refresh_token == before.refresh_token) == (name == "refresh_token")
    assert (after.id_token == before.id_token) == (name == "id_token")


async def assert_refreshed(link: Link) -> None:
    """The link stands, and VA is not asked to revoke anything."""
    given = await link.use("openid")

    assert given.access_token == (await link.tokens()).access_token
    assert not link.refusals
    assert link.state.needs_sign_in_at is None
    assert not link.product.store.committed.va_revocations


@pytest.mark.parametrize(
    "unsaid",
    [*EMPTY, ABSENT, "\ud83d", " \u200d", 7, ["Marguerite"], "x" * 300, {"first": "M"}],
    ids=repr,
)
@pytest.mark.parametrize(
    ("name", "word"),
    [("given_name", "Ann"), ("family_name", "Smith"), ("email", "ann@veterans.example")],
)
async def test_what_userinfo_does_not_say_is_taken_from_the_id_token(
    product: Product, provider: HostileProvider, name: str, word: str, unsaid: object
) -> None:
    provider.claims = {name: word}
    provider.userinfo = {name: unsaid}
    product.secrets.add(word)

    await product.sign_in()

    assert getattr(the_user(product), name) == word


@pytest.mark.parametrize("unsaid", [*EMPTY, "\ud83d", 7], ids=repr)
async def test_what_nobody_says_any_more_stays_as_it_was(
    product: Product, provider: HostileProvider, unsaid: object
) -> None:
    await product.sign_in()
    before = the_user(product)
    provider.userinfo = dict.fromkeys(("given_name", "family_name", "email"), unsaid)

    await product.sign_in()

    after = the_user(product)
    assert (after.given_name, after.family_name, after.email) == (
        *("Marguerite", "Oyelaran"),
        "marguerite@veterans.example",
    )
    assert after.id == before.id


# Only what is read is judged -------------------------------------------------------------------

UNREAD: Final = {
    "half a surrogate pair": r'"nickname":"\ud83d"',
    "half a surrogate pair in a name": r'"\ud83d":7',
    "a repetition": '"nickname":"a","nickname":"b"',
    "a repetition inside": '"address":{"country":"US","country":"CA"}',
    "NaN": '"score":NaN',
    "a huge number": '"score":' + "9" * 5_000,
    "a line end": '"nickname":"a\nb"',
    "a number that is infinite": '"score":1e999',
}


def with_member(member: str) -> Dress:
    """The same document with one more member, as text."""

    def dress(answer: Response) -> Response:
        text = bytes(answer.body).decode()
        return Response(f"{{{member},{text[1:]}", answer.status_code, media_type="application/json")

    return dress


@pytest.mark.parametrize("member", UNREAD.values(), ids=UNREAD.keys())
async def test_a_member_that_nobody_reads_has_no_effect(
    asking: Product, provider: HostileProvider, member: str
) -> None:
    provider.dresses = dict.fromkeys(EVERY_DOCUMENT, with_member(member))

    await asking.sign_in()

    assert the_user(asking).status is VeteranStatus.CONFIRMED


async def test_half_a_surrogate_pair_in_a_claim_that_nobody_reads_has_no_effect(
    product: Product, provider: HostileProvider
) -> None:
    provider.claims = {"nickname": "\ud83d", "given_name": "\ud83d"}
    provider.userinfo = {"given_name": ABSENT}

    await product.sign_in()

    assert (the_user(product).given_name, the_user(product).family_name) == (None, "Oyelaran")


@pytest.mark.case(42)
@pytest.mark.parametrize(
    ("path", "member", "error"),
    [
        (DISCOVERY, '"issuer":"https://evil.example"', PROVIDER_UNAVAILABLE),
        (DISCOVERY, '"token_endpoint":"https://evil.example"', PROVIDER_UNAVAILABLE),
        (KEYS, '"keys":[{}]', PROVIDER_UNAVAILABLE),
        (TOKEN, '"access_token":"another"', EXCHANGE_FAILED),
        (TOKEN, '"refresh_token":"another"', EXCHANGE_FAILED),
        (TOKEN, '"id_token":"another"', EXCHANGE_FAILED),
        (TOKEN, '"token_type":"mac"', EXCHANGE_FAILED),
        (USERINFO, '"sub":"another"', EXCHANGE_FAILED),
        (USERINFO, f'"icn":"{OTHERS_ICN}"', EXCHANGE_FAILED),
    ],
)
async def test_a_member_that_is_read_must_not_contradict_itself(
    product: Product, provider: HostileProvider, path: str, member: str, error: str
) -> None:
    browser = product.browser()
    started = await browser.start()
    provider.dresses = {path: with_member(member)}
    if path == DISCOVERY:
        async with running_product(provider=provider) as another:
            assert (await another.browser().start()).status_code == 503
        return

    answer = await browser.get(await browser.consent(started.headers["location"]))

    assert_denied(product, answer, error)
    assert not product.strays


@pytest.mark.parametrize(
    "repeated",
    [
        lambda key: [key.jwk(), key.jwk()],
        lambda key: [key.jwk(), key.jwk(use=ABSENT, alg=ABSENT)],
        lambda key: [key.jwk(kid=ABSENT), key.jwk()],
        lambda key: [key.jwk(kid=7), key.jwk()],
    ],
)
@pytest.mark.parametrize("kid", ["2026-a", ABSENT])
async def test_a_key_that_is_listed_twice_is_one_key(
    product: Product, provider: HostileProvider, repeated: Callable[[Any], object], kid: object
) -> None:
    provider.keys = repeated(provider.key)
    provider.header = {"kid": kid}

    await product.sign_in()


async def test_an_audience_that_is_named_twice_is_one_audience(
    product: Product, provider: HostileProvider
) -> None:
    provider.claims = {"aud": [CLIENT_ID, CLIENT_ID]}

    await product.sign_in()


@pytest.mark.parametrize("status", [200, 201, 203])
async def test_any_success_is_a_success(
    asking: Product, provider: HostileProvider, status: int
) -> None:
    def dress(answer: Response) -> Response:
        return Response(answer.body, status, media_type="application/json")

    provider.dresses = dict.fromkeys(EVERY_DOCUMENT, dress)

    await asking.sign_in()

    assert the_user(asking).status is VeteranStatus.CONFIRMED


@pytest.mark.parametrize("scope", [["openid", "email"], " openid  email ", "openid\r\nemail"])
async def test_scopes_may_be_a_list_or_have_any_space_between_them(
    product: Product, provider: HostileProvider, scope: object
) -> None:
    provider.token_answer = {"scope": scope, "token_type": "BEARER"}

    await product.sign_in()

    (tokens,) = product.store.committed.va_tokens.values()
    assert tokens.scope == "openid email"


# What standards allow --------------------------------------------------------------------------

NAMES: Final = {"given_name": "Jos\u00e9", "family_name": "Mu\u00f1oz"}


def written(charset: str, label: str | None = None, media_type: str = "application/json") -> Dress:
    """The same document in another charset, and with a label that says so, or says anything."""

    def dress(answer: Response) -> Response:
        text = json.dumps(json.loads(bytes(answer.body)), ensure_ascii=False)
        content_type = media_type if label is None else f"{media_type}; charset={label}"
        headers = {"Content-Type": content_type}
        return Response(text.encode(charset), answer.status_code, headers)

    return dress


@pytest.mark.parametrize(
    ("charset", "label"),
    [
        ("latin-1", "ISO-8859-1"),
        ("cp1252", '"windows-1252"'),
        ("utf-8", "iso-8859-1"),
        ("utf-8-sig", None),
        ("utf-8", "nonsense"),
        ("utf-16", "utf-16"),
        ("utf-16", None),
    ],
)
async def test_every_document_may_be_in_any_charset(
    asking: Product, provider: HostileProvider, charset: str, label: str | None
) -> None:
    provider.userinfo = dict(NAMES)
    provider.dresses = dict.fromkeys(EVERY_DOCUMENT, written(charset, label))

    await asking.sign_in()

    user = the_user(asking)
    assert {name: getattr(user, name) for name in NAMES} == NAMES
    assert user.status is VeteranStatus.CONFIRMED


@pytest.mark.parametrize("media_type", ["text/plain", "text/html", "application/octet-stream"])
async def test_a_wrong_media_type_of_json_harms_nobody(
    asking: Product, provider: HostileProvider, media_type: str
) -> None:
    provider.dresses = dict.fromkeys(EVERY_DOCUMENT, written("utf-8", media_type=media_type))

    await asking.sign_in()


async def test_a_server_that_sends_only_its_own_media_type_is_not_asked_for_another(
    asking: Product, provider: HostileProvider
) -> None:
    accepted: list[str] = []

    async def reply(request: Request) -> Response:
        accepted.append(request.headers["accept"])
        return JSONResponse({"keys": provider.keys}, media_type="application/jwk-set+json")

    provider.replies[KEYS] = reply

    await asking.sign_in()

    assert accepted == ["application/json, */*;q=0.1"]


async def test_a_name_that_does_not_fit_its_charset_costs_the_name_only(
    product: Product, provider: HostileProvider
) -> None:
    provider.userinfo = dict(NAMES)
    provider.dresses[USERINFO] = written("latin-1")

    await product.sign_in()

    user = the_user(product)
    assert (user.given_name, user.family_name) == (None, None)
    assert user.email == "marguerite@veterans.example"


def coded(coding: str, compress: Callable[[bytes], bytes]) -> Dress:
    """The same document, compressed although nobody asked for it."""

    def dress(answer: Response) -> Response:
        headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
        return Response(compress(bytes(answer.body)), answer.status_code, headers)

    return dress


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("utf-8", bytes),
    ],
)
async def test_every_document_may_be_compressed_unasked(
    asking: Product, provider: HostileProvider, coding: str, compress: Callable[[bytes], bytes]
) -> None:
    provider.dresses = dict.fromkeys(EVERY_DOCUMENT, coded(coding, compress))

    await asking.sign_in()

    assert the_user(asking).status is VeteranStatus.CONFIRMED


BOMB: Final = gzip.compress(b'{"a":"' + b" " * 2_000_000)


@pytest.mark.case(51)
@pytest.mark.parametrize(
    ("path", "error"),
    [(KEYS, PROVIDER_UNAVAILABLE), (TOKEN, EXCHANGE_FAILED), (USERINFO, EXCHANGE_FAILED)],
)
@pytest.mark.parametrize(
    "body",
    [BOMB, BOMB[:-9], b"no gzip", gzip.compress(b"{}")[:-9]],
    ids=["a bomb", "a bomb cut short", "no gzip", "a gzip cut short"],
)
async def test_a_bomb_or_no_compression_at_all_is_refused_in_every_document(
    product: Product, provider: HostileProvider, path: str, error: str, body: bytes
) -> None:
    provider.dresses[path] = coded("gzip", lambda _body: body)

    await deny(product, error)


# Userinfo as a signed JWT ----------------------------------------------------------------------


def signing(
    provider: HostileProvider,
    forge: Forger | None = None,
    media_type: str = "application/jwt",
    **changes: object,
) -> Dress:
    """Userinfo as a JWT, by default as OpenID Connect Core 1.0, section 5.3.2, has it."""

    def dress(answer: Response) -> Response:
        said = {**json.loads(bytes(answer.body)), "iss": provider.issuer, "aud": CLIENT_ID}
        claims = {name: value for name, value in {**said, **changes}.items() if value is not ABSENT}
        header: dict[str, object] = {"alg": "RS256", "kid": provider.key.kid}
        sign = forge or (lambda header, claims: compact(header, claims, provider.key.rs256))
        made = sign(header, claims)
        return Response(str(made), answer.status_code, {"Content-Type": media_type})

    return dress


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iss": ABSENT, "aud": ABSENT},
        {"iss": None, "aud": [], "exp": None, "nbf": None, "iat": ""},
        {"aud": [CLIENT_ID, "https://api.example"]},
        {"exp": 4_000_000_000, "iat": 1_700_000_000.5, "nbf": 1_700_000_000},
        {"nickname": "\ud83d"},
        {"media_type": "application/jwt; charset=utf-8"},
        {"media_type": "Application/JWT"},
        {"media_type": "application/json"},
        {"media_type": "text/plain"},
        pytest.param(
            {"forge": lambda header, claims: compact(header, claims, OURS.rs256) + "\n"},
            id="a line end after it",
        ),
    ],
    ids=repr,
)
async def test_userinfo_that_is_signed_is_read(
    product: Product, provider: HostileProvider, changes: dict[str, Any]
) -> None:
    provider.userinfo = dict(NAMES)
    provider.dresses[USERINFO] = signing(provider, **changes)

    await product.sign_in()

    user = the_user(product)
    assert user.icn.value == ICN
    assert {name: getattr(user, name) for name in NAMES} == NAMES


def _altered(header: dict[str, object], claims: dict[str, object]) -> str:
    head, payload, signature = compact(header, claims, OURS.rs256).split(".")
    said = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"{head}.{base64url(json.dumps({**said, 'icn': OTHERS_ICN}).encode())}.{signature}"


FORGED: Final[dict[str, Forger]] = {
    "alg none": lambda header, claims: compact({**header, "alg": "none"}, claims, lambda _: b"0"),
    "alg none without a signature": lambda header, claims: compact(
        {**header, "alg": "none"}, claims, lambda _: b""
    ),
    "no alg": lambda header, claims: compact({"kid": "2026-a"}, claims, OURS.rs256),
    "HS256 with the public key": lambda header, claims: compact(
        {**header, "alg": "HS256"}, claims, OURS.hs256
    ),
    "another's key": lambda header, claims: compact(header, claims, ATTACKERS.rs256),
    "another's key in the header": lambda header, claims: compact(
        {**header, "jwk": ATTACKERS.jwk()}, claims, ATTACKERS.rs256
    ),
    "a key that nobody published": lambda header, claims: compact(
        {**header, "kid": "attacker"}, claims, ATTACKERS.rs256
    ),
    "altered": _altered,
    "a critical extension": lambda header, claims: compact(
        {**header, "crit": ["x"], "x": 1}, claims, OURS.rs256
    ),
    "a claim twice": lambda header, claims: compact(
        header, json.dumps(claims).encode()[:-1] + b',"sub":"x"}', OURS.rs256
    ),
    "an unread claim twice": lambda header, claims: compact(
        header, json.dumps(claims).encode()[:-1] + b',"a":1,"a":1}', OURS.rs256
    ),
    "encrypted": lambda header, claims: "e30.e30.e30.e30.e30",
    "no token": lambda header, claims: "",
    "not signed at all": lambda header, claims: json.dumps(claims),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_userinfo_that_is_not_signed_as_it_should_be_is_refused(
    product: Product, provider: HostileProvider, forge: Forger
) -> None:
    provider.dresses[USERINFO] = signing(provider, forge)
    product.secrets.add(OTHERS_ICN)

    await deny(product)
    assert not product.strays


@pytest.mark.case(44)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "userinfo_iss"),
        ({"iss": 7}, "userinfo_iss"),
        ({"aud": "another-client"}, "userinfo_aud"),
        ({"aud": ["another-client"]}, "userinfo_aud"),
        ({"aud": 7}, "userinfo_aud"),
        ({"exp": 1_700_000_000}, "userinfo_expired"),
        ({"exp": "4000000000"}, "userinfo_exp"),
        ({"nbf": 4_000_000_000}, "userinfo_from_the_future"),
        ({"iat": 4_000_000_000}, "userinfo_from_the_future"),
        ({"sub": "another"}, "userinfo_sub"),
        ({"sub": None}, "userinfo_sub"),
        ({"sub": ABSENT}, "userinfo_sub"),
    ],
)
async def test_userinfo_that_is_signed_for_another_purpose_is_refused(
    product: Product, provider: HostileProvider, changes: Mapping[str, Any], reason: str
) -> None:
    provider.dresses[USERINFO] = signing(provider, **changes)

    await deny(product, reason=reason)


# The status API --------------------------------------------------------------------------------

NO_STATUS: Final[dict[str, Any]] = {
    **{str(status): saying({}, status) for status in (400, 401, 403, 404, 413, 429, 500, 503)},
    "204": saying(b"", 204),
    "HTML": saying(b"<html>"),
    "nothing": saying(b""),
    "a redirect": saying(b"", 302, Location="https://elsewhere.example"),
    "too large": saying(b" " * 300_000),
    "a bomb": saying(BOMB, Content_Encoding="gzip"),
    "no data": saying({}),
    "data that is a list": saying({"data": []}),
    "no attributes": saying({"data": {"id": ICN}}),
    "an ICN twice": saying(b'{"data":{"id":"1","id":"2","attributes":{}}}'),
    "not now": saying({"data": {"id": None, "attributes": {"not_confirmed_reason": "ERROR"}}}),
}


@pytest.mark.parametrize(
    ("place", "reply"),
    [
        *((place, NO_STATUS["404"]) for place in ("id_token", "patient")),
        *(pytest.param("userinfo", reply, id=name) for name, reply in NO_STATUS.items()),
    ],
)
async def test_a_status_that_is_not_said_costs_no_sign_in_if_another_source_names_the_person(
    asking: Product, provider: HostileProvider, place: str, reply: Any
) -> None:
    provider.icn_in = place
    provider.replies[STATUS_PATH] = reply

    await asking.sign_in()

    assert the_user(asking).icn.value == ICN
    assert the_user(asking).status is VeteranStatus.UNKNOWN
    assert not asking.strays


async def test_a_status_that_is_not_said_today_stays_as_it_was(
    asking: Product, provider: HostileProvider
) -> None:
    await asking.sign_in()
    provider.replies[STATUS_PATH] = saying({}, 404)

    await asking.sign_in()

    assert the_user(asking).status is VeteranStatus.CONFIRMED


async def test_a_status_that_the_veteran_no_longer_shares_is_not_kept(
    asking: Product, provider: HostileProvider
) -> None:
    await asking.sign_in()
    provider.replies[STATUS_PATH] = saying({"error": "Token not granted requested scope."}, 403)

    await asking.sign_in()

    assert the_user(asking).status is VeteranStatus.UNKNOWN


@pytest.mark.case(45)
@pytest.mark.parametrize("reply", [saying({}, 401), saying({}, 404), saying(b"<html>")])
async def test_without_another_source_it_is_denied_known_or_not(
    asking: Product, provider: HostileProvider, reply: Any
) -> None:
    provider.icn_in = "nowhere"
    await asking.sign_in()
    provider.replies[STATUS_PATH] = reply

    assert_turned_away(asking, await asking.browser().attempt(), EXCHANGE_FAILED)


@pytest.mark.case(45)
async def test_a_status_that_names_another_person_still_contradicts(
    asking: Product, provider: HostileProvider
) -> None:
    attributes = {"veteran_status": "confirmed"}
    provider.replies[STATUS_PATH] = saying({"data": {"id": OTHERS_ICN, "attributes": attributes}})
    asking.secrets.add(OTHERS_ICN)

    await deny(asking, reason="icn_disagreement")


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
async def test_a_status_without_an_icn_or_a_word_says_nothing(
    asking: Product, provider: HostileProvider, empty: object
) -> None:
    attributes = {"veteran_status": empty, "not_confirmed_reason": empty}
    provider.replies[STATUS_PATH] = saying({"data": {"id": empty, "attributes": attributes}})

    await asking.sign_in()

    assert the_user(asking).status is VeteranStatus.UNKNOWN


# Mistakes of the operator ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        *("invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope"),
        *("invalid_client", "invalid_redirect_uri", "invalid_target", "invalid_request_uri"),
        *("invalid_request_object", "request_not_supported", "request_uri_not_supported"),
        *("registration_not_supported", "invalid_authorization_details"),
    ],
)
async def test_a_callback_that_reports_a_mistake_of_ours_is_an_alarm_and_our_fault(
    product: Product, provider: HostileProvider, error: str
) -> None:
    canary = "canary-of-the-provider"
    provider.callback = {"code": ABSENT, "error": error, "error_description": canary}
    product.secrets.add(canary)

    await deny(product, SERVICE_UNAVAILABLE, reason=error)

    (alarm,) = [line for line in product.logged if line["level"] == "error"]
    assert (alarm["event"], alarm["error"], alarm["reason"]) == (
        "sign_in_failed",
        SERVICE_UNAVAILABLE,
        error,
    )


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        ("login_required", ACCESS_DENIED, "login_required"),
        ("interaction_required", ACCESS_DENIED, "interaction_required"),
        ("account_selection_required", ACCESS_DENIED, "account_selection_required"),
        ("consent_required", ACCESS_DENIED, "consent_required"),
        ("unmet_authentication_requirements", ACCESS_DENIED, "unmet_authentication_requirements"),
        ("invalid_scope2", EXCHANGE_FAILED, "provider_error"),
        ("INVALID_SCOPE", EXCHANGE_FAILED, "provider_error"),
        ("Your account 123-45-6789 is locked", EXCHANGE_FAILED, "provider_error"),
    ],
)
async def test_any_other_error_of_a_callback_is_no_alarm_and_only_registered_codes_are_kept(
    product: Product, provider: HostileProvider, error: str, code: str, reason: str
) -> None:
    provider.callback = {"code": ABSENT, "error": error}

    await deny(product, code, reason=reason)

    assert "error" not in {line["level"] for line in product.logged}
