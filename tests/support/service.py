"""The use cases over a storage, beside a provider and a clock that do as they are told."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from dependency_injector import providers

from adapters.memory.attempt_notes import MemoryAttemptNotes
from adapters.memory.client_assertions import MemoryClientAssertions
from adapters.memory.identity_provider import MemoryIdentityProvider
from adapters.memory.key_wrapper import MemoryKeyWrapper
from adapters.memory.refresh_tokens import MemoryRefreshTokens
from adapters.memory.secret_source import MemorySecretSource
from adapters.memory.session_tokens import IssuedClaims, MemorySessionTokens
from adapters.memory.store import MemoryStore
from adapters.memory.token_cipher import MemoryTokenCipher
from adapters.postgres.pool import opened
from application.login_starts import VALoginStarted
from application.ports.identity_provider import ProviderSignIn
from application.use_cases.sessions.validate_session import ValidateSessionCommand, ValidSession
from application.use_cases.sign_in.complete_va_login import (
    CompleteVALoginCommand,
    VALoginCompleted,
    VALoginOutcome,
)
from application.use_cases.sign_in.link_va_identity import LinkVAIdentityCommand
from application.use_cases.sign_in.start_va_login import StartVALoginCommand
from domain.app_challenge import AppChallenge
from domain.attempt_note import AttemptNote
from domain.audit_event import AuditEvent, AuditEventType
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId, SessionDelivery
from domain.identifiers import UserId
from domain.return_path import ReturnPath
from domain.secret import Secret
from domain.user import User
from domain.va_identity import VAIdentity
from domain.va_tokens import VATokens
from domain.visitor import Visitor
from entrypoints.container import Container
from entrypoints.settings import Settings
from tests.support.builders import (
    ISSUER,
    a_callback,
    a_provider_sign_in,
    a_visitor,
    some_tokens,
)
from tests.support.environment import read, required_settings, token_keys
from tests.support.frozen_clock import FrozenClock, frozen_clock
from tests.support.storage import Storage, memory_storage

#: No limit on starts: these tests have no address, and their clock stands still.
_SETTINGS: Final = read(required_settings() | {"VETASSIST_LOGIN_RATE": "0"})
#: What clients call the service.
AUDIENCE: Final = _SETTINGS.public_url


async def _stays() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in whose Veteran has signed in at the provider and is about to come back."""

    started: VALoginStarted
    code: Secret

    @property
    def note(self) -> AttemptNote:
        """What the browser keeps about the attempt."""
        return AttemptNote.of(self.started.attempt, self.started.secrets)

    def callback(
        self,
        *,
        visitor: Visitor | None = None,
        parameters: Mapping[str, str | list[str]] | None = None,
        **changes: Any,
    ) -> CompleteVALoginCommand:
        """The browser's callback.

        Args:
            visitor: Who sends it.
            parameters: Its parameters, instead of the code alone; a list repeats one.
            changes: What else differs in the command.
        """
        if parameters is None:
            parameters = {"code": self.code.reveal()}
        sent: dict[str, Any] = {"secrets": self.started.secrets, "is_abandoned": _stays}
        return CompleteVALoginCommand(
            callback=a_callback(parameters),
            visitor=visitor or a_visitor(),
            **(sent | changes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Every use case, by its name in the container."""

    container: Container
    storage: Storage
    provider: MemoryIdentityProvider
    clock: FrozenClock

    async def begin(
        self,
        signed_in: ProviderSignIn | VAIdentity | None = None,
        *,
        return_to: ReturnPath | None = None,
        app_challenge: AppChallenge | None = None,
        front_end: FrontEndId = SETTINGS_FRONT_END,
    ) -> Begun:
        """Send a browser to the provider and let a Veteran sign in there."""
        if not isinstance(signed_in, ProviderSignIn):
            signed_in = a_provider_sign_in(signed_in)
        started = await self.start(return_to, app_challenge=app_challenge, front_end=front_end)
        code = self.provider.consent(started.authorization_url, signed_in)
        return Begun(started=started, code=code)

    async def start(
        self,
        return_to: ReturnPath | None = None,
        *,
        visitor: Visitor | None = None,
        app_challenge: AppChallenge | None = None,
        front_end: FrontEndId = SETTINGS_FRONT_END,
    ) -> VALoginStarted:
        command = StartVALoginCommand(
            visitor=visitor or a_visitor(),
            return_to=return_to,
            app_challenge=app_challenge,
            front_end=front_end,
        )
        return await self.container.start_va_login().execute(command)

    async def complete(self, command: CompleteVALoginCommand) -> VALoginCompleted:
        """The browser comes back, and the sign-in is completed."""
        outcome = await self.come_back(command)
        assert isinstance(outcome, VALoginCompleted), outcome
        return outcome

    async def come_back(self, command: CompleteVALoginCommand) -> VALoginOutcome:
        """The browser comes back, however that ends."""
        return await self.container.complete_va_login().execute(command)

    async def sign_in(
        self,
        signed_in: ProviderSignIn | VAIdentity | None = None,
        *,
        visitor: Visitor | None = None,
        front_end: FrontEndId = SETTINGS_FRONT_END,
    ) -> VALoginCompleted:
        """A whole sign-in that succeeds."""
        begun = await self.begin(signed_in, front_end=front_end)
        return await self.complete(begun.callback(visitor=visitor))

    async def link(
        self,
        identity: VAIdentity,
        tokens: VATokens | None = None,
        *,
        visitor: Visitor | None = None,
    ) -> User:
        command = LinkVAIdentityCommand(
            identity=identity, tokens=tokens or some_tokens(), visitor=visitor or a_visitor()
        )
        return await self.container.link_va_identity().execute(command)

    async def stored_tokens(self, user_id: UserId) -> VATokens | None:
        """The user's stored tokens in the open."""
        return await opened_tokens(self.container, user_id)

    async def validate(self, token: Secret) -> ValidSession:
        command = ValidateSessionCommand(token=token)
        return await self.container.validate_session().execute(command)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryService(Service):
    """A service that keeps everything in memory, where a test can look at it."""

    store: MemoryStore = field(default_factory=MemoryStore)

    @property
    def audit(self) -> list[AuditEvent]:
        """The committed trail, oldest first, but for the sign-ins that began."""
        return after_the_start(self.store.committed.audit)

    def claims_in(self, token: Secret) -> IssuedClaims:
        """All claims of a token that the service issued."""
        tokens = self.container.session_tokens()
        assert isinstance(tokens, MemorySessionTokens)
        return tokens.issued[token.reveal()]


def deliver_by_code(container: Container) -> None:
    """Let the settings' front end get its sessions by code. Call it before the first sign-in."""
    url = container.settings().frontend_url
    front_end = FrontEnd.of_settings(url=url, delivery=SessionDelivery.CODE)
    container.front_end_roster.add_kwargs(settings=front_end)


def after_the_start(trail: Iterable[AuditEvent]) -> list[AuditEvent]:
    """Events but for those of a sign-in's beginning, which most tests have before theirs."""
    return [event for event in trail if event.type is not AuditEventType.LOGIN_STARTED]


async def opened_tokens(container: Container, user_id: UserId) -> VATokens | None:
    """What a container finds stored of a user's tokens, in the open."""
    async with container.unit_of_work() as work:
        sealed = await work.va_tokens.find(user_id)
        wrapped = await work.data_keys.find(user_id)
    if sealed is None:
        return None
    key = None if wrapped is None else await container.key_wrapper().unwrap(wrapped)
    return container.token_sealing().open(sealed, key)


def a_service(storage: Storage, settings: Settings = _SETTINGS) -> Service:
    """A service over ``storage``, with the real cryptography."""
    clock = frozen_clock()
    provider = MemoryIdentityProvider(issuer=ISSUER, clock=clock)
    world = _world_providers(clock, provider) | {"settings": settings}
    container = Container(**_storage_providers(storage), **world)
    return Service(container=container, storage=storage, provider=provider, clock=clock)


def a_service_with(storage: Storage, master_keys: Mapping[str, bytes]) -> Service:
    """A service over ``storage`` whose operator has given it these master keys."""
    keys = {"VETASSIST_TOKEN_KEYS": token_keys(master_keys)}
    return a_service(storage, read(required_settings() | {"VETASSIST_LOGIN_RATE": "0"} | keys))


def a_memory_service(
    store: MemoryStore, storage: Storage | None = None, *, settings: Settings = _SETTINGS
) -> MemoryService:
    """A service that is in memory throughout; ``storage`` stands in for the store's own."""
    storage = storage or memory_storage(store)
    clock = frozen_clock()
    provider = MemoryIdentityProvider(issuer=ISSUER, clock=clock)
    container = Container(
        **_storage_providers(storage),
        **(_world_providers(clock, provider) | {"settings": settings}),
        secrets=providers.Singleton(MemorySecretSource),
        key_wrapper=providers.Singleton(MemoryKeyWrapper),
        cipher=providers.Singleton(MemoryTokenCipher),
        session_tokens=providers.Singleton(MemorySessionTokens),
        refresh_tokens=providers.Singleton(MemoryRefreshTokens),
        attempt_notes=providers.Singleton(MemoryAttemptNotes),
        client_assertions=providers.Singleton(MemoryClientAssertions, audiences=[AUDIENCE]),
    )
    return MemoryService(
        container=container, storage=storage, provider=provider, clock=clock, store=store
    )


@asynccontextmanager
async def open_storage(container: Container) -> AsyncIterator[None]:
    """A container's storage, open for use cases and look-ups, without the rest of a server."""
    async with AsyncExitStack() as stack:
        for lifetime in container.command_lifetimes():
            await stack.enter_async_context(lifetime)
        await stack.enter_async_context(opened(container.lookup_pool()))
        yield


def _storage_providers(storage: Storage) -> dict[str, object]:
    return {
        "unit_of_work": providers.Callable(storage.unit_of_work),
        "login_attempts": providers.Object(storage.login_attempts),
        "session_lookup": providers.Object(storage.session_lookup),
        "user_directory": providers.Object(storage.user_directory),
        "user_records": providers.Object(storage.user_records),
        "front_end_directory": providers.Object(storage.front_end_directory),
        "disclosures": providers.Object(storage.disclosures),
        "audit_history": providers.Object(storage.audit_history),
        "readiness": providers.Object(storage.readiness),
        "sealed_trail": providers.Object(storage.sealed_trail),
    }


def _world_providers(clock: FrozenClock, provider: MemoryIdentityProvider) -> dict[str, object]:
    return {
        "settings": _SETTINGS,
        "clock": providers.Object(clock),
        "identity_provider": providers.Object(provider),
        "lifetimes": providers.List(),
    }
