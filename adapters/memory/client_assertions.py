"""Client assertions without cryptography."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, final

from application.ports.client_assertions import ClientAssertions
from domain.client_assertion import ClientAssertion, claimed_client
from domain.errors import InvalidAssertionError, InvalidServiceClientError
from domain.secret import Secret
from domain.service_client import ClientId, ClientKey, ServiceClient, SigningAlgorithm

_PREFIX = "public "


@final
class MemoryClientAssertions(ClientAssertions):
    """Uses the hash of the private key as the public key.

    Only for tests: each assertion contains the private key.

    Args:
        audiences: The names of this service that an assertion may use as its audience.
    """

    def __init__(self, *, audiences: Iterable[str]) -> None:
        self._audiences = frozenset(audiences)

    @staticmethod
    def public_key(private_key: str) -> str:
        """Returns the public key document for any private key."""
        return _PREFIX + hashlib.sha256(private_key.encode()).hexdigest()

    @staticmethod
    def sign(claims: Mapping[str, Any], private_key: str) -> Secret:
        """Returns an assertion with these claims."""
        return Secret(json.dumps([private_key, dict(claims)]))

    def read_key(self, document: str) -> ClientKey:
        text = document.strip()
        if not text.startswith(_PREFIX):
            raise InvalidServiceClientError("not a public key")
        return ClientKey(id=text[-16:], algorithm=SigningAlgorithm.EDDSA, jwk=json.dumps(text))

    def claimed_client(self, assertion: Secret) -> ClientId:
        return claimed_client(_opened(assertion)[1])

    def verify(self, assertion: Secret, client: ServiceClient, *, now: datetime) -> ClientAssertion:
        private_key, claims = _opened(assertion)
        public_key = json.dumps(self.public_key(private_key))
        if not any(hmac.compare_digest(public_key, key.jwk) for key in client.keys):
            raise InvalidAssertionError("assertion_signature")
        return ClientAssertion.of(claims, client_id=client.id, audiences=self._audiences, now=now)


def _opened(assertion: Secret) -> tuple[str, dict[str, Any]]:
    try:
        private_key, claims = json.loads(assertion.reveal())
    except (ValueError, TypeError) as error:
        raise InvalidAssertionError("assertion_shape") from error
    return str(private_key), dict(claims)
