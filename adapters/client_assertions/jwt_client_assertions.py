"""Client assertions as JWTs (RFC 7523), verified with PyJWT."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, final

import jwt

from adapters.client_assertions.public_keys import load_key, read_public_key
from application.ports.client_assertions import ClientAssertions
from application.strict_json import NotStrictJSONError, object_of
from domain.client_assertion import ClientAssertion, claimed_client
from domain.errors import InvalidAssertionError
from domain.secret import Secret
from domain.service_client import ClientId, ClientKey, ServiceClient, SigningAlgorithm

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
# A valid assertion with an 8192-bit signature is about half as long.
_MAX_CHARACTERS: Final = 4096
# The revision of RFC 7523 requires "client-authentication+jwt". Most clients omit `typ`.
_TYPES: Final = frozenset({None, "JWT", "client-authentication+jwt"})


@final
class JWTClientAssertions(ClientAssertions):
    """Takes the key and the algorithm from the registered client, never from the header alone.

    Args:
        audiences: The names of this service that an assertion may use as its audience.
    """

    def __init__(self, *, audiences: Iterable[str]) -> None:
        self._audiences = frozenset(audiences)
        self._codec = jwt.PyJWS(algorithms=[each.value for each in SigningAlgorithm])

    def read_key(self, document: str) -> ClientKey:
        return read_public_key(document)

    def claimed_client(self, assertion: Secret) -> ClientId:
        return claimed_client(_part(assertion.reveal(), 1))

    def verify(self, assertion: Secret, client: ServiceClient, *, now: datetime) -> ClientAssertion:
        token = assertion.reveal()
        header = _part(token, 0)
        kind = header.get("typ")
        if not isinstance(kind, str | None) or kind not in _TYPES or "crit" in header:
            raise InvalidAssertionError("assertion_header")
        for key in _candidates(client, header):
            if self._is_signed_by(token, key):
                return ClientAssertion.of(
                    _part(token, 1), client_id=client.id, audiences=self._audiences, now=now
                )
        raise InvalidAssertionError("assertion_signature")

    def _is_signed_by(self, token: str, key: ClientKey) -> bool:
        loaded = load_key(key)
        if loaded is None:
            return False
        try:
            self._codec.decode_complete(token, loaded, algorithms=[key.algorithm.value])
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return False
        return True


def _candidates(client: ServiceClient, header: dict[str, Any]) -> list[ClientKey]:
    """The client's keys that match the header's `alg` and, if there is one, its `kid`."""
    key_id = header.get("kid")
    if not isinstance(key_id, str | None):
        raise InvalidAssertionError("assertion_header")
    return [
        key
        for key in client.keys
        if key.algorithm.value == header.get("alg") and key_id in {None, key.id}
    ]


def _part(token: str, position: int) -> dict[str, Any]:
    if len(token) > _MAX_CHARACTERS or not _SHAPE.fullmatch(token):
        raise InvalidAssertionError("assertion_shape")
    encoded = token.split(".")[position]
    try:
        return object_of(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (NotStrictJSONError, ValueError) as error:
        raise InvalidAssertionError("assertion_shape") from error
