"""Gets a Veteran's VA access token from the session service by token exchange (RFC 8693).

Copy this file into your back end. It needs httpx, PyJWT and cryptography. See docs/backends.md
for how to try it.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
_DEADLINE_SECONDS: Final = 20.0
_ASSERTION_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class VAToken:
    """A VA access token. Use it for the current request and don't store it.

    Attributes:
        scope: All scopes that it covers.
        expires_in: The lifetime in seconds.
    """

    access_token: str = field(repr=False)
    scope: str
    expires_in: int


class Refused(Exception):  # noqa: N818 - it is an answer more than an error
    """The session service refused to return a token.

    Attributes:
        error: The error of RFC 6749, section 5.2. If it is ``invalid_grant``, the Veteran must
            sign in again.
        code: A more specific code for programs, or None.
    """

    def __init__(self, error: str, code: str | None) -> None:
        super().__init__(f"{error} ({code})" if code else error)
        self.error = error
        self.code = code


class Unavailable(Exception):  # noqa: N818 - as above
    """VA or the session service did not answer. Answer 503, and don't sign the user out."""


class VATokens:
    """Gets VA access tokens. Use one instance for all requests: it keeps connections open.

    The key is a P-256 key whose public half was registered with ``vetassist client add``.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        service_url: str,
        audience: str,
        client_id: str,
        key: EllipticCurvePrivateKey,
    ) -> None:
        self._client = client
        self._url = f"{service_url.rstrip('/')}/oauth/token"
        self._audience = audience
        self._client_id = client_id
        self._key = key

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, service_url: str, *, audience: str, client_id: str, private_key: bytes
    ) -> AsyncIterator[Self]:
        """Opens an instance. Keep it open for the lifespan of the back end.

        Args:
            service_url: Where the back end reaches the service.
            audience: The VETASSIST_PUBLIC_URL of the service.
            client_id: The client id as registered.
            private_key: The private key in PEM format.
        """
        key = load_pem_private_key(private_key, password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError("the key must be an EC key")
        # Proxy variables and redirects must not send a token elsewhere.
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
            yield cls(
                client, service_url=service_url, audience=audience, client_id=client_id, key=key
            )

    async def token(self, veterans_jwt: str, *, purpose: str, scope: str) -> VAToken:
        """Returns the VA access token of the JWT's Veteran, who can see each call.

        Raises:
            Refused: The session service refused.
            Unavailable: VA or the session service did not answer.
        """
        fields = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": veterans_jwt,
            "subject_token_type": _JWT,
            "purpose": purpose,
            "scope": scope,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self._assertion(),
        }
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                answer = await self._client.post(self._url, data=fields)
        except (TimeoutError, httpx.HTTPError) as error:
            raise Unavailable from error
        return _token_of(answer)

    def _assertion(self) -> str:
        """Returns a new client assertion. Each is accepted only once."""
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._audience,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        return jwt.encode(claims, self._key, algorithm="ES256")


def _token_of(answer: httpx.Response) -> VAToken:
    try:
        body = answer.json()
        if answer.status_code == httpx.codes.OK:
            return VAToken(
                access_token=body["access_token"],
                scope=body["scope"],
                expires_in=body["expires_in"],
            )
        if answer.status_code in {400, 401}:
            raise Refused(body["error"], body.get("code"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # The answer isn't from the session service.
        raise Unavailable from error
    raise Unavailable


async def main(purpose: str, scope: str) -> None:
    """Gets a token and prints its scope and lifetime, but not the token itself."""
    service_url = os.environ["VETASSIST_URL"]
    async with VATokens.opened(
        service_url,
        audience=os.environ.get("VETASSIST_PUBLIC_URL", service_url),
        client_id=os.environ["CLIENT_ID"],
        private_key=Path(os.environ["CLIENT_KEY"]).read_bytes(),  # noqa: ASYNC240 - once, at start
    ) as tokens:
        token = await tokens.token(os.environ["TOKEN"], purpose=purpose, scope=scope)
    print(f"Got a token for {token.scope}, valid for {token.expires_in} seconds.")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
