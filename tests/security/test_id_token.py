"""Cases 25 to 46: ID tokens that an attacker, or a careless provider, could send.

Every token is made by hand, down to the bytes where a JSON writer would not go, and
delivered by a provider that does everything else right.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.va_oauth.identity_provider import VAIdentityProvider
from tests.security.denials import (
    EXCHANGE_FAILED,
    IDENTITY_MISSING,
    PROVIDER_UNAVAILABLE,
    assert_denied,
    assert_turned_away,
    parameters_of,
)
from tests.support.hostile_provider import (
    ABSENT,
    CLIENT_ID,
    ICN,
    Forger,
    HostileProvider,
    base64url,
    compact,
    ec_jwk,
    es256,
    never,
    redirecting,
    rsa_key,
    saying,
)
from tests.support.product import Product, until

OTHER_HEADER = b'{"alg":"RS256","kid":"2026-a"}'
KEYS = "/certs.json"
USERINFO = "/connect/me"
TOKEN = "/connect/exchange"
OURS = rsa_key("2026-a")
ATTACKERS = rsa_key("attacker")


def raw_claims(claims: dict[str, object], **raw: str) -> bytes:
    """The claims as JSON, with members whose values are given as JSON text."""
    kept = {name: value for name, value in claims.items() if name not in raw}
    members = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in kept.items()]
    return f"{{{','.join([*members, *(f'{json.dumps(k)}:{v}' for k, v in raw.items())])}}}".encode()


def with_header(
    sign: Callable[[bytes], bytes] = OURS.rs256, **changes: object
) -> Callable[[dict[str, object], dict[str, object]], str]:
    """A forger that changes the header and signs it."""
    return lambda header, claims: compact({**header, **changes}, claims, sign)


def constantly(signature: bytes) -> Callable[[bytes], bytes]:
    """A way to sign that gives the same signature to everything."""
    return lambda _data: signature


def of_an_honest_token(change: Callable[[str, str, str], str]) -> Forger:
    """A forger that changes what the provider had signed."""

    def forge(header: dict[str, object], claims: dict[str, object]) -> str:
        return change(*compact(header, claims, OURS.rs256).split("."))

    return forge


async def deny(product: Product, error: str = EXCHANGE_FAILED, reason: str | None = None) -> None:
    assert_denied(product, await product.browser().attempt(), error, reason=reason)


UNSIGNED: dict[str, Forger] = {
    f"{algorithm!r}, {len(signature)} bytes": with_header(constantly(signature), alg=algorithm)
    for algorithm in ("none", "None", "nOnE", "NONE", "", None, 0, ["RS256"], {"RS256": 1})
    for signature in (b"", bytes(256))
}


@pytest.mark.case(25)
@pytest.mark.parametrize("forge", UNSIGNED.values(), ids=UNSIGNED.keys())
async def test_a_token_that_nobody_signed_is_denied(
    product: Product, provider: HostileProvider, forge: Forger
) -> None:
    provider.forge = forge

    await deny(product)


@pytest.mark.case(25)
async def test_a_token_without_alg_is_denied(product: Product, provider: HostileProvider) -> None:
    provider.header = {"alg": ABSENT}

    await deny(product, reason="id_token_header")


@pytest.mark.case(26)
@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "hs256"])
async def test_hs256_keyed_with_the_rsa_public_key_is_denied(
    product: Product, provider: HostileProvider, algorithm: str
) -> None:
    provider.forge = with_header(OURS.hs256, alg=algorithm)

    await deny(product)


@pytest.mark.case(26)
@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
async def test_hs256_with_an_oct_key_of_the_jwks_is_denied(
    product: Product, provider: HostileProvider, algorithm: str
) -> None:
    secret = base64url(OURS.public_pem)
    provider.keys = [provider.key.jwk(), {"kty": "oct", "kid": "oct", "k": secret}]
    provider.forge = with_header(OURS.hs256, alg=algorithm, kid="oct")

    await deny(product)


OTHER_ALGORITHMS: dict[str, Forger] = {
    "ES256": with_header(es256, alg="ES256", kid="ec"),
    "ES256 that says RS256": with_header(es256, alg="RS256", kid="ec"),
    "PS256": with_header(OURS.ps256, alg="PS256"),
    "PS256 that says RS256": with_header(OURS.ps256, alg="RS256"),
    "RS512": with_header(OURS.rs512, alg="RS512"),
    "RS512 that says RS256": with_header(OURS.rs512, alg="RS256"),
    "RS256 in small letters": with_header(alg="rs256"),
    "RS256 with a space": with_header(alg="RS256 "),
    "EdDSA": with_header(alg="EdDSA"),
    "one that does not exist": with_header(alg="XX999"),
    "an encrypted one": with_header(alg="RSA-OAEP", enc="A256GCM"),
}


@pytest.mark.case(27)
@pytest.mark.parametrize("forge", OTHER_ALGORITHMS.values(), ids=OTHER_ALGORITHMS.keys())
async def test_any_algorithm_but_rs256_is_denied(
    product: Product, provider: HostileProvider, forge: Forger
) -> None:
    provider.keys = [provider.key.jwk(), ec_jwk()]
    provider.forge = forge

    await deny(product)


ALTERED: dict[str, Forger] = {
    "signed by somebody else": with_header(ATTACKERS.rs256),
    "signature cut": of_an_honest_token(lambda h, p, s: f"{h}.{p}.{s[:-4]}"),
    "signature longer": of_an_honest_token(lambda h, p, s: f"{h}.{p}.{s}AAAA"),
    "signature missing": of_an_honest_token(lambda h, p, s: f"{h}.{p}."),
    "two segments": of_an_honest_token(lambda h, p, s: f"{h}.{p}"),
    "four segments": of_an_honest_token(lambda h, p, s: f"{h}.{p}.{s}.{s}"),
    "five segments": of_an_honest_token(lambda h, p, s: f"{h}.{p}.{s}.{s}.{s}"),
    "one bit of the signature": of_an_honest_token(
        lambda h, p, s: f"{h}.{p}.{'B' if s[0] == 'A' else 'A'}{s[1:]}"
    ),
    "spare bits of the signature": of_an_honest_token(
        lambda h, p, s: f"{h}.{p}.{s[:-1]}{chr(ord(s[-1]) + 1)}"
    ),
    "signature of zeros": of_an_honest_token(lambda h, p, s: f"{h}.{p}.{base64url(bytes(256))}"),
    "claims exchanged": of_an_honest_token(lambda h, p, s: f"{h}.{base64url(b'{}')}.{s}"),
    "header exchanged": of_an_honest_token(lambda h, p, s: f"{base64url(OTHER_HEADER)}.{p}.{s}"),
    "padded": of_an_honest_token(lambda h, p, s: f"{h}.{p}.{s}=="),
    "with line ends": of_an_honest_token(lambda h, p, s: f"{h}.\n{p}.{s}"),
    "with a space": of_an_honest_token(lambda h, p, s: f"{h}.{p}.{s} "),
    "plain base64": of_an_honest_token(lambda h, p, s: f"{h}.{p}.{s[:-3]}+/+"),
    "empty": lambda header, claims: "",
    "two dots": lambda header, claims: "..",
    "no text": lambda header, claims: {"a": 1},
    "a number": lambda header, claims: 7,
    "absent": lambda header, claims: ABSENT,
    "JSON serialisation": lambda header, claims: json.dumps({"payload": "e30", "signatures": []}),
    "huge": lambda header, claims: compact(
        header, {**claims, "padding": "x" * 100_000}, OURS.rs256
    ),
    "claims are a list": lambda header, claims: compact(header, b"[]", OURS.rs256),
    "claims are no JSON": lambda header, claims: compact(header, b"\xff\xfe", OURS.rs256),
    "claims are empty": lambda header, claims: compact(header, b"", OURS.rs256),
    "header is a list": lambda header, claims: compact(b'["RS256"]', claims, OURS.rs256),
    "header is no JSON": lambda header, claims: compact(b"{", claims, OURS.rs256),
    "header has a BOM": lambda header, claims: compact(
        b"\xef\xbb\xbf" + json.dumps(header).encode(), claims, OURS.rs256
    ),
    "the payload is not encoded": with_header(b64=False, crit=["b64"]),
    "an extension that must be understood": with_header(crit=["exp"], exp=1),
    "an empty crit": with_header(crit=[]),
    "compressed": with_header(zip="DEF", crit=["zip"]),
}


@pytest.mark.case(28)
@pytest.mark.parametrize("forge", ALTERED.values(), ids=ALTERED.keys())
async def test_a_bad_signature_or_a_modified_segment_is_denied(
    product: Product, provider: HostileProvider, forge: Forger
) -> None:
    provider.forge = forge

    await deny(product)


@pytest.mark.case(28)
async def test_an_honest_token_is_accepted_so_that_the_others_prove_something(
    product: Product, provider: HostileProvider
) -> None:
    provider.forge = of_an_honest_token(lambda h, p, s: f"{h}.{p}.{s}")

    await product.sign_in()


@pytest.mark.case(29)
async def test_an_unknown_kid_is_worth_one_fetch_and_then_none(
    product: Product, provider: HostileProvider
) -> None:
    provider.header = {"kid": "a-key-nobody-published"}

    await deny(product, reason="key_unknown")
    assert provider.requests[KEYS] == 2
    for _ in range(5):
        assert_turned_away(product, await product.browser().attempt(), EXCHANGE_FAILED)

    assert provider.requests[KEYS] == 2


@pytest.mark.case(29)
async def test_64_concurrent_unknown_kids_make_one_fetch(
    product: Product, provider: HostileProvider
) -> None:
    await product.sign_in()
    assert provider.requests[KEYS] == 1
    numbers = iter(range(64))
    provider.forge = lambda header, claims: compact(
        {**header, "kid": f"kid-{next(numbers)}"}, claims, OURS.rs256
    )
    identity_provider = product.container.identity_provider()
    assert isinstance(identity_provider, VAIdentityProvider)
    waiting = identity_provider._flow.documents._keys._lock.statistics
    publish = saying({"keys": [provider.key.jwk()]})

    async def once_all_wait(request: Any) -> Any:
        await until(lambda: waiting().tasks_waiting == 63)
        return await publish(request)

    provider.replies[KEYS] = once_all_wait
    browsers = [product.browser() for _ in range(64)]
    callbacks = [await browser.begin() for browser in browsers]

    answers = await asyncio.gather(
        *(browser.get(callback) for browser, callback in zip(browsers, callbacks, strict=True))
    )

    assert provider.requests[KEYS] == 2
    assert {parameters_of(answer)["error"] for answer in answers} == {EXCHANGE_FAILED}
    assert len(product.sessions) == 1


@pytest.mark.case(29)
async def test_unknown_kids_one_after_the_other_are_remembered_without_bound(
    product: Product, provider: HostileProvider
) -> None:
    identity_provider = product.container.identity_provider()
    assert isinstance(identity_provider, VAIdentityProvider)
    documents = identity_provider._flow.documents
    await product.sign_in()
    documents._unknown_key_ids.update(f"kid-{number}" for number in range(256))
    provider.header = {"kid": "one-more"}

    await product.browser().attempt()

    assert len(documents._unknown_key_ids) <= 256


@pytest.mark.case(29)
@pytest.mark.parametrize("kid", [7, None, [], {}, True, 1.5], ids=repr)
async def test_a_kid_that_is_no_text_is_no_error_of_ours(
    product: Product, provider: HostileProvider, kid: object
) -> None:
    provider.keys = [provider.key.jwk(), rsa_key("2025-z").jwk()]
    provider.header = {"kid": kid}

    await deny(product)


@pytest.mark.case(29)
@pytest.mark.parametrize("kid", [" ", "../../keys", "' OR 1=1 --", "a\x00b", "2026-A", "x" * 5000])
async def test_a_kid_is_a_name_and_no_path_or_query(
    product: Product, provider: HostileProvider, kid: str
) -> None:
    provider.header = {"kid": kid}

    await deny(product, reason="key_unknown")
    assert not product.strays


@pytest.mark.case(30)
async def test_without_kid_and_with_one_key_it_is_accepted(
    product: Product, provider: HostileProvider
) -> None:
    provider.header = {"kid": ABSENT}

    await product.sign_in()


@pytest.mark.case(30)
async def test_without_kid_and_with_several_keys_it_is_denied(
    product: Product, provider: HostileProvider
) -> None:
    provider.header = {"kid": ABSENT}
    provider.keys = [provider.key.jwk(), rsa_key("2025-z").jwk()]

    await deny(product, reason="key_unknown")


UNFIT_KEYS: dict[str, dict[str, object]] = {
    "use enc": {"use": "enc"},
    "use unknown": {"use": "SIG"},
    "use no text": {"use": ["sig"]},
    "key_ops sign": {"key_ops": ["sign"]},
    "key_ops encrypt": {"key_ops": ["encrypt", "wrapKey"]},
    "key_ops of nothing": {"key_ops": [""]},
    "key_ops a text": {"key_ops": "verify"},
    "alg RS512": {"alg": "RS512"},
    "alg PS256": {"alg": "PS256"},
    "alg RSA-OAEP": {"alg": "RSA-OAEP"},
    "a private key": {"d": "AQAB"},
    "kty in small letters": {"kty": "rsa"},
    "kty oct": {"kty": "oct", "k": "AAAA"},
    "no modulus": {"n": ABSENT},
    "an exponent of one": {"e": "AQ"},
    "an even exponent": {"e": "BA"},
    "an empty modulus": {"n": ""},
}


@pytest.mark.case(31)
@pytest.mark.parametrize("changes", UNFIT_KEYS.values(), ids=UNFIT_KEYS.keys())
async def test_a_key_that_is_not_for_verifying_is_not_used(
    product: Product, provider: HostileProvider, changes: dict[str, object]
) -> None:
    provider.keys = [provider.key.jwk(**changes)]

    await deny(product, reason="key_unknown")


@pytest.mark.case(32)
async def test_an_rsa_key_of_1024_bits_is_not_used(
    product: Product, provider: HostileProvider
) -> None:
    provider.key = rsa_key("short", 1024)
    provider.keys = [provider.key.jwk()]

    await deny(product, reason="key_unknown")


@pytest.mark.case(32)
@pytest.mark.parametrize("is_first", [True, False])
async def test_two_keys_of_one_kid_are_not_used(
    product: Product, provider: HostileProvider, *, is_first: bool
) -> None:
    keys = [provider.key.jwk(), ATTACKERS.jwk(kid=provider.key.kid)]
    provider.keys = keys if is_first else keys[::-1]

    await deny(product, reason="key_unknown")


ELSEWHERE = "http://localhost:6666/keys.json"
POINTERS: dict[str, dict[str, object]] = {
    "jku": {"jku": ELSEWHERE},
    "x5u": {"x5u": ELSEWHERE},
    "jwk": {"jwk": ATTACKERS.jwk()},
    "x5c": {"x5c": ["MIIBszCCARwCAQA="]},
    "all of them": {"jku": ELSEWHERE, "x5u": ELSEWHERE, "jwk": ATTACKERS.jwk(), "x5c": ["AA=="]},
}


@pytest.mark.case(33)
@pytest.mark.parametrize("kid", ["2026-a", "attacker", ABSENT], ids=["ours", "theirs", "none"])
@pytest.mark.parametrize("pointers", POINTERS.values(), ids=POINTERS.keys())
async def test_a_key_that_the_token_brings_or_points_to_is_not_used(
    product: Product, provider: HostileProvider, pointers: dict[str, object], kid: object
) -> None:
    provider.header = {"kid": kid, **pointers}
    provider.forge = lambda header, claims: compact(header, claims, ATTACKERS.rs256)

    await deny(product)
    assert not product.strays


@pytest.mark.case(33)
@pytest.mark.parametrize("pointers", POINTERS.values(), ids=POINTERS.keys())
async def test_and_where_the_signature_holds_it_is_ignored_and_nobody_is_called(
    product: Product, provider: HostileProvider, pointers: dict[str, object]
) -> None:
    provider.header = pointers

    await product.sign_in()
    assert not product.strays


@pytest.mark.case(34)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_jwks_that_redirects_is_refused(
    product: Product, provider: HostileProvider, status: int
) -> None:
    provider.replies[KEYS] = redirecting(f"{provider.url}/elsewhere", status)

    await deny(product, PROVIDER_UNAVAILABLE)
    assert provider.requests["/elsewhere"] == 0


@pytest.mark.case(34)
async def test_keys_that_do_not_come_are_waited_for_only_so_long(
    product: Product, provider: HostileProvider
) -> None:
    provider.replies[KEYS] = never
    await deny(product, PROVIDER_UNAVAILABLE)


@pytest.mark.case(34)
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"keys":1,"keys":2}', b"[" * 20_000, b"\xff"]
)
async def test_a_jwks_that_is_none_is_no_error_of_ours(
    product: Product, provider: HostileProvider, body: bytes
) -> None:
    provider.replies[KEYS] = saying(body)

    await deny(product, PROVIDER_UNAVAILABLE)


@pytest.mark.case(34)
@pytest.mark.parametrize("keys", [None, {}, "keys", 7, [], [[]], {"kty": "RSA"}], ids=repr)
async def test_a_jwks_without_keys_is_no_error_of_ours(
    product: Product, provider: HostileProvider, keys: object
) -> None:
    provider.keys = keys

    await deny(product, reason="key_unknown")


ISSUER = "http://localhost:9000/realms/veterans"


@pytest.mark.case(35)
@pytest.mark.parametrize(
    "issuer",
    [
        f"{ISSUER}/",
        ISSUER.removesuffix("s"),
        f"{ISSUER}s",
        ISSUER.upper(),
        ISSUER.replace("realms", "Realms"),
        ISSUER.replace("http", "https"),
        ISSUER.replace("9000", "9000 "),
        f"{ISSUER}?",
        f"{ISSUER}\u0000",
        "",
        None,
        7,
        [ISSUER],
        {"iss": ISSUER},
        ABSENT,
    ],
    ids=repr,
)
async def test_an_iss_that_is_off_by_anything_is_denied(
    product: Product, provider: HostileProvider, issuer: object
) -> None:
    provider.claims = {"iss": issuer}

    await deny(product, reason="id_token_iss")


@pytest.mark.case(36)
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-client"},
        {"aud": ABSENT},
        {"aud": None},
        {"aud": []},
        {"aud": ""},
        {"aud": 7},
        {"aud": {CLIENT_ID: 1}},
        {"aud": [[CLIENT_ID]]},
        {"aud": ["another-client"]},
        {"aud": f"{CLIENT_ID} another"},
        {"aud": f"{CLIENT_ID}\u0000"},
        {"aud": CLIENT_ID.upper()},
        {"aud": CLIENT_ID[:-1]},
        {"aud": [CLIENT_ID, "another-client"]},
        {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
        {"aud": [CLIENT_ID, "another-client"], "azp": [CLIENT_ID]},
        {"aud": [CLIENT_ID], "azp": "another-client"},
        {"aud": CLIENT_ID, "azp": " "},
        {"aud": [CLIENT_ID, "another-client"], "azp": ""},
        {"aud": "another-client", "azp": CLIENT_ID},
    ],
    ids=repr,
)
async def test_an_aud_that_is_not_us_alone_is_denied_unless_azp_is_us(
    product: Product, provider: HostileProvider, claims: dict[str, object]
) -> None:
    provider.claims = claims

    await deny(product)


@pytest.mark.case(37)
@pytest.mark.parametrize(
    "subject",
    [ABSENT, None, "", 7, 0, True, [], {}, ["a"], "a\u0000b", "\u0000", "a" * 256, "é", "a\n"],
    ids=repr,
)
async def test_a_sub_that_is_none_is_denied(
    product: Product, provider: HostileProvider, subject: object
) -> None:
    provider.claims = {"sub": subject}
    provider.userinfo = {"sub": subject}

    await deny(product, reason="id_token_sub")


@pytest.mark.case(37)
async def test_a_sub_of_255_characters_is_accepted(
    product: Product, provider: HostileProvider
) -> None:
    provider.person["sub"] = "s" * 255

    await product.sign_in()


NO_DATES = {
    "a text": '"4000000000"',
    "a list": "[4000000000]",
    "an object": '{"at":4000000000}',
    "null": "null",
    "true": "true",
    "negative": "-1",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "NaN": "NaN",
    "10^400": "1" + "0" * 400,
    "10^5000": "1" + "0" * 5000,
    "1e400": "1e400",
    "1e308": "1e308",
    "10^12": "1000000000000",
}


@pytest.mark.case(38)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param(name, text, id=f"{name}: {what}")
        for name in ("exp", "iat", "nbf")
        for what, text in NO_DATES.items()
        # Nobody has to send one, and null means that nobody did.
        if (name, text) != ("nbf", "null")
    ],
)
async def test_a_time_that_is_none_is_denied_without_a_crash(
    product: Product, provider: HostileProvider, name: str, text: str
) -> None:
    provider.forge = lambda header, claims: compact(
        header, raw_claims(claims, **{name: text}), OURS.rs256
    )

    await deny(product)


@pytest.mark.case(38)
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400"])
async def test_what_is_no_json_is_denied_wherever_it_stands(
    product: Product, provider: HostileProvider, text: str
) -> None:
    provider.forge = lambda header, claims: compact(
        header, raw_claims(claims, unknown=text), OURS.rs256
    )

    await deny(product, reason="id_token_claims")


@pytest.mark.case(38)
@pytest.mark.parametrize("expiry", [ABSENT, 0, 1, 1.5])
async def test_a_missing_or_past_exp_is_denied(
    product: Product, provider: HostileProvider, expiry: object
) -> None:
    provider.claims = {"exp": expiry}

    await deny(product)


@pytest.mark.case(39)
async def test_a_missing_iat_is_denied(product: Product, provider: HostileProvider) -> None:
    provider.claims = {"iat": ABSENT}

    await deny(product, reason="id_token_iat")


@pytest.mark.case(39)
async def test_an_iat_in_the_future_beyond_the_leeway_is_denied(
    product: Product, provider: HostileProvider
) -> None:
    provider.claims = {"iat": provider.now() + 61}

    await deny(product, reason="id_token_from_the_future")


@pytest.mark.case(40)
async def test_an_nbf_in_the_future_is_denied(product: Product, provider: HostileProvider) -> None:
    provider.claims = {"nbf": provider.now() + 3600}

    await deny(product, reason="id_token_from_the_future")


@pytest.mark.case(41)
@pytest.mark.parametrize("nonce", [ABSENT, None, "", "another", 7, [], {}, True], ids=repr)
async def test_a_missing_or_wrong_nonce_is_denied(
    product: Product, provider: HostileProvider, nonce: object
) -> None:
    provider.claims = {"nonce": nonce}

    await deny(product, reason="id_token_nonce")


@pytest.mark.case(41)
async def test_another_transactions_nonce_is_denied(
    product: Product, provider: HostileProvider
) -> None:
    browser = product.browser()
    others = parameters_of(await browser.start())["nonce"]
    provider.claims = {"nonce": others}

    assert_denied(product, await browser.attempt(), reason="id_token_nonce")


@pytest.mark.case(41)
@pytest.mark.parametrize("nonce", ["list", "longer", "shorter", "capitals"])
async def test_a_nonce_that_is_nearly_right_is_denied(
    product: Product, provider: HostileProvider, nonce: str
) -> None:
    def forge(header: dict[str, object], claims: dict[str, object]) -> str:
        right = str(claims["nonce"])
        forms: dict[str, object] = {
            "list": [right],
            "longer": f"{right}A",
            "shorter": right[:-1],
            "capitals": right.swapcase(),
        }
        return compact(header, {**claims, "nonce": forms[nonce]}, OURS.rs256)

    provider.forge = forge

    await deny(product, reason="id_token_nonce")


@pytest.mark.case(41)
async def test_no_token_is_used_before_the_nonce_was_checked(
    product: Product, provider: HostileProvider
) -> None:
    provider.claims = {"nonce": "another"}

    await deny(product)
    assert provider.requests[USERINFO] == 0


@pytest.mark.case(41)
async def test_an_access_token_that_at_hash_does_not_name_is_denied(
    product: Product, provider: HostileProvider
) -> None:
    provider.token_answer = {"access_token": "a-token-put-in-its-place"}

    await deny(product, reason="id_token_at_hash")
    assert provider.requests[USERINFO] == 0


@pytest.mark.case(42)
@pytest.mark.parametrize("name", ["sub", "aud", "iss", "exp", "nonce", "icn", "unknown"])
@pytest.mark.parametrize("is_first", [True, False], ids=["evil first", "evil last"])
async def test_a_name_that_stands_twice_in_the_claims_is_denied(
    product: Product, provider: HostileProvider, name: str, *, is_first: bool
) -> None:
    evil = '"evil"'

    def forge(header: dict[str, object], claims: dict[str, object]) -> str:
        right = json.dumps(claims.get(name, "x"))
        values = (evil, right) if is_first else (right, evil)
        rest = {key: value for key, value in claims.items() if key != name}
        twice = ",".join(f'"{name}":{value}' for value in values)
        payload = f"{json.dumps(rest)[:-1]},{twice}}}".encode()
        return compact(header, payload, OURS.rs256)

    provider.forge = forge

    await deny(product, reason="id_token_claims")


@pytest.mark.case(42)
async def test_a_name_that_stands_twice_inside_a_claim_is_denied(
    product: Product, provider: HostileProvider
) -> None:
    provider.forge = lambda header, claims: compact(
        header, raw_claims(claims, address='{"a":1,"a":2}'), OURS.rs256
    )

    await deny(product, reason="id_token_claims")


@pytest.mark.case(42)
@pytest.mark.parametrize("header", [b'"alg":"none","alg":"RS256"', b'"alg":"RS256","alg":"none"'])
async def test_a_name_that_stands_twice_in_the_header_is_denied(
    product: Product, provider: HostileProvider, header: bytes
) -> None:
    provider.forge = lambda _header, claims: compact(
        b'{"kid":"2026-a",' + header + b"}", claims, OURS.rs256
    )

    await deny(product, reason="id_token_header")


@pytest.mark.case(42)
@pytest.mark.parametrize("path", [TOKEN, USERINFO])
async def test_a_name_that_stands_twice_in_an_answer_is_denied(
    product: Product, provider: HostileProvider, path: str
) -> None:
    provider.replies[path] = saying('{"sub":"a","sub":"b","access_token":"a","access_token":"b"}')

    await deny(product)


@pytest.mark.case(43)
@pytest.mark.parametrize("depth", [4_000, 20_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
@pytest.mark.parametrize("place", ["claims", "header", TOKEN, USERINFO])
async def test_json_nested_20_000_deep_is_denied_without_a_crash(
    product: Product, provider: HostileProvider, place: str, brackets: str, depth: int
) -> None:
    opening, closing = ("[", "]") if brackets == "[]" else ('{"a":', "}")
    nested = opening * depth + "1" + closing * depth
    if place == "claims":
        provider.forge = lambda header, claims: compact(
            header, raw_claims(claims, deep=nested), OURS.rs256
        )
    elif place == "header":
        provider.forge = lambda header, claims: compact(
            raw_claims(header, deep=nested), claims, OURS.rs256
        )
    else:
        provider.replies[place] = saying(f'{{"sub":{nested}}}')

    await deny(product)


@pytest.mark.case(44)
@pytest.mark.parametrize("subject", ["another", ABSENT, None, "", 7, []], ids=repr)
async def test_userinfo_about_somebody_else_is_denied(
    product: Product, provider: HostileProvider, subject: object
) -> None:
    provider.userinfo = {"sub": subject}

    await deny(product, reason="userinfo_sub")


@pytest.mark.case(44)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 302])
async def test_userinfo_that_refuses_is_denied(
    product: Product, provider: HostileProvider, status: int
) -> None:
    provider.replies[USERINFO] = saying({"sub": provider.person["sub"], "icn": ICN}, status)

    await deny(product)


MALFORMED = [" ", "1012845630", "1012845630v900607", f" {ICN}", f"{ICN}\n", 1012845630, [ICN], {}]


@pytest.mark.case(45)
@pytest.mark.parametrize("place", ["id_token", "userinfo", "patient"])
@pytest.mark.parametrize("icn", MALFORMED, ids=repr)
async def test_a_malformed_icn_is_denied(
    product: Product, provider: HostileProvider, place: str, icn: object
) -> None:
    provider.icn_in = place
    provider.person["icn"] = icn

    await deny(product, IDENTITY_MISSING, reason="icn_malformed")


@pytest.mark.case(45)
async def test_a_missing_icn_is_not_looked_for_where_nobody_verified_it(
    product: Product, provider: HostileProvider
) -> None:
    provider.icn_in = "nowhere"
    elsewhere = {"icn": ICN, "sub": ICN, "va_icn": ICN, "patient": ICN, "launch": {"patient": ICN}}
    provider.token_answer = {
        "access_token": compact({"alg": "RS256"}, elsewhere, OURS.rs256),
        "icn": ICN,
        "va_icn": ICN,
        "launch": {"patient": ICN},
    }
    provider.claims = {"at_hash": ABSENT, "va_icn": ICN, "preferred_username": ICN}
    provider.replies[USERINFO] = saying(
        {"sub": provider.person["sub"], "va_icn": ICN, "preferred_username": ICN}
    )

    await deny(product, IDENTITY_MISSING, reason="no_icn")


@pytest.mark.case(45)
async def test_a_sub_that_looks_like_an_icn_is_not_taken_for_one(
    product: Product, provider: HostileProvider
) -> None:
    provider.icn_in = "nowhere"
    provider.person["sub"] = ICN

    await deny(product, IDENTITY_MISSING, reason="no_icn")


@pytest.mark.case(45)
async def test_a_known_account_without_an_icn_today_is_denied_when_va_was_heard(
    product: Product, provider: HostileProvider
) -> None:
    await product.sign_in()
    provider.icn_in = "nowhere"

    answer = await product.browser().attempt()

    assert_turned_away(product, answer, IDENTITY_MISSING)
    assert len(product.sessions) == 1


@pytest.mark.case(46)
@pytest.mark.parametrize(
    ("name", "offset", "is_accepted"),
    [
        ("exp", -59, True),
        ("exp", -60, False),
        ("exp", -61, False),
        ("iat", 60, True),
        ("iat", 61, False),
        ("nbf", 60, True),
        ("nbf", 61, False),
    ],
)
async def test_clocks_may_differ_by_a_minute_and_no_more(
    product: Product, provider: HostileProvider, name: str, offset: int, *, is_accepted: bool
) -> None:
    provider.claims = {name: provider.now() + offset}

    if is_accepted:
        await product.sign_in()
    else:
        await deny(product)
