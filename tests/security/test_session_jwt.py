"""The session's JWT: what is accepted, and what never is."""

import hashlib
import hmac
import json
import string
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens, JWTSettings
from application.errors import UnauthenticatedError
from domain.session_claims import SessionClaims
from tests.support.builders import NOW
from tests.support.forgery import (
    AUDIENCE,
    HEADER,
    ISSUER,
    base64url,
    session_claims,
    signed,
    signing_input,
)
from tests.support.fuzzing import fuzzed, fuzzed_less
from tests.support.product import Product, running_product

SECRET: Final = bytes(range(32))
PREVIOUS: Final = bytes(range(32, 64))
USER: Final = UUID("6f1e4d0c-9f5b-4a51-8f6e-3a2b1c0d9e8f")
SESSION: Final = UUID("0b9d6f2e-4c1a-4e37-9b7d-5f6a7b8c9d0e")
BASE64URL: Final = string.ascii_letters + string.digits + "-_"
NOW_SECONDS: Final = int(NOW.timestamp())


def tokens(
    secret: bytes = SECRET, previous_secret: bytes | None = PREVIOUS, cache_size: int = 0
) -> JWTSessionTokens:
    settings = JWTSettings(
        secret=secret,
        previous_secret=previous_secret,
        issuer=ISSUER,
        audience=AUDIENCE,
        include_icn=True,
        cache_size=cache_size,
    )
    return JWTSessionTokens(settings)


#: One that remembers nothing, and one that remembers what it has verified.
TOKENS: Final = (tokens(), tokens(cache_size=64))


def claims(**changes: object) -> dict[str, object]:
    return session_claims(user_id=USER, session_id=SESSION, now=NOW, **changes)


VALID: Final = signed(claims(), SECRET)
COVERED: Final = VALID.rpartition(".")[0]
SIGNATURE: Final = hmac.digest(SECRET, COVERED.encode(), "sha256")


def accept(token: str, *, now: datetime = NOW) -> SessionClaims:
    plain, remembering = TOKENS
    verified = plain.verify(token, now=now)
    for _ in range(2):
        assert remembering.verify(token, now=now) == verified
    return verified


def refuse(token: str, *, now: datetime = NOW) -> None:
    for each in TOKENS:
        for _ in range(2):
            with pytest.raises(UnauthenticatedError):
                each.verify(token, now=now)


def compact(claims: dict[str, object]) -> bytes:
    return json.dumps(claims, separators=(",", ":")).encode()


# Case 59: the vectors of a published suite, in kind: right signatures in many shapes, and wrong
# ones of every sort.


@pytest.mark.case(59)
@pytest.mark.parametrize(
    "token",
    [
        VALID,
        signed(compact(claims()), SECRET),
        signed(json.dumps(claims(), indent=4).encode(), SECRET),
        signed(dict(reversed(claims().items())), SECRET),
        signed(claims(), SECRET, header={"typ": "JWT", "alg": "HS256"}),
        signed(claims(), SECRET, header=b' {"typ" : "JWT",\n"alg" : "HS256"} '),
        signed(claims(), SECRET, header={**HEADER, "kid": "a-key"}),
        signed(claims(later="added"), SECRET),
        signed(json.dumps(claims(later="žluťoučký"), ensure_ascii=False).encode(), SECRET),
        signed(claims(va_icn=None), SECRET),
        signed(claims(nbf=NOW_SECONDS), SECRET),
    ],
)
def test_a_right_signature_is_accepted_in_every_spelling(token: str) -> None:
    verified = accept(token)
    assert (verified.user_id, verified.session_id) == (USER, SESSION)


@pytest.mark.case(59)
@pytest.mark.parametrize("length", [32, 33, 63, 64, 65, 128, 512])
def test_a_key_of_any_length_signs(length: int) -> None:
    secret = hashlib.shake_256(b"a key").digest(length)
    assert tokens(secret, None).verify(signed(claims(), secret), now=NOW).user_id == USER


@pytest.mark.case(59)
@pytest.mark.parametrize("flipped", range(256))
def test_a_signature_with_one_bit_changed_is_refused(flipped: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[flipped // 8] ^= 1 << flipped % 8
    refuse(f"{COVERED}.{base64url(bytes(changed))}")


@pytest.mark.case(59)
@pytest.mark.parametrize(
    "signature",
    [
        *(SIGNATURE[:length] for length in range(32)),
        SIGNATURE + b"\0",
        SIGNATURE + SIGNATURE,
        b"\0" + SIGNATURE,
        bytes(32),
        b"\xff" * 32,
        bytes(byte ^ 0xFF for byte in SIGNATURE),
        SIGNATURE[::-1],
        SIGNATURE.hex().encode(),
        hashlib.sha256(COVERED.encode()).digest(),
        hashlib.sha256(SECRET + COVERED.encode()).digest(),
        hmac.digest(COVERED.encode(), SECRET, "sha256"),
        hmac.digest(SECRET, COVERED.partition(".")[0].encode(), "sha256"),
        hmac.digest(SECRET, COVERED.partition(".")[2].encode(), "sha256"),
        hmac.digest(SECRET, COVERED.encode() + b".", "sha256"),
        hmac.digest(SECRET, COVERED.encode(), "sha384"),
        hmac.digest(SECRET, COVERED.encode(), "sha512")[:32],
        hmac.digest(SECRET, COVERED.encode(), "sha1"),
        hmac.digest(b"", COVERED.encode(), "sha256"),
        hmac.digest(SECRET[:-1], COVERED.encode(), "sha256"),
        hmac.digest(SECRET.hex().encode(), COVERED.encode(), "sha256"),
    ],
)
def test_a_signature_made_in_any_other_way_is_refused(signature: bytes) -> None:
    refuse(f"{COVERED}.{base64url(signature)}")


@pytest.mark.case(59)
@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "JWT"},
        {"alg": "None", "typ": "JWT"},
        {"alg": "nOnE", "typ": "JWT"},
        {"alg": "", "typ": "JWT"},
        {"alg": "hs256", "typ": "JWT"},
        {"alg": "HS384", "typ": "JWT"},
        {"alg": "HS512", "typ": "JWT"},
        {"alg": "RS256", "typ": "JWT"},
        {"alg": "ES256", "typ": "JWT"},
        {"alg": "PS256", "typ": "JWT"},
        {"alg": "EdDSA", "typ": "JWT"},
        {"alg": "A256KW", "enc": "A256GCM", "typ": "JWT"},
        {"alg": ["HS256"], "typ": "JWT"},
        {"alg": {"HS256": "HS256"}, "typ": "JWT"},
        {"alg": True, "typ": "JWT"},
        {"alg": None, "typ": "JWT"},
        {"typ": "JWT"},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "crit": []},
        {**HEADER, "crit": "exp"},
        {**HEADER, "b64": False},
        {**HEADER, "b64": False, "crit": ["b64"]},
        b'{"alg":"HS256","typ":"JWT","alg":"none"}',
        b'["HS256","JWT"]',
        b'"HS256"',
        b"null",
        b"{}",
        b"{",
        b"\xff\xfe",
        b'{"alg":"HS256","typ":"JWT"}}',
    ],
)
def test_a_header_that_says_anything_else_is_refused(header: Any) -> None:
    refuse(signed(claims(), SECRET, header=header))
    refuse(signing_input(header, claims()) + ".")


@pytest.mark.case(59)
@pytest.mark.parametrize(("alg", "digest"), [("HS384", hashlib.sha384), ("HS512", hashlib.sha512)])
def test_a_genuine_signature_of_another_algorithm_is_refused(alg: str, digest: Any) -> None:
    refuse(signed(claims(), SECRET, header={"alg": alg, "typ": "JWT"}, digest=digest))


@pytest.mark.case(59)
@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        COVERED,
        f"{COVERED}.",
        f"{VALID}.",
        f".{VALID}",
        f"{VALID}.{base64url(SIGNATURE)}",
        f"{VALID}..",
        VALID.replace(".", "..", 1),
        VALID.replace(".", ""),
        VALID.swapcase(),
        f"Bearer {VALID}",
        f'"{VALID}"',
        json.dumps(
            {
                "protected": COVERED.partition(".")[0],
                "payload": COVERED.partition(".")[2],
                "signature": base64url(SIGNATURE),
            }
        ),
    ],
)
def test_a_token_of_any_other_shape_is_refused(token: str) -> None:
    refuse(token)


@pytest.mark.case(59)
def test_a_key_that_comes_with_the_token_is_not_used() -> None:
    own = b"a key of the sender's own choice"
    jwk = {"kty": "oct", "k": base64url(own), "alg": "HS256"}
    for brought in ({"jwk": jwk}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil"}):
        refuse(signed(claims(), own, header={**HEADER, **brought}))


# Case 60: one token, one spelling.


@pytest.mark.case(60)
@pytest.mark.parametrize("padding", ["=", "==", "==="])
@pytest.mark.parametrize("segment", [0, 1, 2])
def test_a_padded_segment_is_refused(segment: int, padding: str) -> None:
    segments = VALID.split(".")
    segments[segment] += padding
    refuse(".".join(segments))


@pytest.mark.case(60)
@pytest.mark.parametrize("odd", [*" \t\n\r\0+/!*,;:%$@~=", "\x85", "é", "\u200b", "\uff21"])
def test_an_odd_character_is_refused_wherever_it_stands(odd: str) -> None:
    for place in (0, 1, len(COVERED) // 2, len(COVERED) + 1, len(VALID) - 1, len(VALID)):
        refuse(VALID[:place] + odd + VALID[place:])


@pytest.mark.case(60)
def test_no_other_spelling_of_a_signature_is_accepted() -> None:
    last = VALID[-1]
    same_bytes = [
        other
        for other in BASE64URL
        if other != last and urlsafe_b64decode(f"{VALID[-43:-1]}{other}=") == SIGNATURE
    ]
    assert len(same_bytes) == 3
    for other in same_bytes:
        refuse(VALID[:-1] + other)


@pytest.mark.case(60)
def test_changing_any_one_character_is_refused() -> None:
    for place, character in enumerate(VALID):
        # In the signature for every other one, elsewhere for a few.
        others = BASE64URL if place > len(COVERED) else BASE64URL[place % 8 :: 8]
        for other in set(others) - {character}:
            changed = VALID[:place] + other + VALID[place + 1 :]
            try:
                accept(changed)
            except UnauthenticatedError:
                continue
            pytest.fail(f"accepted with {other} in place {place}")


@pytest.mark.case(60)
@fuzzed
@given(
    start=st.integers(0, len(VALID)),
    length=st.integers(0, 4),
    put=st.text(max_size=4),
)
def test_no_edit_of_a_valid_token_is_accepted(start: int, length: int, put: str) -> None:
    changed = VALID[:start] + put + VALID[start + length :]
    if changed != VALID:
        refuse(changed)


# Case 61: nothing a sender nests, repeats or makes long gets further than a refusal.


@pytest.mark.case(61)
@pytest.mark.parametrize("depth", [50, 500, 900, 1200])
@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_brackets_nested_in_the_header_are_refused(depth: int, bracket: bytes) -> None:
    open_only = b'{"alg":"HS256","typ":"JWT","x":' + bracket * depth
    for header in (bracket * depth, open_only, b"[" * depth + b"]" * depth):
        refuse(f"{base64url(header)}.{COVERED.partition('.')[2]}.{base64url(SIGNATURE)}")
        refuse(signed(claims(), SECRET, header=header))
        refuse(signed(b"{}", SECRET, header=header))


@pytest.mark.case(61)
@pytest.mark.parametrize("depth", [50, 500, 900, 1200])
@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_brackets_nested_in_the_claims_are_refused(depth: int, bracket: bytes) -> None:
    refuse(signed(bracket * depth, SECRET))
    refuse(signed(b"[" * depth + b"]" * depth, SECRET))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, -(10**400), USER.hex, f"{{{USER}}}", NOW_SECONDS + 60, ISSUER]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
# Encodes lone surrogates too, as escapes.
json_objects = st.dictionaries(st.text(max_size=8), json_values, max_size=6)


def only_verified_or_refused(token: str) -> None:
    try:
        verified = accept(token)
    except UnauthenticatedError:
        return
    assert isinstance(verified, SessionClaims)


@pytest.mark.case(61)
@fuzzed
@given(st.text(max_size=600))
def test_junk_is_refused_and_nothing_else_is_raised(junk: str) -> None:
    refuse(junk)


@pytest.mark.case(61)
@fuzzed
@given(st.lists(st.binary(max_size=200).map(base64url), min_size=3, max_size=3))
def test_junk_in_three_segments_is_refused(segments: list[str]) -> None:
    refuse(".".join(segments))


@pytest.mark.case(61)
@fuzzed_less
@given(header=json_objects, name=st.sampled_from(["alg", "typ", "kid", "crit", "b64", "x"]))
def test_a_signed_header_of_any_content_is_verified_or_refused(
    header: dict[str, Any], name: str
) -> None:
    value = header.popitem()[1] if header else None
    only_verified_or_refused(signed(claims(), SECRET, header={**header, **HEADER, name: value}))


@pytest.mark.case(61)
@fuzzed_less
@given(name=st.sampled_from(sorted(claims())), value=json_values, more=json_objects)
def test_signed_claims_of_any_content_are_verified_or_refused(
    name: str, value: Any, more: dict[str, Any]
) -> None:
    only_verified_or_refused(signed({**more, **claims(), name: value}, SECRET))


@pytest.mark.case(61)
@fuzzed
@given(st.binary(max_size=300))
def test_a_signed_payload_that_is_no_claims_is_refused(payload: bytes) -> None:
    refuse(signed(payload, SECRET))


# Case 62: a right signature is not enough.


@pytest.mark.case(62)
@pytest.mark.parametrize("typ", [None, "", "jwt", "JWT ", "at+jwt", "logout+jwt", ["JWT"], 1, {}])
def test_another_type_of_token_is_refused(typ: object) -> None:
    refuse(signed(claims(), SECRET, header={"alg": "HS256", "typ": typ}))


@pytest.mark.case(62)
def test_a_token_without_a_type_is_refused() -> None:
    refuse(signed(claims(), SECRET, header={"alg": "HS256"}))


@pytest.mark.case(62)
@pytest.mark.parametrize("name", ["sub", "iss", "aud", "iat", "exp", "jti", "sid"])
def test_a_missing_claim_is_refused(name: str) -> None:
    refuse(signed(claims(**{name: None}), SECRET))


@pytest.mark.case(62)
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("iss", wrong) for wrong in ["", "ganuda.us", ISSUER + "/", ISSUER.upper(), [ISSUER], 1]),
        *(("aud", wrong) for wrong in ["", "other", [], [AUDIENCE], [AUDIENCE, "other"], 1, {}]),
        *(("sub", wrong) for wrong in ["", "1", 1, [str(USER)], USER.hex, str(USER).upper()]),
        *(("sid", wrong) for wrong in ["", "1", 1, f"{{{SESSION}}}", f"urn:uuid:{SESSION}"]),
        *(("jti", wrong) for wrong in ["", 1, True, ["a"], {}]),
        *(("va_icn", wrong) for wrong in ["", "1012667145", 1012667145, ["1012667145V762142"]]),
    ],
)
def test_a_claim_of_another_value_or_kind_is_refused(name: str, wrong: object) -> None:
    refuse(signed(claims(**{name: wrong}), SECRET))


# Case 65, and how time may be written.


@pytest.mark.case(65)
def test_a_token_ends_with_the_second_it_names() -> None:
    token = signed(claims(exp=NOW_SECONDS + 1800), SECRET)
    end = NOW + timedelta(seconds=1800)

    assert accept(token, now=end - timedelta(seconds=1)).expires_at == end
    assert accept(token, now=end - timedelta(microseconds=1)).expires_at == end
    refuse(token, now=end)
    refuse(token, now=end + timedelta(seconds=1))


@pytest.mark.case(65)
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "odd",
    [
        b'"%d"' % (NOW_SECONDS + 60),
        b"%d.0" % (NOW_SECONDS + 60),
        b"%d.5" % (NOW_SECONDS + 60),
        b"18e8",
        b"true",
        b"null",
        b"[]",
        b"[%d]" % (NOW_SECONDS + 60),
        b"{}",
        b"Infinity",
        b"-Infinity",
        b"NaN",
        b"1" + b"0" * 400,
        b"-1" + b"0" * 400,
        b"1e400",
        b"9" * 20,
    ],
)
def test_a_time_that_is_no_plain_number_is_refused(name: str, odd: bytes) -> None:
    sound = json.dumps(claims(**{name: "HERE"})).encode()
    refuse(signed(sound.replace(b'"HERE"', odd), SECRET))


@pytest.mark.case(65)
@pytest.mark.parametrize("exp", [0, -1, NOW_SECONDS - 1, -NOW_SECONDS])
def test_an_end_in_the_past_is_refused(exp: int) -> None:
    refuse(signed(claims(exp=exp), SECRET))


@pytest.mark.case(65)
@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_start_in_the_future_is_refused_beyond_a_minute_of_skew(name: str) -> None:
    accept(signed(claims(**{name: NOW_SECONDS + 60}), SECRET))
    refuse(signed(claims(**{name: NOW_SECONDS + 61}), SECRET))


# Case 66: changing the key.


@pytest.mark.case(66)
def test_the_previous_key_is_accepted_and_a_retired_one_is_not() -> None:
    old, older = signed(claims(), PREVIOUS), signed(claims(), b"an older key, retired since then")

    assert accept(old).user_id == USER
    refuse(older)
    with pytest.raises(UnauthenticatedError):
        tokens(SECRET, None).verify(old, now=NOW)


@pytest.mark.case(66)
def test_tokens_signed_by_the_previous_key_are_checked_as_strictly() -> None:
    refuse(signed(claims(exp=NOW_SECONDS), PREVIOUS))
    refuse(signed(claims(), PREVIOUS, header={"alg": "HS256"}))
    refuse(signed(claims(aud="other"), PREVIOUS))


def test_what_is_remembered_of_verified_tokens_is_bounded() -> None:
    remembering = tokens(cache_size=8)
    many = [signed(claims(jti=f"token {number}"), SECRET) for number in range(50)]
    for token in [*many, *many]:
        assert remembering.verify(token, now=NOW).user_id == USER
        assert len(remembering._verified) <= 8


@pytest.mark.case(65)
def test_a_token_that_begins_after_it_was_issued_is_held_to_it_each_time() -> None:
    remembering = tokens(cache_size=8)
    token = signed(claims(nbf=NOW_SECONDS + 300), SECRET)

    remembering.verify(token, now=NOW + timedelta(minutes=10))
    with pytest.raises(UnauthenticatedError):
        remembering.verify(token, now=NOW)


# From here on, through the routes: the row behind the token.


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


def signing_key(product: Product) -> bytes:
    return product.settings.jwt_secret.reveal().encode()


async def a_token(product: Product, veteran: str = "tamara-ellis") -> str:
    return (await product.sign_in(veteran)).token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def show(product: Product, token: str) -> httpx.Response:
    return await product.browser().get("/api/v1/session", headers=bearer(token))


def claims_of(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return payload


def resigned(product: Product, token: str, **changes: object) -> str:
    """The token with other claims, under the service's own key."""
    return signed({**claims_of(token), **changes}, signing_key(product))


async def refused_by(product: Product, token: str) -> None:
    answer = await show(product, token)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_of_a_sign_in_says_what_is_promised(product: Product) -> None:
    token = await a_token(product)

    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    said = claims_of(token)
    assert set(said) == {"sub", "iss", "aud", "iat", "exp", "jti", "sid", "va_linked", "va_icn"}
    assert (said["iss"], said["aud"], said["va_linked"]) == (ISSUER, AUDIENCE, True)
    assert (said["iat"], said["exp"]) == (NOW_SECONDS, NOW_SECONDS + 1800)
    # 128 random bits at least (ASVS 5.0, 11.5.1).
    assert len(urlsafe_b64decode(said["jti"] + "=")) >= 16
    shown = (await show(product, token)).json()
    assert (shown["user_id"], shown["session_id"]) == (said["sub"], said["sid"])


async def test_an_operator_can_leave_the_icn_out_of_the_token() -> None:
    async with running_product(jwt_include_icn=False) as product:
        token = await a_token(product)
        assert "va_icn" not in claims_of(token)
        assert (await show(product, token)).status_code == 200


async def test_no_two_tokens_share_an_identifier(product: Product) -> None:
    said = [claims_of(await a_token(product)) for _ in range(20)]
    assert len({claims["jti"] for claims in said}) == len({claims["sid"] for claims in said}) == 20


@pytest.mark.case(63)
async def test_a_genuine_token_without_a_session_is_refused(product: Product) -> None:
    key = signing_key(product)
    await refused_by(
        product, signed(session_claims(user_id=uuid4(), session_id=uuid4(), now=NOW), key)
    )
    token = await a_token(product)
    assert (await show(product, resigned(product, token))).status_code == 200
    await refused_by(product, resigned(product, token, sid=str(uuid4())))


@pytest.mark.case(64)
async def test_a_token_of_a_revoked_session_is_refused(product: Product) -> None:
    token, other = await a_token(product), await a_token(product)
    browser = product.browser()
    ended = await browser.delete("/api/v1/session", headers=bearer(token))

    assert ended.status_code == 204
    await refused_by(product, token)
    assert (await show(product, other)).status_code == 200


@pytest.mark.case(64)
async def test_a_token_that_outlives_its_session_is_refused(product: Product) -> None:
    token = await a_token(product)
    long_lived = resigned(product, token, exp=NOW_SECONDS + 10 * 365 * 86_400)
    assert (await show(product, long_lived)).status_code == 200

    product.clock.advance(timedelta(days=365))

    await refused_by(product, long_lived)


@pytest.mark.case(64)
async def test_a_session_of_another_user_is_refused(product: Product) -> None:
    mine, theirs = await a_token(product), await a_token(product, "janet-moore")
    await refused_by(product, resigned(product, mine, sid=claims_of(theirs)["sid"]))
    await refused_by(product, resigned(product, mine, sub=claims_of(theirs)["sub"]))


@pytest.mark.case(65)
async def test_a_session_is_refused_from_the_second_its_token_ends(
    product: Product,
) -> None:
    token = await a_token(product)

    product.clock.advance(timedelta(seconds=1799))
    assert (await show(product, token)).status_code == 200
    product.clock.advance(timedelta(seconds=1))
    await refused_by(product, token)


@pytest.mark.case(66)
async def test_a_key_change_signs_nobody_out_before_the_old_key_is_retired() -> None:
    old, new = "the old key: f8A!kz0Qm-2sPw7Lx9Rt5Vb", "the new key: q3E$Yn6Cj+1uHd8Gi4Ko0Ms"
    async with running_product(jwt_secret=new, jwt_previous_secret=old) as product:
        token = await a_token(product)
        by_old_key = signed(claims_of(token), old.encode())
        assert jwt.PyJWS().decode(token, new, algorithms=["HS256"])
        assert (await show(product, by_old_key)).status_code == 200
    async with running_product(jwt_secret=new) as product:
        token = await a_token(product)
        await refused_by(product, signed(claims_of(token), old.encode()))


# Case 67: where a token may stand, and how often.

#: Some are answered on a short-cut, some on the long way.
ROUTES: Final = (
    ("GET", "/api/v1/session"),
    ("GET", "/api/v1/verify"),
    ("GET", "/api/v1/user"),
    ("DELETE", "/api/v1/session"),
)


@pytest.mark.case(67)
@pytest.mark.parametrize("size", [2049, 8_192, 65_536])
async def test_an_oversized_token_is_refused(product: Product, size: int) -> None:
    token = await a_token(product)
    await refused_by(product, "A" * size)
    await refused_by(product, resigned(product, token, more="x" * size))


@pytest.mark.case(67)
async def test_two_authorization_headers_are_refused(product: Product) -> None:
    token = await a_token(product)
    header = ("Authorization", f"Bearer {token}")
    browser = product.browser()
    assert (await browser.get("/api/v1/session", headers=[header])).status_code == 200
    for headers in ([header, header], [header, ("authorization", "Basic YTpi")]):
        for method, path in ROUTES:
            answer = await browser.http.request(method, path, headers=headers)
            assert answer.status_code == 401, path


@pytest.mark.case(67)
@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
async def test_the_scheme_is_accepted_in_any_case(product: Product, scheme: str) -> None:
    token = await a_token(product)
    browser = product.browser()
    answer = await browser.get("/api/v1/session", headers={"Authorization": f"{scheme} {token}"})
    assert answer.status_code == 200


@pytest.mark.case(67)
@pytest.mark.parametrize(
    "value",
    [
        "{token}",
        "Bearer",
        "Bearer ",
        "Bearer{token}",
        "Bearer\t{token}",
        "Bearer: {token}",
        "Basic {token}",
        "Token {token}",
        "DPoP {token}",
        "Bearer {token},",
        "Bearer {token} {token}",
        "Bearer {token}, Bearer {token}",
        'Bearer "{token}"',
        "Bearer token={token}",
        "Bearer {token}=",
        "",
    ],
)
async def test_an_authorization_header_of_another_form_is_refused(
    product: Product, value: str
) -> None:
    token = await a_token(product)
    headers = {"Authorization": value.format(token=token)}
    browser = product.browser()
    for method, path in ROUTES:
        answer = await browser.http.request(method, path, headers=headers)
        assert answer.status_code == 401, path


@pytest.mark.case(67)
@pytest.mark.parametrize("name", ["token", "access_token", "Authorization", "bearer", "jwt"])
async def test_a_token_in_the_query_or_the_body_is_never_accepted(
    product: Product, name: str
) -> None:
    token = await a_token(product)
    browser = product.browser()
    for path in ("/api/v1/session", "/api/v1/user", "/api/v1/verify"):
        assert (await browser.get(path, params={name: token})).status_code == 401
    ended = await browser.http.request("DELETE", "/api/v1/session", data={name: token})
    assert ended.status_code == 401
    assert (await show(product, token)).status_code == 200


async def test_another_token_kind_is_no_session_token(product: Product) -> None:
    """An ID token is signed by RS256; the confusion attack signs by its public key."""
    said = claims_of(await a_token(product))
    va = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = va.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    await refused_by(product, jwt.encode(said, va, algorithm="RS256"))
    await refused_by(product, jwt.encode(said, va, algorithm="PS256"))
    await refused_by(product, signed(said, public))
    id_token = {"iss": ISSUER, "aud": AUDIENCE, "sub": "00u1", "exp": said["exp"], "nonce": "n"}
    await refused_by(product, signed(id_token, signing_key(product)))
