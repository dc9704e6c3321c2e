"""Which signatures count, and which keys may make one."""

import json
from typing import Any, cast

import pytest

from adapters.va_oauth.bounded_http import Reply
from adapters.va_oauth.documents import unsigned_document
from adapters.va_oauth.metadata import ProviderDocuments
from adapters.va_oauth.signatures import SignatureVerifier
from adapters.va_oauth.signing_keys import SigningKeys
from application.errors import UpstreamRejectedError
from tests.support.hostile_provider import ABSENT, base64url, compact, ec_jwk, rsa_key

OURS, OTHERS = rsa_key("ours"), rsa_key("others")
HEADER: dict[str, object] = {"alg": "RS256", "kid": "ours"}
CLAIMS: dict[str, object] = {"sub": "them"}


class Documents:
    """Has one key, and notes which one was asked for."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def signing_key(self, key_id: str | None) -> Any:
        self.asked.append(key_id)
        return OURS.private.public_key()


async def subject(token: str, documents: Documents | None = None) -> str | None:
    verifier = SignatureVerifier(cast("ProviderDocuments", documents or Documents()))
    return (await verifier.claims(token, source="it")).text("sub")


async def reason(token: str) -> str:
    with pytest.raises(UpstreamRejectedError) as rejected:
        await subject(token)
    return rejected.value.reason


async def test_what_the_key_signed_is_read_and_the_key_is_asked_for_by_its_id() -> None:
    documents = Documents()
    assert await subject(compact(HEADER, CLAIMS, OURS.rs256), documents) == "them"
    assert await subject(compact({"alg": "RS256"}, CLAIMS, OURS.rs256), documents) == "them"
    assert documents.asked == ["ours", None]


def of_length(characters: int) -> str:
    """A signed token of this length, or one less."""
    without = len(compact(HEADER, CLAIMS | {"x": ""}, OURS.rs256))
    padding = (characters - without) * 3 // 4
    return compact(HEADER, CLAIMS | {"x": "x" * padding}, OURS.rs256)


async def test_a_token_has_at_most_16_384_characters() -> None:
    longest = max((of_length(16_384 + more) for more in range(-4, 4)), key=_up_to_the_limit)
    assert len(longest) == 16_384
    assert await subject(longest) == "them"
    assert await reason(of_length(16_388)) == "it_shape"


def _up_to_the_limit(token: str) -> int:
    return len(token) if len(token) <= 16_384 else 0


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", "it_shape"),
        ("a.b", "it_shape"),
        ("a.b.c.d", "it_shape"),
        (compact(HEADER, CLAIMS, OURS.rs256) + "\n", "it_shape"),
        (compact(HEADER, CLAIMS, OTHERS.rs256), "it_signature"),
        (compact(HEADER, CLAIMS, OURS.ps256), "it_signature"),
        (compact(HEADER | {"alg": "PS256"}, CLAIMS, OURS.ps256), "it_header"),
        (compact(HEADER | {"alg": None}, CLAIMS, OURS.rs256), "it_header"),
        (compact(HEADER | {"crit": []}, CLAIMS, OURS.rs256), "it_header"),
        (compact(HEADER | {"kid": 7}, CLAIMS, OURS.rs256), "it_header"),
        (compact(b"[]", CLAIMS, OURS.rs256), "it_header"),
        (compact(HEADER, b"[]", OURS.rs256), "it_claims"),
        (compact(HEADER, b'{"sub":"them","sub":"us"}', OURS.rs256), "it_claims"),
        (compact(HEADER, {"sub": 7}, OURS.rs256), "it_sub"),
    ],
)
async def test_anything_else_is_refused_with_its_reason(token: str, expected: str) -> None:
    assert await reason(token) == expected


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_each_part_has_one_spelling(part: int) -> None:
    parts = compact(HEADER, CLAIMS | {"x": "1"}, OURS.rs256).split(".")
    expected = "it_header" if part == 0 else "it_signature"
    # Four characters stand for three bytes, so one alone stands for none.
    for wrong in (parts[part][:-1] + "_", "A" * 5):
        changed = [*parts[:part], wrong, *parts[part + 1 :]]
        assert await reason(".".join(changed)) == expected


@pytest.mark.parametrize("padded", range(3))
async def test_a_part_is_read_whatever_its_length(padded: int) -> None:
    claims = b'{"sub":"them"}' + b" " * padded
    assert await subject(compact(HEADER, claims, OURS.rs256)) == "them"


# Keys ------------------------------------------------------------------------------------------


def keys(*entries: object) -> SigningKeys:
    body = json.dumps({"keys": entries}).encode()
    reply = Reply(status=200, body=body, charset=None)
    return SigningKeys.parse(unsigned_document(reply, reason="jwks_{}"))


def found(key_id: str | None, *entries: object) -> str | None:
    key = keys(*entries).find(key_id)
    if key is None:
        return None
    return next(each.kid for each in (OURS, OTHERS) if each.private.public_key() == key)


def test_a_key_is_found_by_its_id() -> None:
    entries = (OURS.jwk(), OTHERS.jwk())
    assert [found(each, *entries) for each in ("ours", "others", "third", None)] == [
        "ours",
        "others",
        None,
        None,
    ]


def test_the_only_key_needs_no_id() -> None:
    assert found(None, OURS.jwk()) == "ours"
    assert found(None, OURS.jwk(kid=ABSENT)) == "ours"
    # Where no key has an id, the token's says nothing.
    assert found("whatever", OURS.jwk(kid=ABSENT)) == "ours"
    assert found("whatever", OURS.jwk(kid=ABSENT), OTHERS.jwk(kid=ABSENT)) is None
    assert found("whatever", OURS.jwk(kid=ABSENT), OTHERS.jwk()) is None


def test_an_id_of_two_keys_is_nobodys_and_a_key_may_be_listed_twice() -> None:
    assert found("ours", OURS.jwk(), OTHERS.jwk(kid="ours")) is None
    assert found("ours", OURS.jwk(), OURS.jwk()) == "ours"
    assert found(None, OURS.jwk(), OURS.jwk(kid="again")) == "ours"


@pytest.mark.parametrize(
    "changes",
    [
        {"use": ABSENT},
        {"alg": ABSENT},
        {"key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
        {"key_ops": []},
        {"x5c": 7},
    ],
)
def test_members_that_say_nothing_against_it_do_not_matter(changes: dict[str, object]) -> None:
    assert found("ours", OURS.jwk(**changes)) == "ours"


@pytest.mark.parametrize(
    "entry",
    [
        OURS.jwk(use="enc"),
        OURS.jwk(alg="RS512"),
        OURS.jwk(kty="EC"),
        OURS.jwk(kty=ABSENT),
        OURS.jwk(d="AQAB"),
        OURS.jwk(key_ops=["sign"]),
        OURS.jwk(key_ops="verify"),
        OURS.jwk(kid=7),
        OURS.jwk(n=ABSENT),
        OURS.jwk(n=7),
        OURS.jwk(n="!"),
        OURS.jwk(e=ABSENT),
        OURS.jwk(e=base64url(b"\x02")),
        rsa_key("short", 1024).jwk(),
        ec_jwk(),
        "ours",
        7,
    ],
)
def test_any_other_entry_is_passed_over(entry: object) -> None:
    assert found("others", entry, OTHERS.jwk()) == "others"
    # It is not the only key, but the only one that counts.
    assert found(None, entry, OTHERS.jwk()) == "others"


def of_bits(bits: int) -> dict[str, object]:
    return OURS.jwk(n=base64url((2 ** (bits - 1) + 1).to_bytes((bits + 7) // 8)))


@pytest.mark.parametrize(
    ("bits", "accepted"), [(2047, False), (2048, True), (8192, True), (8193, False)]
)
def test_a_key_has_2048_to_8192_bits(bits: int, *, accepted: bool) -> None:
    assert (keys(of_bits(bits)).find("ours") is not None) is accepted
