"""A Veteran's VA access token for a back end: token exchange with the session service (RFC 8693).

Copy this file into a back end of yours; it needs httpx, PyJWT and cryptography. How to try
it: docs/backends.md.
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
    """VA's access token. Use it for the request at hand and forget it.

    Attributes:
        scope: All that it covers.
        expires_in: Seconds.
    """

    access_token: str = field(repr=False)
    scope: str
    expires_in: int


class Refused(Exception):  # noqa: N818 - it is an answer more than an error
    """There is no token.

    Attributes:
        error: As in RFC 6749, section 5.2; ``invalid_grant``: the Veteran has to sign in again.
        code: Finer, for programs; None when there is nothing to add.
    """

    def __init__(self, error: str, code: str | None) -> None:
        super().__init__(f"{error} ({code})" if code else error)
        self.error = error
        self.code = code


class Unavailable(Exception):  # noqa: N818 - as above
    """Nobody can say just now; answer 503, and log nobody out."""


class VATokens:
    """Asks for VA's tokens. One instance, and its open connections, serve every request.

    The key is one of P-256; its public half is what ``vetassist client add`` was given.
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
        """For the lifespan of the back end.

        Args:
            service_url: Where the back end reaches the service.
            audience: What the service calls itself: its VETASSIST_PUBLIC_URL.
            client_id: As registered.
            private_key: PEM.
        """
        key = load_pem_private_key(private_key, password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError("the key must be an EC key")
        # No proxy variable and no redirect may lead a token elsewhere.
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
            yield cls(
                client, service_url=service_url, audience=audience, client_id=client_id, key=key
            )

    async def token(self, veterans_jwt: str, *, purpose: str, scope: str) -> VAToken:
        """VA's access token for whoever the JWT belongs to. Each call is shown to the Veteran.

        Raises:
            Refused: There is none.
            Unavailable: VA or the session service does not answer.
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
        """A new one for each request: it counts once."""
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
        told = answer.json()
        if answer.status_code == httpx.codes.OK:
            return VAToken(
                access_token=told["access_token"],
                scope=told["scope"],
                expires_in=told["expires_in"],
            )
        if answer.status_code in {400, 401}:
            raise Refused(told["error"], told.get("code"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Whoever said so is not the session service.
        raise Unavailable from error
    raise Unavailable


async def main(purpose: str, scope: str) -> None:
    """Show that a token can be had, and not the token."""
    service_url = os.environ["VETASSIST_URL"]
    async with VATokens.opened(
        service_url,
        audience=os.environ.get("VETASSIST_PUBLIC_URL", service_url),
        client_id=os.environ["CLIENT_ID"],
        private_key=Path(os.environ["CLIENT_KEY"]).read_bytes(),  # noqa: ASYNC240 - once, at start
    ) as tokens:
        token = await tokens.token(os.environ["TOKEN"], purpose=purpose, scope=scope)
    print(f"A token for {token.scope}, good for {token.expires_in} seconds.")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
