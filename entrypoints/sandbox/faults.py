"""Faults that can be set at the simulated VA.

A fault is one entry in a plan: a name and its settings. There are three kinds of names:

- an endpoint (``token``, ``status``, ...): the endpoint answers late, wrongly, or in another form;
- a change (``wrong_nonce``, ``token_overrides``, ...): a document is altered before it is sent;
- a habit (``rotate_refresh_tokens``, ...): the world behaves differently.

``times`` is how often a fault applies before it clears itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, final

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    NonNegativeFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)

from entrypoints.sandbox.errors import FaultPlanError
from entrypoints.sandbox.signing import IdToken, SigningKey, hs256_with_public_key, unsigned

Document = Mapping[str, object]
T = TypeVar("T")
#: Takes the document that VA would send and the fault's ``value``. Returns the changed document.
Change = Callable[[T, Document], T]

_DAY: Final = 24 * 60 * 60


class Endpoint(StrEnum):
    """The endpoints whose requests are counted and that can have faults."""

    AUTHORIZATION = "authorization"
    TOKEN = "token"  # noqa: S105 - an endpoint's name
    USERINFO = "userinfo"
    STATUS = "status"
    KEYS = "keys"
    DISCOVERY = "discovery"
    REVOKE = "revoke"
    INTROSPECT = "introspect"


class Habit(StrEnum):
    """Ways in which the world behaves differently while the fault of that name is set."""

    ROTATE_REFRESH_TOKENS = "rotate_refresh_tokens"
    DROP_TOKEN_RESPONSE = "drop_token_response_after_processing"  # noqa: S105 - a fault's name
    SIGNED_USERINFO = "signed_userinfo"
    ICN_IN_USERINFO = "icn_in_userinfo"


class Answer(StrEnum):
    """Answers that no client should accept. A bare status code gets VA's body for it."""

    REDIRECT = "redirect"
    HTML = "html"
    TRUNCATED = "truncated"
    HUGE = "huge"
    GZIP_BOMB = "gzip_bomb"
    SLOW_DRIP = "slow_drip"


class Fault(BaseModel, frozen=True, extra="forbid"):
    """A fault and how often it applies. Without ``times``, it applies until it is cleared."""

    times: PositiveInt | None = None


class OverrideFault(Fault, frozen=True):
    """Top-level fields to set. Null removes a field."""

    value: dict[str, Any]


class CallbackFault(Fault, frozen=True):
    """The error with which the Veteran returns to the client, whatever they chose."""

    error: str


def _known_charset(name: str) -> str:
    try:
        "".encode(name)
    except LookupError as error:
        raise ValueError("not a charset") from error
    return name


class EndpointFault(Fault, frozen=True):
    """What an endpoint does before its work, instead of it, or to the form of its answer.

    Attributes:
        delay_seconds: How long to wait before anything else.
        answer: The answer to return, or None for the real one.
        retry_after: ``Retry-After`` of an answer given by status code. VA sends one with 503.
        body: Replaces VA's body of an answer given by status code.
        interval_seconds: The time between two bytes of a slow drip.
        status: The status of the real answer, if it is a success.
        charset: The charset of the real answer.
        content_encoding: How the real answer is compressed.
    """

    delay_seconds: NonNegativeFloat = 0
    answer: Annotated[int, Field(ge=200, le=599)] | Answer | None = None
    retry_after: str | None = None
    body: str | None = None
    interval_seconds: NonNegativeFloat = 0.1
    status: Annotated[int, Field(ge=200, le=299)] | None = None
    charset: Annotated[str, AfterValidator(_known_charset)] | None = None
    content_encoding: Literal["gzip", "deflate"] | None = None


def _set(**fields: object) -> Change[Document]:
    return lambda document, _value: {**document, **fields}


def _drop(*names: str) -> Change[Document]:
    return lambda document, _value: {
        name: field for name, field in document.items() if name not in names
    }


def _shift(seconds: int, *names: str) -> Change[Document]:
    def change(document: Document, _value: Document) -> Document:
        times = {name: at + seconds for name in names if isinstance(at := document.get(name), int)}
        return {**document, **times}

    return change


def _override(document: Document, value: Document) -> Document:
    removed = {name for name, field in value.items() if field is None}
    return {name: field for name, field in {**document, **value}.items() if name not in removed}


def _in_data(change: Change[Document]) -> Change[Document]:
    def change_data(document: Document, value: Document) -> Document:
        data = document["data"]
        return {**document, "data": change(data, value) if isinstance(data, dict) else data}

    return change_data


def _in_keys(change: Change[Document]) -> Change[Document]:
    def change_keys(document: Document, value: Document) -> Document:
        keys = document["keys"]
        changed = [change(key, value) for key in keys] if isinstance(keys, list) else keys
        return {**document, "keys": changed}

    return change_keys


def _in_claims(change: Change[Document]) -> Change[IdToken]:
    return lambda token, value: replace(token, claims=change(token.claims, value))


def _in_header(change: Change[Document]) -> Change[IdToken]:
    return lambda token, value: replace(token, header=change(token.header, value))


@cache
def _foreign_key() -> SigningKey:
    return SigningKey.generate()


def _sign_with_foreign_key(token: IdToken, _value: Document) -> IdToken:
    return replace(token, key=_foreign_key())


def _sign_with_public_key(token: IdToken, _value: Document) -> IdToken:
    header = {**token.header, "alg": "HS256"}
    return replace(token, header=header, sign=hs256_with_public_key)


def _do_not_sign(token: IdToken, _value: Document) -> IdToken:
    return replace(token, header={**token.header, "alg": "none"}, sign=unsigned)


ID_TOKEN_CHANGES: Final[Mapping[str, Change[IdToken]]] = {
    "wrong_nonce": _in_claims(_set(nonce="a-nonce-that-nobody-sent")),
    "missing_nonce": _in_claims(_drop("nonce")),
    "wrong_iss": _in_claims(_set(iss="https://issuer.example/oauth2/another")),
    "wrong_aud": _in_claims(_set(aud="another-client")),
    "missing_sub": _in_claims(_drop("sub")),
    "expired_id_token": _in_claims(_shift(-_DAY, "iat", "auth_time", "exp")),
    "future_iat": _in_claims(_shift(_DAY, "iat", "exp")),
    "null_claims": _in_claims(
        _set(**dict.fromkeys(("at_hash", "nbf", "azp", "acr", "auth_time", "amr")))
    ),
    "id_token_overrides": _in_claims(_override),
    "no_kid": _in_header(_drop("kid")),
    "unknown_kid": _in_header(_set(kid="a-key-nobody-published")),
    "id_token_header_overrides": _in_header(_override),
    "bad_signature": _sign_with_foreign_key,
    "hs256_with_public_key": _sign_with_public_key,
    "alg_none": _do_not_sign,
}
TOKEN_CHANGES: Final[Mapping[str, Change[Document]]] = {
    "omit_refresh_token": _drop("refresh_token"),
    "omit_expires_in": _drop("expires_in"),
    "empty_refresh_token": _set(refresh_token=""),
    "expires_in_as_text": _set(expires_in="3600"),
    "token_overrides": _override,
}
USERINFO_CHANGES: Final[Mapping[str, Change[Document]]] = {
    "userinfo_sub_mismatch": _set(sub="00u00000000000000000"),
    # VA doesn't send this claim today. One that contradicts the status API must be refused.
    "icn_mismatch": _set(icn="9999999999V999999"),
    "null_names": _set(given_name=None, family_name=None, email=None),
    "unusual_spaces": _set(
        given_name="Mary\u00a0Ann", family_name="\u5c71\u7530\u3000\u592a\u90ce"
    ),
    "long_email": _set(email=f"{'a' * 249}@example.com"),
    # The first half of an emoji that somebody's program cut in two.
    "half_a_character": _set(nickname="\ud83d"),
    "userinfo_overrides": _override,
}
STATUS_CHANGES: Final[Mapping[str, Change[Document]]] = {
    "status_error": _in_data(
        _set(attributes={"veteran_status": "not confirmed", "not_confirmed_reason": "ERROR"})
    ),
    "malformed_icn": _in_data(_set(id="1012667145-762142")),
    "status_overrides": _in_data(_override),
}

KEYS_CHANGES: Final[Mapping[str, Change[Document]]] = {
    "empty_key_limits": _in_keys(_set(use=None, alg=None, key_ops=[])),
    "keys_overrides": _in_keys(_override),
}
DISCOVERY_CHANGES: Final[Mapping[str, Change[Document]]] = {
    "discovery_overrides": _override,
}
CALLBACK_ERROR: Final = "callback_error"

_CHANGES: Final = {
    *(*ID_TOKEN_CHANGES, *TOKEN_CHANGES, *USERINFO_CHANGES, *STATUS_CHANGES),
    *(*KEYS_CHANGES, *DISCOVERY_CHANGES),
}
_OVERRIDES: Final = {name for name in _CHANGES if name.endswith("_overrides")}
_KINDS: Final[Mapping[str, type[Fault]]] = {
    **dict.fromkeys((*_CHANGES, *Habit), Fault),
    **dict.fromkeys(_OVERRIDES, OverrideFault),
    **dict.fromkeys(Endpoint, EndpointFault),
    CALLBACK_ERROR: CallbackFault,
}
_PLAN: Final = TypeAdapter(dict[str, dict[str, Any]])


@final
class FaultBoard:
    """The active faults."""

    def __init__(self) -> None:
        self._active: dict[str, Fault] = {}

    def replace(self, plan: Mapping[str, Mapping[str, Any]] | bytes) -> None:
        """Replaces all faults with those of a plan, given as a mapping or as JSON.

        Raises:
            FaultPlanError: The plan is invalid. Nothing was changed.
        """
        try:
            entries = (
                _PLAN.validate_json(plan)
                if isinstance(plan, bytes)
                else _PLAN.validate_python(plan)
            )
            if unknown := entries.keys() - _KINDS.keys():
                known = ", ".join(sorted(_KINDS))
                raise FaultPlanError(f"No such fault: {', '.join(sorted(unknown))}. Known: {known}")
            self._active = {
                name: _KINDS[name].model_validate(entry) for name, entry in entries.items()
            }
        except ValidationError as error:
            raise FaultPlanError(str(error)) from error

    def clear(self) -> None:
        """Clears all faults."""
        self._active = {}

    def active(self) -> dict[str, dict[str, Any]]:
        """Returns the active faults as a plan that would set them again."""
        return {
            name: fault.model_dump(exclude_defaults=True) for name, fault in self._active.items()
        }

    def take(self, name: str) -> Fault | None:
        """Returns the active fault of that name, or None, and uses up one of its ``times``."""
        fault = self._active.get(name)
        if fault is None or fault.times is None:
            return fault
        if fault.times == 1:
            del self._active[name]
        else:
            self._active[name] = fault.model_copy(update={"times": fault.times - 1})
        return fault

    def alter(self, subject: T, changes: Mapping[str, Change[T]]) -> T:
        """Returns the subject with those of the ``changes`` whose faults are active."""
        for name in [name for name in self._active if name in changes]:
            fault = self.take(name)
            value = fault.value if isinstance(fault, OverrideFault) else {}
            subject = changes[name](subject, value)
        return subject
