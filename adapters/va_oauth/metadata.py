"""The provider's metadata and signing keys, fetched and cached.

Sources: OpenID Connect Discovery 1.0, sections 3 and 4.3; RFC 7517.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar, final

import anyio

from adapters.va_oauth.bounded_http import BoundedHTTP
from adapters.va_oauth.documents import Document, unsigned_document
from adapters.va_oauth.signing_keys import SigningKeys
from application.errors import (
    ProviderUnavailableError,
    SigningKeyUnknownError,
    UpstreamRejectedError,
)
from application.ports.clock import Clock
from domain.safe_url import is_safe_url

#: After this time, a cached document is fetched again ...
FRESH_FOR: Final = timedelta(hours=1)
#: ... and after this time, it isn't used even if the provider doesn't answer.
USABLE_FOR: Final = timedelta(hours=24)
#: Unknown key ids cause at most one fetch in this time.
REFETCH_SPACING: Final = timedelta(seconds=1)
_MAX_UNKNOWN_KEY_IDS: Final = 256

_T = TypeVar("_T")


@final
class ProviderMetadata:
    """The parts of the discovery document that are used."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.authorization_endpoint = _required(document, "authorization_endpoint")
        self.token_endpoint = _required(document, "token_endpoint")
        self.jwks_uri = _required(document, "jwks_uri")
        self.userinfo_endpoint = _optional(document, "userinfo_endpoint")
        self.promises_issuer_in_callback = (
            document.said("authorization_response_iss_parameter_supported") is True
        )

    @property
    def revocation_endpoint(self) -> str | None:
        """Where to revoke tokens, if anywhere. Read when needed, because no sign-in needs it.

        Raises:
            UpstreamRejectedError: It isn't a safe URL.
        """
        return _optional(self._document, "revocation_endpoint")


@final
class _Cached(Generic[_T]):
    """A remote document, fetched when needed. Concurrent callers share one fetch."""

    def __init__(self, fetch: Callable[[], Awaitable[_T]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = anyio.Lock()
        self._value: _T | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._tries = 0
        self.generation = 0

    async def current(self) -> _T:
        if (value := self._cached_within(FRESH_FOR)) is not None:
            return value
        usable = self._cached_within(USABLE_FOR)
        if usable is not None and self._lock.locked():
            # Another caller is fetching the new document. The cached one will do until then.
            return usable
        tries = self._tries
        async with self._lock:
            if (value := self._cached_within(FRESH_FOR)) is not None:
                return value
            if usable is not None and self._tried_within(REFETCH_SPACING):
                return usable
            try:
                return await self._refetch(tries)
            except ProviderUnavailableError:
                if usable is None:
                    raise
                return usable

    async def newer_than(self, generation: int) -> _T:
        """Returns a document that was fetched after the one of ``generation``."""
        tries = self._tries
        async with self._lock:
            if self.generation > generation and self._value is not None:
                return self._value
            if self._tries == tries and self._tried_at is not None and self.generation > 1:
                since = self._clock.now() - self._tried_at
                await anyio.sleep(max(0.0, (REFETCH_SPACING - since).total_seconds()))
            return await self._refetch(tries)

    async def _refetch(self, tries: int) -> _T:
        if self._tries > tries:
            # Callers that waited share the failure. If each tried in turn, the last one would
            # wait for as many deadlines as there are callers.
            raise ProviderUnavailableError("tried_meanwhile")
        try:
            self._value = await self._fetch()
        except ProviderUnavailableError:
            self._tries += 1
            raise
        finally:
            self._tried_at = self._clock.now()
        self._tries += 1
        self._fetched_at = self._tried_at
        self.generation += 1
        return self._value

    def _cached_within(self, age: timedelta) -> _T | None:
        if self._fetched_at is None or self._clock.now() - self._fetched_at > age:
            return None
        return self._value

    def _tried_within(self, age: timedelta) -> bool:
        return self._tried_at is not None and self._clock.now() - self._tried_at < age


@final
class ProviderDocuments:
    """The discovery document and JWKS of one provider."""

    def __init__(self, *, http: BoundedHTTP, discovery_url: str, issuer: str, clock: Clock) -> None:
        self._http = http
        self._discovery_url = discovery_url
        self._issuer = issuer
        self._metadata = _Cached(self._fetch_metadata, clock)
        self._keys = _Cached(self._fetch_keys, clock)
        self._unknown_key_ids: set[str] = set()

    async def metadata(self) -> ProviderMetadata:
        """Returns the discovery document.

        Raises:
            ProviderUnavailableError: It could not be fetched, or isn't acceptable.
        """
        return await self._metadata.current()

    async def signing_keys(self) -> SigningKeys:
        """Returns the public keys.

        Raises:
            ProviderUnavailableError: They could not be fetched.
        """
        return await self._keys.current()

    async def signing_key(self, key_id: str | None) -> Any:
        """Returns the RSA public key with that id.

        The first time an id is unknown, the keys are fetched again.

        Raises:
            SigningKeyUnknownError: There is no such key, or more than one.
            ProviderUnavailableError: The keys could not be fetched.
        """
        keys = await self._keys.current()
        generation = self._keys.generation
        if (key := keys.find(key_id)) is not None:
            return key
        if key_id is None or key_id in self._unknown_key_ids:
            raise SigningKeyUnknownError
        keys = await self._keys.newer_than(generation)
        if (key := keys.find(key_id)) is not None:
            self._unknown_key_ids.discard(key_id)
            return key
        if len(self._unknown_key_ids) >= _MAX_UNKNOWN_KEY_IDS:
            self._unknown_key_ids.clear()
        self._unknown_key_ids.add(key_id)
        raise SigningKeyUnknownError

    async def _fetch_metadata(self) -> ProviderMetadata:
        return await self._fetch(self._discovery_url, "discovery", self._metadata_of)

    def _metadata_of(self, document: Document) -> ProviderMetadata:
        if document.said("issuer") != self._issuer:
            raise ProviderUnavailableError("metadata_issuer")
        return ProviderMetadata(document)

    async def _fetch_keys(self) -> SigningKeys:
        metadata = await self.metadata()
        keys = await self._fetch(metadata.jwks_uri, "keys", SigningKeys.parse)
        # The new keys may contain ids that were unknown before.
        self._unknown_key_ids.clear()
        return keys

    async def _fetch(self, url: str, operation: str, read: Callable[[Document], _T]) -> _T:
        try:
            reply = await self._http.get(url, operation=operation)
            if not reply.is_success:
                raise ProviderUnavailableError(f"status_{reply.status}")
            return read(unsigned_document(reply, reason="metadata_{}", whole="unacceptable"))
        except UpstreamRejectedError as error:
            raise ProviderUnavailableError(error.reason) from error


def _required(document: Document, name: str) -> str:
    url = _optional(document, name)
    if url is None:
        raise document.unacceptable(name)
    return url


def _optional(document: Document, name: str) -> str | None:
    url = document.text(name)
    if url is not None and not is_safe_url(url):
        raise document.unacceptable(name)
    return url
