"""Use case: whether a back end is a registered client, and may ask for what it asks for."""

from dataclasses import dataclass
from typing import final

from application.errors import (
    ClientRefusedError,
    PurposeNotAllowedError,
    ScopeNotAllowedError,
)
from application.ports.client_assertions import ClientAssertions
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.errors import InvalidAssertionError
from domain.service_client import (
    AssertionCredential,
    ClientCredential,
    ClientId,
    SecretCredential,
    ServiceClient,
    parse_client_id,
)
from domain.va_token_use import TokenPurpose
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitClientCommand:
    """What the back end shows, and what it wants.

    Attributes:
        scopes: None: all that the client is registered for.
    """

    credential: ClientCredential
    purpose: TokenPurpose
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedClient:
    """A client that is who it says, with what it may ask for."""

    id: ClientId
    scopes: frozenset[str]


@final
class AdmitClient:
    """Authenticates, and then looks at what the client is registered for.

    A disabled client is refused from the next request on: nothing here is remembered.
    """

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, assertions: ClientAssertions, clock: Clock
    ) -> None:
        self._unit_of_work = unit_of_work
        self._assertions = assertions
        self._clock = clock

    async def execute(self, command: AdmitClientCommand) -> AdmittedClient:
        """Admit the client; an assertion is used up by that, whatever follows.

        Raises:
            ClientRefusedError: It has not proved that it is a client that may come.
            PurposeNotAllowedError: It may come, but not for this.
            ScopeNotAllowedError: It asks for more than it may.
            UnavailableError: Storage did not answer; an assertion may be used up all the same.
        """
        async with self._unit_of_work() as work:
            if isinstance(command.credential, SecretCredential):
                client = await _by_secret(work, command.credential)
            else:
                client = await self._by_assertion(work, command.credential)
            await work.commit()
        if command.purpose not in client.purposes:
            raise PurposeNotAllowedError("purpose_not_allowed", client.id)
        scopes = client.scopes if command.scopes is None else command.scopes
        if not scopes <= client.scopes:
            raise ScopeNotAllowedError("scope_not_allowed", client.id)
        return AdmittedClient(id=client.id, scopes=scopes)

    async def note_refusal(self, refusal: ClientRefusedError, visitor: Visitor) -> None:
        """Leave the refusal in the audit.

        Raises:
            UnavailableError: Storage did not answer.
        """
        known = {} if refusal.client_id is None else {"client": str(refusal.client_id)}
        event = AuditEvent.of_service(
            AuditEventType.CLIENT_REFUSED,
            visitor=visitor,
            now=self._clock.now(),
            reason=refusal.reason,
            **known,
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()

    async def _by_assertion(
        self, work: UnitOfWork, credential: AssertionCredential
    ) -> ServiceClient:
        try:
            claimed = self._assertions.claimed_client(credential.assertion)
        except InvalidAssertionError as error:
            raise ClientRefusedError(error.reason) from None
        client = await _known(work, claimed)
        # Source: RFC 7521, section 4.2: what stands beside it must be the same.
        if credential.client_id is not None and parse_client_id(credential.client_id) != claimed:
            raise ClientRefusedError("assertion_client", client.id)
        try:
            assertion = self._assertions.verify(credential.assertion, client, now=self._clock.now())
        except InvalidAssertionError as error:
            raise ClientRefusedError(error.reason, client.id) from None
        if not await work.service_clients.use_up(assertion):
            raise ClientRefusedError("assertion_replayed", client.id)
        return client


async def _by_secret(work: UnitOfWork, credential: SecretCredential) -> ServiceClient:
    client = await _known(work, parse_client_id(credential.client_id))
    if not client.knows(credential.secret):
        raise ClientRefusedError("wrong_secret", client.id)
    return client


async def _known(work: UnitOfWork, client_id: ClientId | None) -> ServiceClient:
    client = None if client_id is None else await work.service_clients.find(client_id)
    if client is None:
        raise ClientRefusedError("unknown_client")
    if client.disabled_at is not None:
        raise ClientRefusedError("disabled_client", client.id)
    return client
